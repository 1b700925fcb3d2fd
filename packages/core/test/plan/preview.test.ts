// Goal: what a node state tells is enough to foresee what a change of policies does to the node. Method: fast-check draws nodes and
// policies; the plan from the hardware itself, as the config daemon makes it, is held against the preview from `status.interfaces`.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { observedFromStatus, ownedFromSpec, planNode, previewNode, renderNodeState, toInterfaceStatus } from '@vfleet/core';
import type { HostFacts, NamedPolicy, NodePolicySpec, Plan } from '@vfleet/core';
import { NicModel, pfChoice } from './model.ts';

const host: HostFacts = { bootId: '', kernelVersion: '', kernelArguments: ['intel_iommu=on', 'iommu=pt'], pendingKernelArguments: [], cpuVendor: 'intel', iommuEnabled: true };

const pf = (index: number) =>
  fc
    .record({ driver: fc.constantFrom('ice', 'mlx5_core', 'igb', 'i40e'), numVfs: fc.constantFrom(0, 2, 4), mtu: fc.constantFrom(1500, 9000), up: fc.boolean(), autoprobe: fc.boolean() })
    .map((drawn) => pfChoice(index, { ...drawn, linkType: 'ETH', mode: 'legacy', rdma: drawn.driver === 'mlx5_core' }));

const policy = (index: number) =>
  fc
    .record({ numVfs: fc.constantFrom(1, 2, 4, 6), deviceType: fc.constantFrom('netdevice' as const, 'vfio-pci' as const), mtu: fc.constantFrom(undefined, 1500, 9000), which: fc.constantFrom(0, 1), priority: fc.constantFrom(10, 99), externallyManaged: fc.constantFrom(false, false, true) })
    .map(({ which, mtu, ...drawn }): NamedPolicy => ({ name: `p${index}`, spec: { resourceName: `r${index}`, nodeSelector: {}, nicSelector: { pfNames: [pfChoice(which, {}).name] }, ...drawn, ...(mtu === undefined ? {} : { mtu }) } }));

const draws = fc.record({ pfs: fc.tuple(pf(0), pf(1)), now: fc.array(policy(0), { maxLength: 1 }), next: fc.tuple(policy(1), policy(2)).chain((all) => fc.subarray([...all])), held: fc.nat() });

/** All but the addresses that VFs get for good, which a node state does not tell and which cost nobody anything. */
const gist = (plan: Plan) => ({ pfs: plan.pfs.map(({ pf: address, name, action, differences, steps }) => ({ address, name, action, differences, steps: steps.filter(({ kind }) => kind !== 'setVf') })), drain: plan.drain, problems: plan.problems });

test('the preview is the plan that the daemon will make', () => {
  fc.assert(fc.property(draws, ({ pfs, now, next, held }) => {
    const { inventory } = new NicModel(pfs);
    const vfs = inventory.pfs.flatMap((one) => one.vfs);
    const holders = new Map(vfs.filter((_, index) => ((held >> index) & 1) === 1).map((vf) => [vf.pciAddress, `default/pod-${vf.index}`]));
    const interfaces = toInterfaceStatus(inventory, { holders });
    const current = renderNodeState({ policies: now, interfaces }).spec ?? {};
    const desired = renderNodeState({ policies: next, interfaces }).spec ?? {};
    const real = planNode({ desired, observed: inventory, owned: ownedFromSpec(current), host, disableDrain: false, holders });
    const preview = previewNode({ labels: {}, interfaces, current, policies: next, pools: [], disableDrain: false });
    expect(gist(preview.plan)).toEqual(gist(real));
    expect(preview.pods).toEqual([...new Set(real.drain.reasons.flatMap(({ affectedVfs }) => affectedVfs.flatMap(({ pod }) => pod ?? [])))].sort());
    expect(observedFromStatus(interfaces).holders).toEqual(holders);
  }), { numRuns: 400 });
});

describe('reboots', () => {
  const spec = (deviceType: 'netdevice' | 'vfio-pci'): NodePolicySpec => ({ resourceName: 'r', nodeSelector: {}, numVfs: 2, nicSelector: { pfNames: [pfChoice(0, {}).name] }, deviceType });
  const look = (deviceType: 'netdevice' | 'vfio-pci') => previewNode({ labels: {}, interfaces: toInterfaceStatus(new NicModel([pfChoice(0, { driver: 'ice' })]).inventory), current: {}, policies: [{ name: 'p', spec: spec(deviceType) }], pools: [], disableDrain: false });
  test('are said to be possible where VFs go to vfio-pci: only the node knows its kernel arguments', () => {
    expect([look('vfio-pci').reboot, look('netdevice').reboot]).toEqual(['perhaps', 'no']);
  });
});

test('entries with addresses that are none are left out', () => {
  expect(observedFromStatus([{ pciAddress: 'nowhere', Vfs: [{ pciAddress: 'x', vfID: 0 }] }]).inventory.pfs).toEqual([]);
  expect(ownedFromSpec({ interfaces: [{ pciAddress: '../etc' }] })).toEqual([]);
});
