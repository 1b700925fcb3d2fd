// Goal: carrying out plans always comes to an end, and the end is what the spec wants; what is not ours stays as it was; a drain is
// asked for exactly when the contract says so.
// Method: fast-check draws nodes (drivers, modes, VFs, MTUs, hand-made VFs, owned PFs) and specs; plans are carried out on a pure model that
// refuses what the kernel refuses, so that a wrong order shows as an error.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOptional, isSettled, planNode, triedKey } from '@vfleet/core';
import type { HostFacts, Inventory, NodeStateInterface, NodeStateSpec, OwnedPf, PfObservation, Plan, PlanInput } from '@vfleet/core';
import { NicModel, pfChoice } from './model.ts';
import type { PfChoice } from './model.ts';

const host: HostFacts = {
  bootId: 'boot', kernelVersion: '6.1', kernelArguments: ['ro', 'intel_iommu=on', 'iommu=pt'], pendingKernelArguments: [], cpuVendor: 'intel', iommuEnabled: true,
};

interface Case {
  readonly choices: readonly PfChoice[];
  readonly desired: NodeStateSpec;
  readonly owned: readonly OwnedPf[];
}

const arbitraryPf = (index: number): fc.Arbitrary<PfChoice> =>
  fc
    .record({
      driver: fc.constantFrom('ice', 'mlx5_core', 'igb', 'i40e', 'bnxt_en'),
      linkType: fc.constantFrom('ETH' as const, 'ETH' as const, 'IB' as const),
      numVfs: fc.constantFrom(0, 0, 2, 4),
      mtu: fc.constantFrom(1500, 9000),
      up: fc.boolean(),
      mode: fc.constantFrom('legacy' as const, 'legacy' as const, 'switchdev' as const),
      rdma: fc.boolean(),
      autoprobe: fc.boolean(),
    })
    .map((drawn) =>
      pfChoice(index, {
        ...drawn,
        ...(drawn.driver === 'mlx5_core' ? {} : { linkType: 'ETH' as const }),
        ...(drawn.driver === 'igb' || drawn.linkType === 'IB' ? { mode: 'legacy' as const } : {}),
      }),
    );

const arbitraryEntry = (pf: PfChoice): fc.Arbitrary<NodeStateInterface> =>
  fc
    .record({
      numVfs: fc.constantFrom(1, 2, 4, 5, 8),
      mtu: fc.constantFrom(undefined, 1500, 2000, 9000),
      split: fc.boolean(),
      first: fc.record({ deviceType: fc.constantFrom('netdevice', 'vfio-pci'), isRdma: fc.boolean(), vdpaType: fc.constantFrom(undefined, 'virtio', 'vhost') }),
      second: fc.record({ deviceType: fc.constantFrom('netdevice', 'vfio-pci'), isRdma: fc.boolean(), vdpaType: fc.constantFrom(undefined, 'virtio') }),
      switchdev: fc.boolean(),
      gap: fc.boolean(),
    })
    .map(({ numVfs, mtu, split, first, second, switchdev, gap }) => {
      const group = (choice: typeof first, range: string) => ({
        resourceName: `r${range}`,
        deviceType: choice.deviceType,
        vfRange: range,
        ...(mtu === undefined ? {} : { mtu }),
        ...(choice.deviceType === 'netdevice' && choice.isRdma ? { isRdma: true } : {}),
        ...(choice.deviceType === 'netdevice' && choice.vdpaType !== undefined ? { vdpaType: choice.vdpaType } : {}),
      });
      const end = gap && numVfs > 2 ? numVfs - 2 : numVfs - 1;
      const vfGroups = split && end > 0 ? [group(first, '0-0'), group(second, `1-${end}`)] : [group(first, `0-${end}`)];
      return {
        pciAddress: pf.address, name: pf.name, numVfs, vfGroups, ...(mtu === undefined ? {} : { mtu }),
        ...(switchdev && pf.driver !== 'igb' && pf.linkType === 'ETH' ? { eSwitchMode: 'switchdev' } : {}),
      };
    });

const arbitraryCase: fc.Arbitrary<Case> = fc
  .tuple(arbitraryPf(0), arbitraryPf(1), arbitraryPf(2))
  .chain((choices) =>
    fc.record({
      choices: fc.constant(choices),
      entries: fc.tuple(...choices.map((pf) => fc.option(arbitraryEntry(pf), { nil: undefined }))),
      owned: fc.tuple(...choices.map(() => fc.boolean())),
      external: fc.tuple(...choices.map(() => fc.constantFrom(false, false, false, true))),
    }),
  )
  .map(({ choices, entries, owned, external }) => ({
    choices,
    desired: {
      interfaces: entries.flatMap((entry, index): NodeStateInterface[] => {
        if (entry === undefined) return [];
        return [external[index] ? { ...entry, externallyManaged: true } : entry];
      }),
    },
    owned: choices.flatMap((pf, index): OwnedPf[] =>
      owned[index] ? [{ pciAddress: pf.address, name: pf.name, firstMtu: 1500, firstEswitchMode: 'legacy', externallyManaged: external[index]! }] : [],
    ),
  }));

const inputOf = (test: Case, observed: Inventory, more: Partial<PlanInput> = {}): PlanInput => ({
  desired: test.desired, observed, owned: test.owned, host, disableDrain: false, ...more,
});

/** Carries out plans until one has no steps. Any refusal by the model other than `unsupported` of an optional step fails the test. */
function settle(test: Case, start: NicModel): { readonly model: NicModel; readonly plan: Plan; readonly applied: number } {
  let model = start;
  let applied = 0;
  const tried = new Set<string>();
  // As the daemon does: what a run has begun with is its own until it ends.
  let begun = new Set<string>();
  for (let round = 0; round < 8; round++) {
    const plan = planNode(inputOf(test, model.inventory, { tried, begun }));
    begun = new Set([...begun, ...plan.pfs.filter((pf) => pf.steps.length > 0).map((pf) => pf.pf)]);
    if (isSettled(plan)) return { model, plan, applied };
    for (const pf of plan.pfs) {
      for (const step of pf.steps) {
        if (step.kind === 'waitForVfs') expect(model.pf(step.pf).vfs.length).toBe(step.count);
        if (step.kind === 'waitForVfs' || step.kind === 'rediscover') continue;
        const next = model.apply(step);
        if (typeof next === 'string') {
          expect(`${next} ${isOptional(step)}`, JSON.stringify(step)).toBe('unsupported true');
          tried.add(triedKey(step));
          continue;
        }
        applied++;
        model = next;
      }
    }
  }
  throw new Error(`no end after 8 plans: ${JSON.stringify(planNode(inputOf(test, model.inventory, { tried })))}`);
}

/** Says independently of the planner what a configured PF looks like. */
function checkConfigured(entry: NodeStateInterface, before: PfObservation, after: PfObservation): void {
  expect(after.numVfs).toBe(entry.numVfs);
  expect(after.vfs.length).toBe(entry.numVfs);
  expect(after.eswitchMode).toBe(entry.eSwitchMode ?? 'legacy');
  expect(after.netdev!.adminState).toBe('up');
  expect(after.netdev!.mtu, 'the MTU of a PF is only ever raised').toBe(Math.max(before.netdev!.mtu, entry.mtu ?? 0));
  for (const group of entry.vfGroups!) {
    const [first, last] = group.vfRange!.split('-').map(Number) as [number, number];
    for (const vf of after.vfs.slice(first, last + 1)) {
      if (group.deviceType === 'vfio-pci') {
        expect(vf.driver).toBe('vfio-pci');
        expect(vf.vdpaType).toBeUndefined();
        continue;
      }
      expect(vf.netdev, 'a kernel driver is bound').toBeDefined();
      if (group.mtu !== undefined) expect(vf.netdev!.mtu).toBe(group.mtu);
      expect(vf.vdpaType).toBe(group.vdpaType);
      if (before.linkType === 'ETH' && before.numVfs !== entry.numVfs) expect(vf.settings.mac, 'the VF keeps its MAC').toBe(vf.netdev!.mac);
      if (before.linkType === 'IB') expect(vf.settings.nodeGuid).not.toBe('00:00:00:00:00:00:00:00');
    }
  }
}

const edits: readonly (((pf: PfObservation) => PfObservation) | undefined)[] = [
  undefined,
  (pf) => pf,
  (pf) => ({ ...pf, netdev: { ...pf.netdev!, mtu: 9216 } }),
  (pf) => ({ ...pf, netdev: { ...pf.netdev!, adminState: 'down' } }),
  (pf) => ({ ...pf, vfs: pf.vfs.map((vf) => (vf.netdev === undefined ? vf : { ...vf, netdev: { ...vf.netdev, mtu: 1400 } })) }),
  (pf) => ({ ...pf, vfs: pf.vfs.map((vf) => ({ ...vf, driver: 'vfio-pci' })) }),
  (pf) => ({ ...pf, vfs: pf.vfs.map((vf) => ({ ...vf, settings: { ...vf.settings, mac: '00:00:00:00:00:00' } })) }),
];

describe('plans', () => {
  it('converge to what the spec wants, without a step that the kernel would refuse', () => {
    fc.assert(
      fc.property(arbitraryCase, (test) => {
        const start = new NicModel(test.choices);
        const { model, plan } = settle(test, start);
        const blocked = new Set(plan.problems.filter((problem) => problem.blocks).map((problem) => problem.pf));
        for (const choice of test.choices) {
          const entry = test.desired.interfaces!.find((candidate) => candidate.pciAddress === choice.address);
          const owned = test.owned.find((candidate) => candidate.pciAddress === choice.address);
          const before = start.pf(choice.address);
          const after = model.pf(choice.address);
          if (blocked.has(choice.address)) expect(after, 'a PF with a problem is left alone').toBe(before);
          else if (entry?.externallyManaged) expect({ ...after, vfs: [] }, 'an externally managed PF itself is never touched').toEqual({ ...before, vfs: [] });
          else if (entry !== undefined) checkConfigured(entry, before, after);
          else if (owned !== undefined && !owned.externallyManaged) {
            expect({ numVfs: after.numVfs, mode: after.eswitchMode, mtu: after.netdev!.mtu }).toEqual({ numVfs: 0, mode: 'legacy', mtu: 1500 });
          } else expect(after, 'a PF that is not ours is never touched').toBe(before);
        }
      }),
      { numRuns: 600 },
    );
  });

  it('leave VFs in no group alone once they are there', () => {
    fc.assert(
      fc.property(arbitraryCase, (test) => {
        const { model } = settle(test, new NicModel(test.choices));
        for (const entry of test.desired.interfaces!) {
          const covered = (index: number) => entry.vfGroups!.some((group) => Number(group.vfRange!.split('-')[0]) <= index && index <= Number(group.vfRange!.split('-')[1]));
          const stray = model.pf(entry.pciAddress).vfs.find((vf) => !covered(vf.index));
          if (stray === undefined) continue;
          const changed = model.edit(entry.pciAddress, (pf) => ({ ...pf, vfs: pf.vfs.map((vf) => (vf.index === stray.index ? { ...vf, driver: 'somebody' } : vf)) }));
          expect(isSettled(planNode(inputOf(test, changed.inventory)))).toBe(isSettled(planNode(inputOf(test, model.inventory))));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are the same for the same input, whatever the order of the owned PFs', () => {
    fc.assert(
      fc.property(arbitraryCase, (test) => {
        const observed = new NicModel(test.choices).inventory;
        expect(planNode(inputOf({ ...test, owned: test.owned.toReversed() }, observed))).toEqual(planNode(inputOf(test, observed)));
      }),
      { numRuns: 100 },
    );
  });

  it('ask for a drain exactly when VFs exist and need an update, or an owned PF loses its spec', () => {
    fc.assert(
      fc.property(arbitraryCase, fc.constantFrom(...edits), (test, edit) => {
        const start = new NicModel(test.choices);
        // Nodes as they come, and nodes as they should be with one thing changed by hand.
        const observed = edit === undefined ? start.inventory : test.choices.reduce((model, pf) => model.edit(pf.address, edit), settle(test, start).model).inventory;
        const plan = planNode(inputOf(test, observed));
        const blocked = new Set(plan.problems.filter((problem) => problem.blocks).map((problem) => problem.pf));
        const expected = observed.pfs.filter((pf) => {
          if (pf.numVfs === 0 || blocked.has(pf.pciAddress)) return false;
          const entry = test.desired.interfaces!.find((candidate) => candidate.pciAddress === pf.pciAddress);
          if (entry === undefined) return test.owned.some((owned) => owned.pciAddress === pf.pciAddress && !owned.externallyManaged);
          return needsUpdate(entry, pf);
        });
        expect(plan.drain.reasons.map((reason) => reason.pf)).toEqual(expected.map((pf) => pf.pciAddress));
        expect(plan.drain.needed).toBe(expected.length > 0);
        expect(planNode(inputOf(test, observed, { disableDrain: true })).drain.needed).toBe(false);
      }),
      { numRuns: 400 },
    );
  });

  it('take no step on a VF that is as wanted, whatever is changed on another VF', () => {
    fc.assert(
      fc.property(arbitraryCase, (test) => {
        const { model } = settle(test, new NicModel(test.choices));
        for (const entry of test.desired.interfaces!) {
          const victim = model.pf(entry.pciAddress).vfs[0];
          if (victim?.netdev === undefined || victim.vdpaType !== undefined) continue;
          const broken = model.apply({ kind: 'unbindDriver', device: victim.pciAddress }) as NicModel;
          const plan = planNode(inputOf(test, broken.inventory));
          const devices = plan.pfs.find((pf) => pf.pf === entry.pciAddress)?.steps.flatMap((step) => ('device' in step ? [step.device] : [])) ?? [];
          for (const device of devices) expect([victim.pciAddress, entry.pciAddress]).toContain(device);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** The contract's NeedToUpdate, written as one expression per clause. */
function needsUpdate(entry: NodeStateInterface, pf: PfObservation): boolean {
  const external = entry.externallyManaged === true;
  if (!external && (pf.numVfs !== entry.numVfs || pf.eswitchMode !== (entry.eSwitchMode ?? 'legacy'))) return true;
  if (!external && ((entry.mtu ?? 0) > pf.netdev!.mtu || pf.netdev!.adminState === 'down')) return true;
  return entry.vfGroups!.some((group) => {
    const [first, last] = group.vfRange!.split('-').map(Number) as [number, number];
    return pf.vfs.slice(first, last + 1).some((vf) => {
      if (vf.driver === undefined || (vf.driver === 'vfio-pci') !== (group.deviceType === 'vfio-pci')) return true;
      if (vf.netdev !== undefined && group.mtu !== undefined && vf.netdev.mtu !== group.mtu) return true;
      if (!external && pf.linkType === 'IB' && group.deviceType === 'netdevice' && vf.settings.nodeGuid === '00:00:00:00:00:00:00:00') return true;
      return vf.vdpaType !== group.vdpaType;
    });
  });
}
