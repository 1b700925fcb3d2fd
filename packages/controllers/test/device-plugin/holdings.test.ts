// Goal: what pods hold is known whatever is restarted when: nothing that a pod has is forgotten, nothing that came back is kept for ever.
// Method: a model of kubelet and pods beside the record, driven by random acts; then single cases with bad files.
import { MemFiles, SimClock, silentLog } from '@vfleet/core';
import type { PodDevices } from '@vfleet/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_CHECKPOINT, Holdings } from '../../src/device-plugin/holdings.ts';

const id = (index: number) => `0000:81:01.${index}`;
const podWith = (resourceName: string, ...ids: readonly string[]): PodDevices => ({ namespace: 'x', name: `pod-${ids.join()}`, containers: [{ name: 'app', devices: [{ resourceName, ids }] }] });

function world(files = new MemFiles()) {
  const clock = new SimClock();
  let pods: readonly PodDevices[] | undefined = [];
  const podResources = { list: async () => (pods === undefined ? Promise.reject(new Error('down')) : pods) };
  const start = () => new Holdings({ files, podResources, clock, log: silentLog });
  return { clock, files, start, become: (now: readonly PodDevices[] | undefined) => (pods = now) };
}

test('what is given out is known at once, across a restart, and until the kubelet says otherwise', async () => {
  const { start, clock, become } = world();
  const first = start();
  expect((await first.note('intel.com/a', [id(0), id(1)])).ok).toBe(true);
  const second = start();
  await second.load();
  expect([second.resourceOf(id(0)), second.resourceOf(id(1)), second.resourceOf(id(2))]).toEqual(['intel.com/a', 'intel.com/a', undefined]);
  // Its pod is still being admitted.
  expect(await second.reconcile()).toBe(false);
  become([podWith('intel.com/a', id(0))]);
  await clock.run(61_000);
  expect(await second.reconcile()).toBe(true);
  expect([second.resourceOf(id(0)), second.resourceOf(id(1))]).toEqual(['intel.com/a', undefined]);
});

test('the kubelet\'s word wins, and its silence changes nothing', async () => {
  const { start, clock, become } = world();
  const holdings = start();
  await holdings.note('intel.com/a', [id(0)]);
  await clock.run(3_600_000);
  become(undefined);
  expect(await holdings.reconcile()).toBe(false);
  expect(holdings.resourceOf(id(0))).toBe('intel.com/a');
  become([podWith('intel.com/b', id(0), 'GPU-1')]);
  expect(await holdings.reconcile()).toBe(true);
  expect([holdings.resourceOf(id(0)), holdings.resourceOf('GPU-1')]).toEqual(['intel.com/b', undefined]);
});

test.each([['not JSON', '{'], ['another version', '{"version":2,"held":{}}'], ['another shape', '[]'], ['wrong entries', '{"version":1,"held":{"x":{"resource":"a","atMs":1},"0000:81:01.0":{"resource":1},"0000:81:01.1":null,"__proto__":{"resource":"a","atMs":1}}}']])('a file that is %s holds nothing, and is replaced', async (_name, text) => {
  const { start, files, clock } = world();
  await files.replace(DEFAULT_CHECKPOINT, text);
  const holdings = start();
  await holdings.load();
  expect(holdings.resourceOf(id(0))).toBeUndefined();
  expect((await holdings.note('intel.com/a', [id(3)])).ok).toBe(true);
  expect(await files.read(DEFAULT_CHECKPOINT)).toEqual({ ok: true, value: `{"version":1,"held":{"${id(3)}":{"resource":"intel.com/a","atMs":${clock.now()},"place":0}}}` });
});

test('a disk that takes nothing is reported, and nothing is given out on its word', async () => {
  const { start } = world(new MemFiles(() => 'noSpace'));
  expect(await start().note('intel.com/a', [id(0)])).toMatchObject({ ok: false, error: { code: 'noSpace' } });
});

describe('properties', () => {
  type Act = { readonly do: 'allocate' | 'end' | 'restart' | 'reconcile' | 'wait' | 'outage' | 'back'; readonly device: number };
  const act: fc.Arbitrary<Act> = fc.record({ do: fc.constantFrom('allocate', 'end', 'restart', 'reconcile', 'wait', 'outage', 'back'), device: fc.integer({ min: 0, max: 3 }) });

  test('no running pod\'s device is ever free, and in the end nothing else is held', async () => {
    await fc.assert(fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
      const { clock, start, become } = world();
      const running = new Map<number, string>();
      let up = true;
      const show = () => become(up ? [...running].map(([device, resource]) => podWith(resource, id(device))) : undefined);
      let holdings = start();
      for (const { do: what, device } of acts) {
        if (what === 'allocate' && !running.has(device)) {
          const resource = `intel.com/${device % 2 === 0 ? 'a' : 'b'}`;
          await holdings.note(resource, [id(device)]);
          running.set(device, resource);
        } else if (what === 'end') running.delete(device);
        else if (what === 'restart') {
          holdings = start();
          await holdings.load();
        } else if (what === 'reconcile') await holdings.reconcile();
        else if (what === 'wait') await clock.run(45_000);
        else if (what === 'outage') up = false;
        else up = true;
        show();
        for (const [held, resource] of running) expect(holdings.resourceOf(id(held))).toBe(resource);
      }
      up = true;
      show();
      await clock.run(61_000);
      await holdings.reconcile();
      for (let device = 0; device <= 3; device++) expect(holdings.resourceOf(id(device))).toBe(running.get(device));
    }));
  });
});
