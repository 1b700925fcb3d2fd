// Goal: never two leaders, and always one when nothing is wrong. Method: electors of several simulated processes against one
// small API server; each rule alone, then a property that draws faults (conflicts, refusals, lost and hanging answers, pauses
// longer than a lease, clocks that step and run fast or slow) and asks after every single event who believes to lead.
import { KubeError, drainMicrotasks } from '@vfleet/core';
import type { SimClock } from '@vfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LeaderElectorOptions } from '../../src/index.ts';
import { LeaderElector, leases } from '../../src/index.ts';
import type { Fault } from '../support/fake-kube.ts';
import { SimulatedProcess } from '../support/process.ts';
import { simulation } from '../support/simulation.ts';

const lease = { namespace: 'ns', name: 'operator' };

function candidates(count: number, seed: number | string = 1, options: Partial<LeaderElectorOptions> = {}, speeds: readonly number[] = []) {
  const world = simulation(seed);
  const told: string[] = [];
  const all = Array.from({ length: count }, (_, index) => {
    const identity = `p${index}`;
    const process = new SimulatedProcess(world.clock, speeds[index] ?? 1);
    const elector = new LeaderElector({ kube: process.kube(world.kube), clock: process, random: world.random.stream(identity), log: world.log }, {
      ...lease, identity,
      onStartedLeading: (signal) => {
        told.push(`${identity} leads`);
        signal.addEventListener('abort', () => told.push(`${identity} aborts`));
      },
      onStoppedLeading: () => void told.push(`${identity} stopped`),
      ...options,
    });
    return { identity, process, elector };
  });
  const leaders = () => all.filter(({ process, elector }) => !process.isPaused && elector.isLeader).map(({ identity }) => identity);
  return { ...world, all, told, leaders };
}

const unreachable = new KubeError('Unreachable', 0, 'no route');

describe('one candidate', () => {
  test('creates the lease, leads, renews, and writes times that people can read', async () => {
    const { clock, kube, all, told, leaders } = candidates(1);
    all[0]!.elector.start();
    await clock.run(60_000);
    expect([leaders(), told]).toEqual([['p0'], ['p0 leads']]);
    const { spec } = kube.peek(leases, lease)!;
    expect(spec).toMatchObject({ holderIdentity: 'p0', leaseDurationSeconds: 15, leaseTransitions: 0, acquireTime: '2026-01-01T00:00:00.000000Z' });
    expect(Date.parse(String(spec!.renewTime))).toBeGreaterThan(Date.parse('2026-01-01T00:00:57Z'));
    // A renewal is one write: what is stored is known from the last one.
    expect([kube.count('get'), kube.count('create')]).toEqual([1, 1]);
    expect(kube.count('update')).toBeGreaterThan(25);
  });

  test('stop ends the term, then gives the lease up', async () => {
    const ending = Promise.withResolvers<void>();
    const { clock, kube, all, leaders } = candidates(1, 1, { onStoppedLeading: () => ending.promise });
    const { elector } = all[0]!;
    elector.start();
    elector.start();
    await clock.run(5_000);
    const stopped = elector.stop();
    expect(leaders()).toEqual([]);
    await clock.run(5_000);
    expect(kube.peek(leases, lease)!.spec!.holderIdentity).toBe('p0');
    ending.resolve();
    await clock.run();
    await stopped;
    await elector.stop();
    expect(kube.peek(leases, lease)!.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect([elector.leader, clock.pending]).toEqual([undefined, 0]);
  });

  test('a leader that cannot renew stops before its lease runs out, even while requests hang', async () => {
    for (const fault of [{ kind: 'hang' }, { kind: 'refuse', error: unreachable }, { kind: 'slow', delayMs: 11_000 }] satisfies Fault[]) {
      const { clock, kube, all, told, leaders } = candidates(1);
      all[0]!.elector.start();
      await clock.run(5_000);
      const lastRenewalMs = Date.parse(String(kube.peek(leases, lease)!.spec!.renewTime)) - Date.parse('2026-01-01T00:00:00Z');
      kube.fault = () => fault;
      await clock.run(lastRenewalMs + 9_990 - clock.monotonicMs());
      expect(leaders()).toEqual(['p0']);
      await clock.run(20);
      expect([leaders(), told]).toEqual([[], ['p0 leads', 'p0 aborts', 'p0 stopped']]);
    }
  });

  test('one hanging request does not cost the lead', async () => {
    const { clock, kube, all, told } = candidates(1);
    all[0]!.elector.start();
    await clock.run(5_000);
    let hung = false;
    kube.fault = ({ verb }) => (verb === 'update' && !hung ? ((hung = true), { kind: 'hang' }) : undefined);
    await clock.run(60_000);
    expect([hung, told]).toEqual([true, ['p0 leads']]);
  });

  test('an acquisition whose answer was lost is found and kept', async () => {
    const { clock, kube, all, leaders } = candidates(1);
    let lost = false;
    kube.fault = ({ verb }) => (verb === 'create' && !lost ? ((lost = true), { kind: 'lost' }) : undefined);
    all[0]!.elector.start();
    await clock.run(10);
    expect([leaders(), kube.peek(leases, lease)!.spec!.holderIdentity]).toEqual([[], 'p0']);
    await clock.run(5_000);
    expect(leaders()).toEqual(['p0']);
    expect(kube.peek(leases, lease)!.spec!.leaseTransitions).toBe(0);
  });

  test('durations that cannot be safe are refused', () => {
    const options = { ...lease, identity: 'x', onStartedLeading: () => undefined, onStoppedLeading: () => undefined };
    const world = simulation();
    expect(() => new LeaderElector(world, { ...options, leaseDurationMs: 10_000 })).toThrow('longer than renewDeadlineMs');
    expect(() => new LeaderElector(world, { ...options, retryPeriodMs: 9_000 })).toThrow('1.2 × retryPeriodMs');
    expect(() => new LeaderElector(world, { ...options, identity: '' })).toThrow('identity');
  });
});

describe('several candidates', () => {
  test('one leads; when it dies another takes over after the lease, when it stops at once', async () => {
    const { clock, kube, all, leaders } = candidates(3);
    for (const { elector } of all) elector.start();
    await clock.run(30_000);
    const [first] = leaders();
    expect(leaders()).toHaveLength(1);
    all.find(({ identity }) => identity === first)!.process.pause(1e9);
    await clock.run(12_000);
    expect(leaders()).toEqual([]);
    await clock.run(9_000);
    const [second] = leaders();
    expect([leaders().length, second === first]).toEqual([1, false]);
    expect(kube.peek(leases, lease)!.spec!.leaseTransitions).toBe(1);
    void all.find(({ identity }) => identity === second)!.elector.stop();
    await clock.run(5_000);
    expect(leaders()).toHaveLength(1);
    expect(leaders()[0]).not.toBe(second);
  });

  test('a leader that sees somebody else hold the lease stops at once', async () => {
    const { clock, kube, all, leaders, told } = candidates(1);
    all[0]!.elector.start();
    await clock.run(5_000);
    const stored = kube.peek(leases, lease)!;
    kube.put(leases, { ...stored, spec: { ...stored.spec, holderIdentity: 'somebody' } });
    await clock.run(6_500);
    expect([leaders(), told.slice(-1), all[0]!.elector.leader]).toEqual([[], ['p0 stopped'], 'somebody']);
  });

  test('the leader that everybody saw is reported once', async () => {
    const reported: string[] = [];
    const { clock, all } = candidates(3, 1, { onNewLeader: (identity) => reported.push(identity) });
    for (const { elector } of all) elector.start();
    await clock.run(60_000);
    expect(new Set(reported).size).toBe(1);
    expect(reported).toHaveLength(3);
  });

  test('started again while its stop is under way, a leader does not give up the lease that it leads by', async () => {
    const { clock, kube, all, leaders } = candidates(2);
    for (const { elector } of all) elector.start();
    await clock.run(10_000);
    const { elector, identity: mine } = all.find(({ identity }) => identity === leaders()[0])!;
    let isFirst = true;
    kube.fault = ({ verb }) => (verb === 'update' && isFirst ? ((isFirst = false), { kind: 'slow', delayMs: 3_000 }) : undefined);
    const stopped = elector.stop();
    await clock.run(1);
    expect(isFirst).toBe(false);
    elector.start();
    await stepThrough(clock, 60_000, () => {
      if (elector.isLeader) expect(kube.peek(leases, lease)!.spec!.holderIdentity).toBe(mine);
    });
    await stopped;
    expect(leaders()).toHaveLength(1);
  });

  test('a stop during a stop waits for its end', async () => {
    const { clock, kube, all } = candidates(1);
    const [{ elector }] = all as [(typeof all)[0]];
    elector.start();
    await clock.run(5_000);
    void elector.stop();
    let over = false;
    void elector.stop().then(() => (over = true));
    await drainMicrotasks();
    expect(over).toBe(false);
    await clock.run();
    expect([over, kube.peek(leases, lease)!.spec!.holderIdentity]).toEqual([true, '']);
  });

  test('a lease deleted under its leader does not make a second one', async () => {
    const { clock, kube, all, leaders } = candidates(2);
    for (const { elector } of all) elector.start();
    await clock.run(10_000);
    for (let round = 0; round < 10; round++) {
      kube.remove(leases, lease);
      await stepThrough(clock, 3_000, () => expect(leaders().length).toBeLessThan(2));
    }
    await clock.run(60_000);
    expect(leaders()).toHaveLength(1);
  });
});

/** Runs event by event, looking after each. */
async function stepThrough(clock: SimClock, forMs: number, look: () => void): Promise<void> {
  const endMs = clock.monotonicMs() + forMs;
  for (let next = clock.nextAtMs(); next !== undefined && next <= endMs; next = clock.nextAtMs()) {
    clock.step();
    await drainMicrotasks();
    look();
  }
  await clock.run(Math.max(0, endMs - clock.monotonicMs()));
}

const disturbance = fc.oneof(
  fc.record({ kind: fc.constant('pause' as const), who: fc.nat(2), forMs: fc.constantFrom(1_000, 9_000, 14_000, 40_000) }),
  fc.record({ kind: fc.constant('clock' as const), who: fc.nat(2), byMs: fc.integer({ min: -100_000, max: 100_000 }) }),
  fc.record({ kind: fc.constant('stop' as const), who: fc.nat(2) }),
  fc.record({ kind: fc.constant('fault' as const), rate: fc.constantFrom(0, 0.3, 0.9), fate: fc.constantFrom<'refuse' | 'lost' | 'hang' | 'slow' | 'conflict'>('refuse', 'lost', 'hang', 'slow', 'conflict') }),
  fc.record({ kind: fc.constant('touch' as const) }),
);
const story = fc.array(fc.record({ what: disturbance, thenMs: fc.constantFrom(10, 1_000, 5_000, 20_000) }), { maxLength: 12 });

test('never two leaders at any event, whatever happens; and one again when all is well', async () => {
  let terms = 0;
  await fc.assert(
    fc.asyncProperty(story, fc.nat(), fc.tuple(fc.constantFrom(0.9, 1, 1.1), fc.constantFrom(0.9, 1, 1.1)), async (events, seed, speeds) => {
      const { clock, kube, random, all, told, leaders } = candidates(3, seed, {}, [1, ...speeds]);
      const chance = random.stream('faults');
      const safe = () => expect(leaders().length).toBeLessThan(2);
      for (const { elector } of all) elector.start();
      await stepThrough(clock, 5_000, safe);
      for (const { what, thenMs } of events) {
        if (what.kind === 'pause') all[what.who]!.process.pause(what.forMs);
        else if (what.kind === 'clock') all[what.who]!.process.stepWallClock(what.byMs);
        else if (what.kind === 'stop') {
          const { elector } = all[what.who]!;
          void elector.stop().then(() => elector.start());
        } else if (what.kind === 'touch') {
          const stored = kube.peek(leases, lease);
          if (stored !== undefined) kube.put(leases, { ...stored, metadata: { ...stored.metadata, labels: { touched: String(clock.now()) } } });
        } else {
          const faults: Record<typeof what.fate, Fault> = {
            refuse: { kind: 'refuse', error: unreachable }, lost: { kind: 'lost' }, hang: { kind: 'hang' }, slow: { kind: 'slow', delayMs: 12_000 },
            conflict: { kind: 'refuse', error: new KubeError('Conflict', 409, 'newer') },
          };
          kube.fault = () => (chance.next() < what.rate ? faults[what.fate] : undefined);
        }
        await stepThrough(clock, thenMs, safe);
      }
      kube.fault = () => undefined;
      await stepThrough(clock, 120_000, safe);
      expect(leaders()).toHaveLength(1);
      const calm = told.length;
      await stepThrough(clock, 60_000, safe);
      expect(told.length).toBe(calm);
      terms += told.filter((line) => line.endsWith('leads')).length;
    }),
    { numRuns: 200 },
  );
  // The lead did change hands: on average more than once in five stories beyond the first.
  expect(terms).toBeGreaterThan(240);
});
