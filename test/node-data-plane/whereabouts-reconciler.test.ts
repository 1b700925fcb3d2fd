// Goal: addresses of pods that are gone come back by themselves, and nobody else's ever does. Method: drawn histories of pods that come with an
// address, go with a DEL or without, while the reconciler looks; then its refusals, one by one.
import { createIpam } from '@vfleet/controllers/ipam/index.ts';
import { WhereaboutsReconciler } from '@vfleet/controllers/ipam/whereabouts-reconciler.ts';
import { ipPools, ipReservations } from '@vfleet/controllers/ipam/whereabouts.ts';
import { MemFiles, SeededRandom, SimClock, silentLog } from '@vfleet/core';
import { customResourceDefinitionResource, namespaces, pods } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { whereaboutsDefinitions } from './whereabouts-definitions.ts';

const LOOK_MS = 600_000;

async function world({ isInstalled = true, isLeading = (): boolean => true } = {}) {
  const [clock, random] = [new SimClock(), new SeededRandom('reconciler')];
  const kube = createApiServer({ clock, random }).client();
  if (isInstalled) for (const definition of whereaboutsDefinitions()) await kube.create(customResourceDefinitionResource, definition);
  await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } });
  await clock.run(5_000);
  const reconciler = new WhereaboutsReconciler({ kube, clock, log: silentLog, isLeading });
  reconciler.start();
  const ipam = createIpam(new MemFiles(), undefined, { kube, clock, random });
  const request = (pod: string) => ({ containerId: `c-${pod}`, ifname: 'net1', pod: { namespace: 'x', name: pod, uid: `u-${pod}` }, network: 'net', config: { type: 'whereabouts', range: '10.1.0.0/24' }, requestedIps: [] });
  const wait = async <Value>(promise: Promise<Value>): Promise<Value> => {
    let over = false;
    void promise.finally(() => (over = true)).catch(() => undefined);
    await clock.runUntil(() => over, 600_000);
    return promise;
  };
  const run = (name: string) => kube.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'x', name }, spec: { containers: [{ name: 'app', image: 'app' }] } });
  const gone = (name: string) => kube.delete(pods, { namespace: 'x', name }, { gracePeriodSeconds: 0 });
  const holders = async () => [...new Set((await kube.list(ipPools)).items.flatMap(({ spec }) => Object.values(spec.allocations).map(({ podref }) => podref)))].toSorted();
  const reserved = async () => (await kube.list(ipReservations)).items.map(({ spec }) => spec.podref).toSorted();
  return { kube, clock, reconciler, run, gone, holders, reserved, add: (pod: string) => wait(ipam.allocate(request(pod))), del: (pod: string) => wait(ipam.release(request(pod))) };
}

const act = fc.oneof(
  fc.record({ kind: fc.constantFrom('add' as const, 'del' as const, 'lose' as const), pod: fc.nat(5).map((index) => `p${index}`) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2 * LOOK_MS }) }),
);

test('in the end those have addresses that run, and they had them all the time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
      const { run, gone, add, del, holders, reserved, clock } = await world();
      const running = new Set<string>();
      for (const one of acts) {
        if (one.kind === 'wait') await clock.run(one.ms);
        else if (one.kind === 'add' && !running.has(one.pod)) {
          await run(one.pod);
          running.add(one.pod);
          expect((await add(one.pod)).ok).toBe(true);
        } else if (one.kind !== 'add' && running.delete(one.pod)) {
          if (one.kind === 'del') await del(one.pod);
          await gone(one.pod);
        }
        const now = await holders();
        for (const pod of running) expect(now).toContain(`x/${pod}`);
      }
      await clock.run(3 * LOOK_MS);
      const expected = [...running].map((pod) => `x/${pod}`).toSorted();
      expect([await holders(), await reserved()]).toEqual([expected, expected]);
    }),
    { numRuns: 40 },
  );
});

test('not at the first sight, not of texts that name no pod, not what changes meanwhile', async () => {
  const { kube, run, gone, add, holders, reserved, clock } = await world();
  await run('a');
  await add('a');
  const pool = (await kube.list(ipPools)).items[0]!;
  await kube.update(ipPools, { ...pool, spec: { ...pool.spec, allocations: { ...pool.spec.allocations, 9: { id: 'c', podref: 'nobody' }, 10: { id: 'd', podref: 'x/y/z' } } } });
  await gone('a');
  await clock.run(LOOK_MS + 1_000);
  expect([await holders(), await reserved()]).toEqual([['nobody', 'x/a', 'x/y/z'], ['x/a']]);
  // It is back, under another sandbox: what its name had is its own again.
  await run('a');
  await clock.run(3 * LOOK_MS);
  expect(await holders()).toContain('x/a');
  await gone('a');
  await clock.run(3 * LOOK_MS);
  expect([await holders(), await reserved()]).toEqual([['nobody', 'x/y/z'], []]);
});

test('a reservation without an entry in a pool goes too', async () => {
  const { kube, clock, reserved } = await world();
  await kube.create(ipReservations, { apiVersion: 'whereabouts.cni.cncf.io/v1alpha1', kind: 'OverlappingRangeIPReservation', metadata: { namespace: 'kube-system', name: '10.1.0.7' }, spec: { containerid: 'c', podref: 'x/lost' } });
  await clock.run(3 * LOOK_MS);
  expect(await reserved()).toEqual([]);
});

test('who does not lead leaves it to others; without whereabouts there is nothing to do; after its end it does nothing', async () => {
  const standby = await world({ isLeading: () => false });
  await standby.run('a');
  await standby.add('a');
  await standby.gone('a');
  await standby.clock.run(5 * LOOK_MS);
  expect(await standby.holders()).toEqual(['x/a']);
  const without = await world({ isInstalled: false });
  await without.clock.run(3 * LOOK_MS);
  const ended = await world();
  await ended.run('a');
  await ended.add('a');
  await ended.gone('a');
  await ended.clock.run(LOOK_MS + 1_000);
  ended.reconciler.stop();
  await ended.clock.run(5 * LOOK_MS);
  expect(await ended.holders()).toEqual(['x/a']);
});
