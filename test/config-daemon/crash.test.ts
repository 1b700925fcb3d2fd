// Goal: the config daemon can be killed at any write, to the hardware, the API, its files or the host, before or after the write had its
// effect, and the node ends as it would have without that; on the way no VF that a pod could hold is touched without a drain.
// Method: each scenario runs once undisturbed and is counted; then once for every write and both sides of it, with a new daemon after
// the kill. End states are compared, writes are checked for permission, journals are torn besides.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeStateSpec } from '@vfleet/core';
import { faultRules } from '@vfleet/hw-sim';
import type { FaultPlan, HardwareFault } from '@vfleet/hw-sim';
import { World } from './world.ts';

const X710 = '0000:3b:00.0';
const E810 = '0000:5e:00.0';
const MLX = '0000:81:00.0';
const entry = (pciAddress: string, name: string, numVfs: number, deviceType = 'netdevice', more: object = {}) => ({
  pciAddress, name, numVfs, vfGroups: [{ resourceName: 'fast', deviceType, vfRange: `0-${numVfs - 1}`, ...more }],
});

interface Scenario {
  readonly pfs: readonly Readonly<Record<string, unknown>>[];
  /** Settled before the first kill. */
  readonly before?: NodeStateSpec;
  readonly spec: NodeStateSpec;
}

const scenarios: Readonly<Record<string, Scenario>> = {
  'VFs on two clean PFs, one in switchdev': {
    pfs: [{ personality: 'X710', pciAddress: X710, name: 'ens1f0' }, { personality: 'ConnectX-6 Dx', pciAddress: MLX, name: 'ens3f0' }],
    spec: { interfaces: [{ ...entry(X710, 'ens1f0', 2, 'netdevice', { mtu: 9000 }), mtu: 9000 }, { ...entry(MLX, 'ens3f0', 2), eSwitchMode: 'switchdev' }] },
  },
  'another number of VFs, after a drain': {
    pfs: [{ personality: 'X710', pciAddress: X710, name: 'ens1f0' }],
    before: { interfaces: [entry(X710, 'ens1f0', 2)] },
    spec: { interfaces: [entry(X710, 'ens1f0', 3)] },
  },
  'a PF given back and another one taken': {
    pfs: [{ personality: 'X710', pciAddress: X710, name: 'ens1f0' }, { personality: 'E810-CQDA2', pciAddress: E810, name: 'ens2f0' }],
    before: { interfaces: [{ ...entry(X710, 'ens1f0', 2), mtu: 9000 }] },
    spec: { interfaces: [{ ...entry(E810, 'ens2f0', 2), eSwitchMode: 'switchdev' }] },
  },
  'vfio-pci, for which the node has to be rebooted': {
    pfs: [{ personality: 'X710', pciAddress: X710, name: 'ens1f0' }],
    spec: { interfaces: [entry(X710, 'ens1f0', 2, 'vfio-pci')] },
  },
};

/** `arm` is called just before the spec changes, which is when writes begin to count. */
async function prepared(scenario: Scenario, arm: (world: World) => void = () => {}, faults?: FaultPlan): Promise<World> {
  const world = await World.create({ pfs: scenario.pfs, ...(faults === undefined ? {} : { faults }) });
  world.startDaemon();
  if (scenario.before !== undefined) await world.setSpec(scenario.before);
  await world.settle();
  world.writes.length = 0;
  arm(world);
  await world.setSpec(scenario.spec);
  return world;
}

/** What counts at the end; addresses, times and the text of the journal do not. */
async function endState(world: World) {
  const { status } = await world.state();
  const { conditions, ...rest } = status!;
  return {
    inventory: world.node.inspect(),
    status: { ...rest, conditions: conditions!.map(({ lastTransitionTime: _, ...condition }) => condition) },
    files: world.files.paths(),
    node: world.daemon!.view().node.value,
  };
}

/** Writes that a VF in somebody's hands would suffer from are made under a drain, or where nobody can have got a VF. */
function checkPermission(world: World): void {
  for (const write of world.writes) {
    if (write.to !== 'hardware' || write.drained) continue;
    const step = JSON.parse(write.what) as { readonly pf?: string; readonly device?: string };
    const pf = step.pf ?? world.node.spec.pfs.find(({ pciAddress }) => pciAddress.slice(0, 7) === step.device?.slice(0, 7))?.pciAddress;
    expect(write.exposed, `${write.what} without a drain`).not.toContain(pf);
  }
}

describe.each(Object.entries(scenarios))('%s', (_, scenario) => {
  it('ends the same way wherever the daemon is killed', async () => {
    const calm = await prepared(scenario);
    await calm.settle(3_600_000);
    const expected = await endState(calm);
    const count = calm.writes.length;
    expect(count).toBeGreaterThan(10);
    checkPermission(calm);
    for (let nth = 1; nth <= count; nth++) {
      for (const before of [true, false]) {
        const world = await prepared(scenario, (armed) => armed.killAtWrite(nth, before));
        await world.clock.runUntil(() => world.wasKilled, 3_600_000, `a kill at write ${nth}`);
        // A kill in the middle of an append leaves a part of it.
        if (nth % 2 === 0) world.files.tear('/etc/sriov-operator/journal', 7);
        await world.clock.run(2_500);
        if (world.daemon === undefined && world.node.up) world.startDaemon();
        await world.settle(3_600_000);
        expect(await endState(world), `killed ${before ? 'before' : 'after'} write ${nth}: ${calm.writes[nth - 1]!.what}`).toEqual(expected);
        checkPermission(world);
      }
    }
  });
});

const transient: readonly HardwareFault[] = [
  { kind: 'errno', errno: 'EBUSY' }, { kind: 'errno', errno: 'ENOMEM' }, { kind: 'errno', errno: 'EIO' }, { kind: 'errnoAfter', errno: 'ETIMEDOUT' }, { kind: 'delay', byMs: 3_000 },
  { kind: 'hang', forMs: 200_000 }, { kind: 'partialCreation', created: 1 }, { kind: 'lateNetdev', byMs: 7_000 }, { kind: 'bindFails' }, { kind: 'linkFlap', downMs: 4_000 },
  { kind: 'hotUnplug', returnAfterMs: 30_000 }, { kind: 'eswitchDropsVfs' }, { kind: 'eventsLost' },
];
const operations = ['discover', 'setNumVfs', 'setEswitchMode', 'bindDriver', 'unbindDriver', 'setVf', 'setMtu', 'setLink'] as const;

describe('hardware that fails now and then, and a daemon that is killed again and again', () => {
  it('end as if nothing had happened', async () => {
    const fault = fc.record({ operation: fc.constantFrom(...operations), nth: fc.integer({ min: 1, max: 4 }), fault: fc.constantFrom(...transient) });
    const faulty = fc.record({
      name: fc.constantFrom(...Object.keys(scenarios)),
      faults: fc.array(fault, { minLength: 1, maxLength: 4 }),
      kills: fc.array(fc.record({ nth: fc.integer({ min: 1, max: 40 }), before: fc.boolean() }), { maxLength: 3 }),
    });
    const fired = new Set<string>();
    const undisturbed = new Map<string, Awaited<ReturnType<typeof endState>>>();
    await fc.assert(
      fc.asyncProperty(faulty, async ({ name, faults, kills }) => {
        const scenario = scenarios[name]!;
        if (!undisturbed.has(name)) {
          const calm = await prepared(scenario);
          await calm.settle(3_600_000);
          undisturbed.set(name, withoutChance(await endState(calm)));
        }
        const armed = { value: false };
        const rules = faultRules(faults.map((rule, index) => ({ name: String(index), ...rule })));
        const plan: FaultPlan = { consult: (point) => (armed.value ? rules.consult(point) : []) };
        const world = await prepared(scenario, () => (armed.value = true), plan);
        for (const kill of kills) {
          world.killAtWrite(kill.nth, kill.before);
          await world.clock.run(300_000);
          if (world.isDying) await world.clock.runUntil(() => world.wasKilled, 3_600_000);
          if (world.wasKilled && world.daemon === undefined && world.node.up) world.startDaemon();
        }
        world.spare();
        await world.settle(7_200_000);
        // A NIC that nobody wants may have been away just now.
        await world.clock.run(60_000);
        await world.settle(7_200_000);
        expect(withoutChance(await endState(world))).toEqual(undisturbed.get(name));
        checkPermission(world);
        faults.forEach((rule, index) => rules.fired().get(String(index))! > 0 && fired.add(rule.fault.kind));
      }),
      { numRuns: 150, seed: 7 },
    );
    expect([...fired].sort(), 'every kind of fault has struck').toEqual([...new Set(transient.map(({ kind }) => kind))].sort());
  });
});

/** VFs that are made anew get other addresses; nothing else may differ. */
function withoutChance(state: Awaited<ReturnType<typeof endState>>): Awaited<ReturnType<typeof endState>> {
  return JSON.parse(JSON.stringify(state).replace(/"mac":"[0-9a-f:]+"/g, '"mac":"any"')) as Awaited<ReturnType<typeof endState>>;
}
