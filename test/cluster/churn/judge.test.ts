// Goal: the judge of the churn finds what an informer missed, got twice or got wrongly. Method: a history of writes, the records of an
// informer that saw it all, and every record of them left out, doubled, swapped or changed.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Judge } from './judge.ts';
import type { InformerRecord, InformerSpec, Seen } from './records.ts';
import { Truth } from './truth.ts';

const spec: InformerSpec = { name: 'one', resource: 'configmaps', namespace: '', onlyShown: false, minSeconds: 0, maxSeconds: 0 };
const seen = (key: string, life: number, version: number): Seen => [key, `${key}#${life}`, String(version), `n${version}`];

interface History {
  readonly truth: Truth;
  readonly events: readonly { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Seen }[];
}

/** Writes to a few objects; a step names one of them, and deletes it when it is there and `away`. */
function historyOf(steps: readonly { readonly object: number; readonly away: boolean }[]): History {
  const truth = new Truth();
  const alive = new Map<string, Seen>();
  const events: History['events'][number][] = [];
  steps.forEach(({ object, away }, index) => {
    const [key, version] = [`churn-a/${object}`, index * 2 + 10];
    const before = alive.get(key);
    if (away && before !== undefined) {
      alive.delete(key);
      truth.deleted({ resource: 'configmaps', key, uid: before[1], after: version - 2 })(version + 2);
      truth.learn(before[1], version);
      events.push({ type: 'DELETED', object: [key, before[1], String(version), before[3]] });
      return;
    }
    const now = seen(key, before === undefined ? version : Number(before[1].split('#')[1]), version);
    alive.set(key, now);
    truth.put({ resource: 'configmaps', key, uid: now[1], version, number: now[3], shown: true });
    events.push({ type: before === undefined ? 'ADDED' : 'MODIFIED', object: now });
  });
  return { truth, events };
}

/** What a faultless informer does that begins with an empty list. */
function faultless(events: History['events']): InformerRecord[] {
  const changes = { ADDED: 'add', MODIFIED: 'update', DELETED: 'delete' } as const;
  return [
    { informer: 'one', what: 'list', version: '5', objects: [] }, { informer: 'one', what: 'watch', version: '5' },
    ...events.flatMap(({ type, object }): InformerRecord[] => [{ informer: 'one', what: 'event', type, object }, { informer: 'one', what: 'told', type: changes[type], object }]),
  ];
}

const steps = fc.array(fc.record({ object: fc.integer({ min: 0, max: 3 }), away: fc.boolean() }), { minLength: 3, maxLength: 30 });
const judged = (records: readonly InformerRecord[], truth: Truth) => new Judge(spec).judge(records, truth);

describe('the judge', () => {
  test('finds nothing where nothing is wrong', () => {
    fc.assert(fc.property(steps, (drawn) => {
      const { truth, events } = historyOf(drawn);
      expect(judged(faultless(events), truth)).toEqual([]);
    }));
  });

  test.each<[string, (records: InformerRecord[], at: number) => void]>([
    ['left out', (records, at) => records.splice(at, 1)],
    ['doubled', (records, at) => records.splice(at, 0, records[at]!)],
    ['of another number', (records, at) => {
      const record = records[at] as InformerRecord & { readonly what: 'event' };
      records[at] = { ...record, object: [record.object[0], record.object[1], record.object[2], 'other'] };
    }],
    ['of another version', (records, at) => {
      const record = records[at] as InformerRecord & { readonly what: 'event' };
      records[at] = { ...record, object: [record.object[0], record.object[1], String(Number(record.object[2]) + 1), record.object[3]] };
    }],
  ])('an event that is %s', (_name, spoil) => {
    fc.assert(fc.property(steps, fc.nat(), (drawn, choice) => {
      const { truth, events } = historyOf(drawn);
      const records = faultless(events);
      // All but the last: that one might be still to come, which only the final picture shows.
      const places = records.flatMap((record, at) => (record.what === 'event' ? [at] : [])).slice(0, -1);
      spoil(records, places[choice % places.length]!);
      expect(judged(records, truth)).not.toEqual([]);
    }));
  });

  test('a word of the handler that is left out or said twice', () => {
    fc.assert(fc.property(steps, fc.nat(), fc.boolean(), (drawn, choice, twice) => {
      const { truth, events } = historyOf(drawn);
      const records = faultless(events);
      const places = records.flatMap((record, at) => (record.what === 'told' ? [at] : []));
      const at = places[choice % places.length]!;
      if (twice) records.splice(at, 0, records[at]!);
      else records.splice(at, 1);
      expect(judged(records, truth)).not.toEqual([]);
    }));
  });

  test('a list that lacks an object, a bookmark that skips an event, a watch that begins elsewhere', () => {
    const { truth, events } = historyOf([{ object: 0, away: false }, { object: 1, away: false }, { object: 0, away: false }]);
    const told = faultless(events).filter(({ what }) => what === 'told');
    const [first, second] = events.map(({ object }) => object);
    expect(judged([{ informer: 'one', what: 'list', version: '12', objects: [first!] }, { informer: 'one', what: 'watch', version: '12' }, { informer: 'one', what: 'event', ...events[2]! }, ...told], truth)).toEqual([`one: a list of version 12: ${second!.join(' ')} is missing`]);
    expect(judged([{ informer: 'one', what: 'list', version: '10', objects: [first!] }, { informer: 'one', what: 'watch', version: '10' }, { informer: 'one', what: 'bookmark', version: '12' }, { informer: 'one', what: 'event', ...events[2]! }, ...told], truth)).toEqual(['one: ADDED churn-a/1 of version 12 was missed before a bookmark of version 12']);
    expect(judged([{ informer: 'one', what: 'list', version: '10', objects: [first!] }, { informer: 'one', what: 'watch', version: '11' }, { informer: 'one', what: 'event', ...events[1]! }, { informer: 'one', what: 'event', ...events[2]! }, ...told], truth)).toEqual(['one: it resumed from version 11, having seen everything up to 10']);
  });

  test('a deletion of which no version is known counts where it must have been seen', () => {
    const truth = new Truth();
    truth.put({ resource: 'configmaps', key: 'churn-a/x', uid: 'u', version: 10, number: '1', shown: true });
    truth.deleted({ resource: 'configmaps', key: 'churn-a/x', uid: 'u', after: 10 })(14);
    truth.put({ resource: 'configmaps', key: 'churn-a/y', uid: 'v', version: 20, number: '2', shown: true });
    const x: Seen = ['churn-a/x', 'u', '10', '1'];
    const y: InformerRecord[] = [{ informer: 'one', what: 'event', type: 'ADDED', object: ['churn-a/y', 'v', '20', '2'] }, { informer: 'one', what: 'told', type: 'add', object: ['churn-a/y', 'v', '20', '2'] }];
    const begin = (version: string, objects: readonly Seen[]): InformerRecord[] => [{ informer: 'one', what: 'list', version, objects }, { informer: 'one', what: 'watch', version }];
    expect(judged([...begin('10', [x]), ...y], truth)).toEqual([expect.stringContaining('DELETED churn-a/x of version 10–14 was missed')]);
    expect(judged([...begin('12', []), ...y], truth)).toEqual([]);
    expect(judged([...begin('15', [x]), ...y], truth)).toEqual([expect.stringContaining('should not be there')]);
  });
});
