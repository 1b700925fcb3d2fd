// Goal: an informer's cache and handlers follow the API server through everything a connection can do. Method: the informer
// against a small API server under simulated time; first each rule alone, then a property that draws changes and faults and
// demands that the cache converges, that handlers told exactly the cache's history, and that versions never ran backwards.
import { KubeError } from '@vfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InformerOptions } from '../../src/index.ts';
import { Informer, objectKeyText } from '../../src/index.ts';
import type { Thing } from '../support/simulation.ts';
import { simulation, thing, things } from '../support/simulation.ts';

function started(options: InformerOptions<Thing> = {}, seed = 1) {
  const world = simulation(seed);
  const informer = new Informer(world, things, options);
  const told: string[] = [];
  const name = (object: Thing) => `${object.metadata.name}=${object.spec.value}`;
  informer.subscribe({
    added: (object) => told.push(`+${name(object)}`),
    updated: (old, object) => told.push(`${name(old)}→${object.spec.value}`),
    deleted: (object) => told.push(`-${name(object)}`),
  });
  return { ...world, informer, told };
}

const values = (informer: Informer<Thing>) => Object.fromEntries(informer.list().map((object) => [object.metadata.name, object.spec.value]));

const key = (name: string) => ({ namespace: 'default', name });

describe('listing', () => {
  test('pages of the configured size make one state, and then it is synced', async () => {
    const { clock, kube, informer } = started({ tuning: { pageSize: 10 } });
    for (let index = 0; index < 35; index++) kube.put(things, thing(`t${index}`));
    await clock.run(5);
    let synced = false;
    void informer.synced.then(() => (synced = true));
    informer.start();
    await clock.run(2.5);
    expect([informer.hasSynced, synced, informer.size]).toEqual([false, false, 0]);
    await clock.run(10);
    expect([informer.hasSynced, synced, informer.size]).toEqual([true, true, 35]);
    expect(kube.calls.filter(({ verb }) => verb === 'list').map(({ options }) => options!['limit'])).toEqual([10, 10, 10, 10]);
  });

  test('a continuation that expires between pages is answered by one list in one piece', async () => {
    const { clock, kube, informer, told } = started({ tuning: { pageSize: 10 } });
    for (let index = 0; index < 25; index++) kube.put(things, thing(`t${index}`));
    await clock.run(5);
    informer.start();
    await clock.run(1);
    kube.compact();
    await clock.run(10);
    expect(informer.size).toBe(25);
    expect(told).toHaveLength(25);
    expect(kube.calls.filter(({ verb }) => verb === 'list').map(({ options }) => options!['limit'])).toEqual([10, 10, undefined]);
  });

  test('selectors and namespace go to the server; what stops matching is deleted only when the server says so', async () => {
    const { clock, kube, informer } = started({ namespace: 'default', labelSelector: 'a=b', fieldSelector: 'metadata.name!=x' });
    for (const [name, labels] of [['x', { a: 'b' }], ['y', { a: 'b' }], ['z', {}]] as const) kube.put(things, thing(name, 0, { labels }));
    kube.put(things, thing('w', 0, { labels: { a: 'b' }, namespace: 'other' }));
    await clock.run(5);
    informer.start();
    await clock.run(5);
    expect(values(informer)).toEqual({ y: 0 });
  });

  test('a list that never answers is given up and asked again', async () => {
    const { clock, kube, informer } = started({ tuning: { silenceMs: 10_000 } });
    kube.put(things, thing('a'));
    let first = true;
    kube.fault = ({ verb }) => (verb === 'list' && first ? ((first = false), { kind: 'hang' }) : undefined);
    informer.start();
    await clock.run(9_000);
    expect(informer.hasSynced).toBe(false);
    await clock.run(3_000);
    expect(values(informer)).toEqual({ a: 0 });
    expect(informer.counts.silences).toBe(1);
  });
});

describe('watching', () => {
  test('changes arrive in order and handlers see the cache already changed', async () => {
    const { clock, kube, informer, told } = started();
    const seen: (number | undefined)[] = [];
    informer.subscribe({ updated: (_, object) => seen.push(informer.get(objectKeyText(object))?.spec.value) });
    informer.start();
    await clock.run(5);
    kube.put(things, thing('a', 1));
    kube.put(things, thing('a', 2));
    kube.remove(things, key('a'));
    await clock.run(5);
    expect(told).toEqual(['+a=1', 'a=1→2', '-a=2']);
    expect(seen).toEqual([2]);
    expect(informer.get(key('a'))).toBeUndefined();
  });

  test('a late subscriber first hears of everything there is, a stopped one of nothing more', async () => {
    const { clock, kube, informer } = started();
    kube.put(things, thing('a', 1));
    informer.start();
    await clock.run(5);
    const added: string[] = [];
    const subscription = informer.subscribe({ added: (object) => added.push(object.metadata.name) });
    expect(added).toEqual(['a']);
    subscription.stop();
    kube.put(things, thing('b', 1));
    await clock.run(5);
    expect(added).toEqual(['a']);
    expect(informer.size).toBe(2);
  });

  test('deleted and created again while nobody watched is one deletion and one addition', async () => {
    const { clock, kube, informer, told } = started();
    kube.put(things, thing('a', 1));
    informer.start();
    await clock.run(5);
    kube.endWatches(new KubeError('Unreachable', 0, 'broken'));
    kube.remove(things, key('a'));
    await clock.run(2);
    kube.put(things, thing('a', 5));
    kube.compact();
    await clock.run(10_000);
    expect(told).toEqual(['+a=1', '-a=1', '+a=5']);
  });

  test('a broken watch resumes from the last version: nothing is listed again, nothing is lost', async () => {
    const { clock, kube, informer, told } = started();
    informer.start();
    await clock.run(5);
    kube.endWatches(new KubeError('InternalError', 500, 'oops'));
    kube.put(things, thing('a', 1));
    await clock.run(5_000);
    expect(told).toEqual(['+a=1']);
    expect([kube.count('list'), kube.count('watch')]).toEqual([1, 2]);
  });

  test('expired history lists anew at once, and tells the difference only', async () => {
    const { clock, kube, informer, told } = started();
    for (const name of ['a', 'b']) kube.put(things, thing(name, 1));
    informer.start();
    await clock.run(5);
    kube.put(things, thing('a', 2));
    kube.remove(things, key('b'));
    kube.endWatches(new KubeError('Expired', 410, 'too old'));
    await clock.run(5);
    expect(told).toEqual(['+a=1', '+b=1', '-b=1', 'a=1→2']);
  });

  test('an orderly end is followed by a new watch at once, a watch that ends at once is not asked in a tight loop', async () => {
    const { clock, kube, informer } = started();
    informer.start();
    await clock.run(60_000);
    kube.endWatches();
    expect(kube.count('watch')).toBe(2);
    for (let round = 0; round < 100; round++) {
      kube.endWatches();
      await clock.run(100);
    }
    expect(kube.count('watch')).toBeLessThan(12);
  });

  test('backoff grows, keeps Retry-After, and starts small again after success', async () => {
    const { clock, kube, informer } = started();
    const at: number[] = [];
    kube.fault = ({ verb }) => {
      if (verb !== 'list') return undefined;
      at.push(clock.monotonicMs());
      return at.length <= 8 ? { kind: 'refuse', error: new KubeError('TooManyRequests', 429, 'slow', at.length === 1 ? { retryAfterSeconds: 7 } : {}) } : undefined;
    };
    informer.start();
    await clock.run(200_000);
    const gaps = at.slice(1).map((time, index) => time - at[index]!);
    expect(gaps).toHaveLength(8);
    expect(gaps[0]).toBeGreaterThanOrEqual(7_000);
    expect(gaps[4]).toBeGreaterThanOrEqual(0.5 * 800 * 16);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1.5 * 30_000 + 1);
    expect(informer.hasSynced).toBe(true);
  });

  test('stop ends timers and watches and silences what is under way; start resumes', async () => {
    const { clock, kube, informer, told } = started();
    informer.start();
    informer.start();
    await clock.run(0.5);
    informer.stop();
    await clock.run(1_000);
    expect([clock.pending, kube.openWatches, informer.hasSynced]).toEqual([0, 0, false]);
    kube.put(things, thing('a', 1));
    informer.start();
    await clock.run(5);
    informer.stop();
    kube.put(things, thing('a', 2));
    await clock.run(5);
    expect([clock.pending, kube.openWatches]).toEqual([0, 0]);
    expect(told).toEqual(['+a=1']);
    expect(kube.count('list')).toBe(2);
  });

  test('a watch that goes on talking after it was stopped is not heard', async () => {
    const { clock, kube, informer, told } = started({ tuning: { silenceMs: 60_000 } });
    kube.deafToStop = true;
    informer.start();
    await clock.run(100_000);
    expect([kube.count('list'), kube.openWatches]).toEqual([2, 2]);
    kube.put(things, thing('a', 1));
    await clock.run(5);
    expect([told, informer.counts.refused]).toEqual([['+a=1'], 0]);
    kube.endWatches();
    expect(kube.count('watch')).toBe(3);
    informer.stop();
    kube.put(things, thing('a', 2));
    await clock.run(5);
    expect(told).toEqual(['+a=1']);
  });

  test('a handler may stop the informer', async () => {
    const { clock, kube, informer } = started();
    informer.subscribe({ added: () => informer.stop() });
    kube.put(things, thing('a', 1));
    informer.start();
    await clock.run(1_000);
    expect([clock.pending, kube.openWatches, informer.size]).toEqual([0, 0, 1]);
  });
});

describe('time does not run backwards', () => {
  test('stale, repeated and resurrecting events are refused', async () => {
    const { clock, kube, informer, told } = started();
    kube.put(things, thing('a', 1));
    const first = kube.peek(things, key('a'))!;
    informer.start();
    await clock.run(5);
    kube.delivery = () => 'duplicate';
    kube.put(things, thing('a', 2));
    await clock.run(5);
    kube.inject({ type: 'MODIFIED', object: first });
    kube.remove(things, key('a'));
    await clock.run(5);
    kube.inject({ type: 'ADDED', object: first });
    expect(told).toEqual(['+a=1', 'a=1→2', '-a=2']);
    expect(informer.counts.refused).toBe(4);
  });

  test('an older list is refused until it proves to be a restored backup', async () => {
    const { clock, kube, informer, told } = started({ tuning: { olderHistoryMs: 60_000 } });
    for (const value of [1, 2, 3]) kube.put(things, thing('a', value));
    informer.start();
    await clock.run(5);
    kube.rewindVersions(50);
    kube.put(things, thing('a', 9));
    kube.endWatches(new KubeError('Expired', 410, 'too old'));
    await clock.run(50_000);
    expect(values(informer)).toEqual({ a: 3 });
    await clock.run(70_000);
    expect(told).toEqual(['+a=3', 'a=3→9']);
    kube.put(things, thing('a', 10));
    await clock.run(5);
    expect(values(informer)).toEqual({ a: 10 });
  });

  test('versions compare as numbers of any length', async () => {
    const { clock, kube, informer, told } = started();
    kube.rewindVersions(9_998);
    kube.put(things, thing('a', 1));
    informer.start();
    await clock.run(5);
    kube.put(things, thing('a', 2));
    await clock.run(5);
    expect(told).toEqual(['+a=1', 'a=1→2']);
  });
});

describe('watchdogs', () => {
  test('a watch that fell silent is replaced by a new list; a bookmark is a sign of life', async () => {
    const { clock, kube, informer } = started({ tuning: { silenceMs: 100_000, watchTimeoutSeconds: 10_000 } });
    informer.start();
    await clock.run(50_000);
    for (let minute = 0; minute < 10; minute++) {
      kube.sendBookmarks();
      await clock.run(60_000);
    }
    expect(kube.count('list')).toBe(1);
    kube.delivery = () => 'drop';
    kube.put(things, thing('a', 1));
    await clock.run(110_000);
    expect(values(informer)).toEqual({ a: 1 });
    expect([kube.count('list'), informer.counts.silences]).toEqual([2, 1]);
  });

  test('bookmarks that only repeat older versions are no sign of life', async () => {
    const { clock, kube, informer } = started({ tuning: { silenceMs: 100_000 } });
    informer.start();
    await clock.run(10);
    for (let step = 0; step < 12; step++) {
      kube.sendBookmarks(50);
      await clock.run(10_000);
    }
    expect(informer.counts.silences).toBe(1);
  });

  test('what the server forgot to say is found by the periodic list', async () => {
    const { clock, kube, informer } = started({ tuning: { relistMs: 1_000_000 } });
    informer.start();
    await clock.run(5);
    kube.delivery = () => 'drop';
    kube.put(things, thing('a', 1));
    for (let minute = 0; minute < 20; minute++) {
      kube.sendBookmarks();
      await clock.run(60_000);
    }
    expect(values(informer)).toEqual({ a: 1 });
    expect(informer.counts.silences).toBe(0);
  });
});

describe('the cache', () => {
  test('managedFields are dropped, and an object without them is kept as it is', async () => {
    const { clock, kube, informer } = started();
    kube.put(things, thing('a', 1, { managedFields: [{ manager: 'x' }] }));
    kube.put(things, thing('b', 1));
    informer.start();
    await clock.run(5);
    expect(informer.get('default/a')!.metadata).not.toHaveProperty('managedFields');
    expect(informer.get('default/b')).toBe(kube.peek(things, key('b')));
  });

  test('indexes follow additions, changes and deletions', async () => {
    const { clock, kube, informer } = started({ indexers: { value: (object) => [String(object.spec.value)] } });
    for (const name of ['a', 'b']) kube.put(things, thing(name, 1));
    informer.start();
    await clock.run(5);
    const names = (value: string) => informer.byIndex('value', value).map((object) => object.metadata.name);
    expect(names('1')).toEqual(['a', 'b']);
    kube.put(things, thing('a', 2));
    kube.remove(things, key('b'));
    await clock.run(5);
    expect([names('1'), names('2')]).toEqual([[], ['a']]);
    expect(() => informer.byIndex('colour', '1')).toThrow('no index "colour"');
  });
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), name: fc.constantFrom('a', 'b', 'c'), value: fc.nat(99) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), name: fc.constantFrom('a', 'b', 'c') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), forMs: fc.constantFrom(0, 1, 500, 40_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom<'break' | 'close' | 'compact' | 'bookmark' | 'replay'>('break', 'close', 'compact', 'bookmark', 'replay') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refuse' as const), verb: fc.constantFrom('list', 'watch'), fate: fc.constantFrom('refuse', 'hang', 'lost') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delivery' as const), fate: fc.constantFrom('deliver' as const, 'drop' as const, 'duplicate' as const) }) },
);

test('whatever happens in between, cache and handlers end up with what the server has, and never ran backwards', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(), async (steps, seed) => {
      const { clock, kube, informer } = started({ tuning: { pageSize: 2, silenceMs: 120_000, relistMs: 600_000 } }, seed);
      const mirror = new Map<string, Thing>();
      let newest = 0;
      const newer = (object: Thing) => {
        const version = Number(object.metadata.resourceVersion);
        const known = mirror.get(objectKeyText(object));
        expect(version).toBeGreaterThan(Number(known?.metadata.resourceVersion ?? 0));
        newest = Math.max(newest, version);
      };
      informer.subscribe({
        added: (object) => {
          newer(object);
          expect(mirror.has(objectKeyText(object))).toBe(false);
          mirror.set(objectKeyText(object), object);
        },
        updated: (old, object) => {
          newer(object);
          expect(mirror.get(objectKeyText(object))).toBe(old);
          expect(old.metadata.uid).toBe(object.metadata.uid);
          mirror.set(objectKeyText(object), object);
        },
        deleted: (object) => expect(mirror.delete(objectKeyText(object))).toBe(true),
      });
      informer.start();
      const past: Thing[] = [];
      for (const one of steps) {
        if (one.kind === 'put') {
          kube.put(things, thing(one.name, one.value));
          past.push(kube.peek(things, key(one.name))!);
        } else if (one.kind === 'delete') kube.remove(things, key(one.name));
        else if (one.kind === 'wait') await clock.run(one.forMs);
        else if (one.kind === 'break') kube.endWatches(new KubeError('Unreachable', 0, 'broken'));
        else if (one.kind === 'close') kube.endWatches();
        else if (one.kind === 'compact') kube.compact();
        else if (one.kind === 'bookmark') kube.sendBookmarks();
        else if (one.kind === 'replay') for (const object of past.slice(-4, -1)) kube.inject({ type: 'MODIFIED', object });
        else if (one.kind === 'delivery') kube.delivery = () => one.fate;
        else if (one.kind === 'refuse') kube.fault = ({ verb }) => (verb !== one.verb ? undefined : one.fate === 'refuse' ? { kind: 'refuse', error: new KubeError('ServiceUnavailable', 503, 'busy') } : { kind: one.fate });
      }
      kube.fault = () => undefined;
      kube.delivery = () => 'deliver';
      await clock.run(1_500_000);
      const truth = ['a', 'b', 'c'].map((name) => kube.peek(things, key(name))).filter((object) => object !== undefined);
      expect(informer.list().toSorted((x, y) => (x.metadata.name < y.metadata.name ? -1 : 1))).toEqual(truth);
      expect([...mirror.values()].toSorted((x, y) => (x.metadata.name < y.metadata.name ? -1 : 1))).toEqual(truth);
      // At just this moment the informer may be between two watches, as it is now and then for good reasons.
      await clock.runUntil(() => kube.openWatches === 1, 60_000, 'one watch is open');
      informer.stop();
      // A list may be on its way, which is the server's to end.
      await clock.run(1_000);
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 300 },
  );
});
