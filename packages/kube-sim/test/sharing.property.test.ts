// Goal: the short cuts of writes change nothing: parts of an object that were decoded before are taken as they are, times that are as they
// should be are not read, and a checkpoint that grows says what one written at once says. Method: properties against the long way.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goDecode } from '../src/schema/go-decode.ts';
import { typeDefaults } from '../src/builtin/defaults/defaults.ts';
import { publishedTypes } from '../src/schemas/published.ts';
import { GoTimeError, isCanonicalTime, parseGoTime } from '../src/values/go-time.ts';
import { equalJson, frozen } from '../src/values/json.ts';
import type { JsonObject } from '../src/values/json.ts';
import { checkpointText, holdText, noHolds, parseCheckpoint, withHold } from '../src/kubelet/device-checkpoint.ts';
import type { DeviceHold } from '../src/kubelet/device-checkpoint.ts';

const words = fc.constantFrom('a', 'b', 'name', 'nginx:1', '');
const container = fc.record({ name: words, image: words, ports: fc.array(fc.record({ containerPort: fc.nat(70_000), protocol: fc.constantFrom('TCP', 'UDP') }), { maxLength: 2 }), resources: fc.record({ limits: fc.dictionary(words, fc.constantFrom('1', '1000m', 2)) }) }, { requiredKeys: [] });
const pod = fc.record({
  apiVersion: fc.constant('v1'), kind: fc.constant('Pod'),
  metadata: fc.record({ name: words, labels: fc.dictionary(words, words), creationTimestamp: fc.constantFrom(null, '2026-01-01T00:00:00Z', '2026-01-01T02:00:00+02:00') }, { requiredKeys: [] }),
  spec: fc.record({ containers: fc.array(container, { maxLength: 3 }), nodeName: words, unheardOf: fc.boolean() }, { requiredKeys: ['containers'] }),
}, { requiredKeys: ['apiVersion', 'kind', 'metadata'] });

describe('decoding with what was decoded before', () => {
  const type = publishedTypes().ofKind('', 'v1', 'Pod');
  const decode = (value: JsonObject, normal?: JsonObject) => {
    const unknown: string[] = [];
    return { object: goDecode(value, type, { unknown: (path) => unknown.push(path), defaults: typeDefaults }, normal), unknown };
  };

  it('gives what decoding from scratch gives', () => {
    fc.assert(fc.property(pod, pod, fc.subarray(['metadata', 'spec'] as const), fc.boolean(), (stored, sent, shared, sharesContainer) => {
      const normal = decode(frozen(stored) as JsonObject).object;
      const mixed: Record<string, unknown> = { ...sent };
      for (const key of shared) if (normal[key] !== undefined) mixed[key] = normal[key];
      const inner = normal['spec'] as JsonObject | undefined;
      if (sharesContainer && inner !== undefined && !shared.includes('spec')) mixed['spec'] = { ...sent.spec, containers: [...(inner['containers'] as readonly unknown[] | null ?? []), { name: 'more' }] };
      const [long, short] = [decode(mixed), decode(mixed, normal)];
      expect(equalJson(short.object, long.object)).toBe(true);
      expect(short.unknown).toEqual(long.unknown);
    }));
  });

  it('shares the parts that it takes', () => {
    const normal = decode({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', labels: { b: 'c' } }, spec: { containers: [{ name: 'a' }] } }).object;
    const next = decode({ ...normal, metadata: { ...(normal['metadata'] as JsonObject), name: 'b' } }, normal).object;
    expect(next['spec']).toBe(normal['spec']);
    expect((next['metadata'] as JsonObject)['labels']).toBe((normal['metadata'] as JsonObject)['labels']);
  });
});

describe('a time as Kubernetes writes it', () => {
  const digits = fc.constantFrom(...'0123456789');
  const number = (length: number) => fc.array(digits, { minLength: length, maxLength: length }).map((list) => list.join(''));
  const near = fc.tuple(number(4), number(2), number(2), number(2), number(2), number(2), fc.constantFrom('Z', 'z', '+00:00', '.000000Z', ''))
    .map(([year, month, day, hour, minute, second, end]) => `${year}-${month}-${day}T${hour}:${minute}:${second}${end}`);

  it.each(['seconds', 'micros'] as const)('is one that Go reads: %s', (precision) => {
    fc.assert(fc.property(fc.oneof(near, fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2199-01-01') }).map((date) => `${date.toISOString().slice(0, 19)}${precision === 'micros' ? '.000000' : ''}Z`)), (text) => {
      const isRead = (() => {
        try {
          parseGoTime(text, precision);
          return true;
        } catch (error) {
          if (error instanceof GoTimeError) return false;
          throw error;
        }
      })();
      const hasForm = (precision === 'seconds' ? /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/ : /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/).test(text);
      expect(isCanonicalTime(text, precision)).toBe(isRead && hasForm);
    }), { numRuns: 500 });
  });
});

describe('a checkpoint that grows', () => {
  const hold: fc.Arbitrary<DeviceHold> = fc.record({
    podUid: fc.uuid(), namespace: words, podName: fc.string(), container: words, resourceName: words, ids: fc.array(fc.string(), { maxLength: 3 }),
    allocation: fc.constant({ environment: {}, devices: [], mounts: [], annotations: {} } as unknown as DeviceHold['allocation']),
  });

  it('is read back as what went into it, and not when it is torn', () => {
    fc.assert(fc.property(fc.array(hold, { maxLength: 5 }), fc.nat(200), (holds, lost) => {
      const text = checkpointText(holds.map(holdText).reduce(withHold, noHolds), '{"r":["a"]}');
      expect(parseCheckpoint(text)).toEqual({ holds, registered: { r: ['a'] } });
      if (lost > 0) expect(parseCheckpoint(text.slice(0, -lost))).toBeUndefined();
    }));
  });
});
