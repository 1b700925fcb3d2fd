// Goal: each rule of the apply order, of drains, reboots and problems is visible in one small plan.
// Method: one node state and one inventory a case; the expected steps are written out.
import { describe, expect, it } from 'vitest';
import { describePlan, isSettled, pciAddress, planNode, toInterfaceStatus, triedKey } from '@vfleet/core';
import type { HostFacts, NodeStateInterface, OwnedPf, PfObservation, PlanInput, PlanStep } from '@vfleet/core';
import { NicModel, pfChoice } from './model.ts';
import type { PfChoice } from './model.ts';

const host: HostFacts = {
  bootId: 'boot', kernelVersion: '6.1', kernelArguments: ['intel_iommu=on', 'iommu=pt'], pendingKernelArguments: [], cpuVendor: 'intel', iommuEnabled: true,
};
const PF = pciAddress('0000:10:00.0');
const vfAddress = (index: number) => pciAddress(`0000:10:02.${index}`);
const pfWith = (more: Partial<PfChoice>) => new NicModel([pfChoice(0, more)]);
const group = (more: object = {}) => ({ resourceName: 'fast', deviceType: 'netdevice', vfRange: '0-1', ...more });
const entry = (more: Partial<NodeStateInterface> = {}): NodeStateInterface => ({ pciAddress: PF, name: 'ens0f0', numVfs: 2, vfGroups: [group()], ...more });
const plan = (model: NicModel, interfaces: NodeStateInterface[], more: Partial<PlanInput> = {}) =>
  planNode({ desired: { interfaces }, observed: model.inventory, owned: [], host, disableDrain: false, ...more });
const steps = (model: NicModel, wanted: NodeStateInterface, more: Partial<PlanInput> = {}) => plan(model, [wanted], more).pfs[0]!.steps;
const kinds = (list: readonly PlanStep[]) => list.map((step) => ('count' in step ? `${step.kind} ${step.count}` : 'mode' in step ? `${step.kind} ${step.mode}` : step.kind));

describe('the order of steps on a PF', () => {
  it('creates VFs on a clean PF without a drain', () => {
    const result = plan(pfWith({}), [entry()]);
    expect(kinds(result.pfs[0]!.steps)).toEqual(['setNumVfs 2', 'waitForVfs 2', 'rediscover']);
    expect(result.drain.needed).toBe(false);
  });

  it('goes from N to M through 0, and drains for it', () => {
    const result = plan(pfWith({ numVfs: 2 }), [entry({ numVfs: 3 })], { holders: new Map([[vfAddress(1), 'default/web']]) });
    expect(kinds(result.pfs[0]!.steps)).toEqual(['setNumVfs 0', 'setNumVfs 3', 'waitForVfs 3', 'rediscover']);
    expect(result.drain.reasons).toEqual([
      {
        pf: PF, name: 'ens0f0', why: 'update', differences: [{ kind: 'numVfs', from: 2, to: 3 }],
        affectedVfs: [{ index: 0, pciAddress: vfAddress(0) }, { index: 1, pciAddress: vfAddress(1), pod: 'default/web' }],
      },
    ]);
  });

  it('asks for no second drain for VFs of its own unfinished run', () => {
    const model = pfWith({ numVfs: 2, autoprobe: false });
    expect(plan(model, [entry()]).drain.needed).toBe(true);
    expect(plan(model, [entry()], { begun: new Set([PF]) }).drain.needed).toBe(false);
  });

  it('ice: no VFs, then the mode, then VFs', () => {
    const model = pfWith({ driver: 'ice', numVfs: 4 });
    expect(kinds(steps(model, entry({ eSwitchMode: 'switchdev' })))).toEqual([
      'setFeature', 'setNumVfs 0', 'setEswitchMode switchdev', 'setNumVfs 2', 'waitForVfs 2', 'rediscover',
    ]);
  });

  it('mlx5: legacy, VFs through 0, then VFs unbound, then switchdev', () => {
    const model = pfWith({ driver: 'mlx5_core', numVfs: 2, mode: 'switchdev' });
    expect(kinds(steps(model, entry({ numVfs: 3, eSwitchMode: 'switchdev' })))).toEqual([
      'setFeature', 'setDevlinkParam', 'unbindDriver', 'unbindDriver', 'setEswitchMode legacy', 'setNumVfs 0', 'setNumVfs 3', 'waitForVfs 3', 'rediscover',
    ]);
    const created = pfWith({ driver: 'mlx5_core', numVfs: 3 });
    expect(kinds(steps(created, entry({ numVfs: 3, eSwitchMode: 'switchdev' })))).toEqual([
      'setFeature', 'setDevlinkParam', 'unbindDriver', 'unbindDriver', 'unbindDriver', 'setEswitchMode switchdev', 'rediscover',
    ]);
  });

  it('raises the PF before its VFs, binds before it sets, and sets the PF up last', () => {
    const model = pfWith({ numVfs: 2, up: false });
    expect(steps(model, entry({ mtu: 9000, vfGroups: [group({ mtu: 9000 })] }))).toEqual([
      { kind: 'setMtu', device: PF, netns: 'host', mtu: 9000 },
      { kind: 'setVf', pf: PF, vfIndex: 0, mac: '02:00:00:10:00:00' },
      { kind: 'setMtu', device: vfAddress(0), netns: 'host', mtu: 9000 },
      { kind: 'setVf', pf: PF, vfIndex: 1, mac: '02:00:00:10:00:01' },
      { kind: 'setMtu', device: vfAddress(1), netns: 'host', mtu: 9000 },
      { kind: 'setLink', device: PF, netns: 'host', up: true },
    ]);
  });

  it('unbinds a VF from its driver before it goes to vfio-pci', () => {
    expect(steps(pfWith({ numVfs: 2 }), entry({ vfGroups: [group({ deviceType: 'vfio-pci', vfRange: '1-1' })] }))).toEqual([
      { kind: 'unbindDriver', device: vfAddress(1) },
      { kind: 'bindDriver', device: vfAddress(1), driver: 'vfio-pci' },
      { kind: 'rediscover', pf: PF, settleMs: 5000, netdevsMs: 30_000 },
    ]);
  });

  it('sets the GUIDs of an InfiniBand VF before its driver is bound anew, different for each VF', () => {
    const first = steps(pfWith({ driver: 'mlx5_core', linkType: 'IB', numVfs: 2 }), entry());
    expect(kinds(first)).toEqual(['setVf', 'unbindDriver', 'bindDriver', 'setVf', 'unbindDriver', 'bindDriver', 'rediscover']);
    const guids = first.flatMap((step) => (step.kind === 'setVf' ? [step.nodeGuid] : []));
    expect(guids).toEqual(['3e:fd:fe:00:01:00:00:01', '3e:fd:fe:00:02:00:00:01']);
  });

  it('binds a VF anew once when its RDMA device is missing, never while a pod has it, and then says so', () => {
    const model = pfWith({ rdma: true, numVfs: 2 }).edit(PF, (pf) => ({ ...pf, vfs: pf.vfs.map((vf) => ({ ...vf, rdmaDevices: [] })) }));
    const wanted = entry({ vfGroups: [group({ isRdma: true, vfRange: '0-0' })] });
    const begun = new Set([PF]);
    expect(kinds(steps(model, wanted)), 'no reason to disturb anybody').toEqual([]);
    expect(kinds(steps(model, wanted, { begun }))).toEqual(['unbindDriver', 'bindDriver', 'rediscover']);
    expect(kinds(steps(model, wanted, { begun, holders: new Map([[vfAddress(0), 'default/web']]) }))).toEqual(['setVf']);
    const tried = plan(model, [wanted], { begun, tried: new Set([triedKey({ kind: 'bindDriver', device: vfAddress(0), driver: 'default' })]) });
    expect(kinds(tried.pfs[0]!.steps)).toEqual(['setVf']);
    expect(tried.problems).toMatchObject([{ kind: 'noRdmaDevice', blocks: false }]);
  });

  it('leaves the MAC of VFs that are as wanted alone, and waits for netdevs of its own new VFs', () => {
    expect(steps(pfWith({ numVfs: 2 }), entry())).toEqual([]);
    const late = pfWith({ numVfs: 2 }).edit(PF, (pf) => ({ ...pf, vfs: pf.vfs.map(({ netdev: _, ...vf }) => vf) }));
    const begun = new Set([PF]);
    expect(steps(late, entry())).toEqual([]);
    const [wait, ...rest] = steps(late, entry(), { begun });
    expect([wait!.kind, rest]).toEqual(['rediscover', []]);
    expect(steps(late, entry(), { begun, tried: new Set([triedKey(wait!)]) })).toEqual([]);
  });

  it('waits for VFs that are missing, and makes all anew when they did not come', () => {
    const model = pfWith({ numVfs: 2 }).edit(PF, (pf) => ({ ...pf, vfs: pf.vfs.slice(0, 1) }));
    const first = steps(model, entry());
    expect(kinds(first)).toEqual(['waitForVfs 2', 'rediscover']);
    expect(kinds(steps(model, entry(), { tried: new Set([triedKey(first[0]!)]) }))).toEqual(['setNumVfs 0', 'setNumVfs 2', 'waitForVfs 2', 'rediscover']);
  });

  it('sets a PF up first where the driver makes no VFs without', () => {
    expect(kinds(steps(pfWith({ driver: 'bnxt_en', up: false }), entry()))).toEqual(['setLink', 'setNumVfs 2', 'waitForVfs 2', 'rediscover']);
  });

  it('configures a PF without a netdev of its own', () => {
    const model = pfWith({}).edit(PF, ({ netdev: _, ...pf }): PfObservation => pf);
    expect(kinds(steps(model, entry({ mtu: 9000 })))).toEqual(['setNumVfs 2', 'waitForVfs 2', 'rediscover']);
  });
});

describe('PFs that were ours', () => {
  const owned: OwnedPf = { pciAddress: PF, firstMtu: 1500, firstEswitchMode: 'legacy', externallyManaged: false };

  it('are reset to what they were at first', () => {
    const result = plan(pfWith({ driver: 'mlx5_core', numVfs: 2, mtu: 9000, mode: 'switchdev' }), [], { owned: [owned] });
    expect(result.pfs[0]!.action).toBe('reset');
    expect(kinds(result.pfs[0]!.steps)).toEqual(['unbindDriver', 'unbindDriver', 'setEswitchMode legacy', 'setNumVfs 0', 'setMtu']);
    expect(result.drain.reasons[0]!.why).toBe('reset');
  });

  it('are shown without steps once they are, so that they can be forgotten', () => {
    const result = plan(pfWith({}), [], { owned: [owned] });
    expect(result.pfs).toMatchObject([{ action: 'reset', steps: [] }]);
    expect(isSettled(result)).toBe(true);
  });

  it('are left alone when they were externally managed, or are not there', () => {
    expect(plan(pfWith({ numVfs: 2 }), [], { owned: [{ ...owned, externallyManaged: true }] }).pfs).toEqual([]);
    expect(plan(pfWith({ numVfs: 2 }), [], { owned: [{ ...owned, pciAddress: pciAddress('0000:ff:00.0') }] }).pfs).toEqual([]);
  });
});

describe('reboots', () => {
  const vfio = [entry({ vfGroups: [group({ deviceType: 'vfio-pci' })] })];

  it('compare kernel arguments as whole tokens', () => {
    const near = plan(pfWith({}), vfio, { host: { ...host, kernelArguments: ['xintel_iommu=on', 'iommu=ptx', 'iommu=pt'] } });
    expect(near.reboot).toEqual({ needed: true, kernelArguments: ['intel_iommu=on'], reasons: [{ kind: 'kernelArguments', missing: ['intel_iommu=on'], pfs: [PF] }] });
    expect(plan(pfWith({}), vfio).reboot.needed).toBe(false);
  });

  it('ask for what the processor needs, and for nothing without vfio-pci', () => {
    const bare = { ...host, kernelArguments: [] };
    expect(plan(pfWith({}), vfio, { host: bare }).reboot.kernelArguments).toEqual(['intel_iommu=on', 'iommu=pt']);
    expect(plan(pfWith({}), vfio, { host: { ...bare, cpuVendor: 'amd' } }).reboot.kernelArguments).toEqual(['iommu=pt']);
    expect(plan(pfWith({}), vfio, { host: { ...bare, cpuVendor: 'other' } }).reboot.needed).toBe(false);
    expect(plan(pfWith({}), [entry()], { host: bare }).reboot.needed).toBe(false);
  });

  it('are needed if any of several NICs needs one', () => {
    const model = new NicModel([pfChoice(0), pfChoice(1)]);
    for (const interfaces of [[vfio[0]!, entry({ pciAddress: '0000:20:00.0' })], [entry({ pciAddress: '0000:20:00.0' }), vfio[0]!]]) {
      expect(plan(model, interfaces, { host: { ...host, kernelArguments: [] } }).reboot.needed).toBe(true);
    }
  });

  it('come with more VFs in the firmware where the NIC takes that from the host', () => {
    const mellanox = pfWith({ driver: 'mlx5_core', totalVfs: 8 }).edit(PF, (pf) => ({ ...pf, vendor: '15b3' }));
    const result = plan(mellanox, [entry({ numVfs: 16 })]);
    expect(result).toMatchObject({
      pfs: [], problems: [], reboot: { needed: true, reasons: [{ kind: 'firmwareVfs', pf: PF, from: 8, to: 16 }] },
      hostSteps: [{ kind: 'setDevlinkParam', pf: PF, name: 'total_vfs', value: 16 }],
    });
    const none = mellanox.edit(PF, (pf) => ({ ...pf, totalVfs: 0 }));
    expect(plan(none, [entry({ numVfs: 16 })]).hostSteps).toMatchObject([{ name: 'enable_sriov', value: true }, { name: 'total_vfs', value: 16 }]);
    for (const refused of [plan(mellanox, [entry({ numVfs: 129 })]), plan(mellanox, [entry({ numVfs: 16 })], { disabledPlugins: ['mellanox'] })]) {
      expect(refused).toMatchObject({ hostSteps: [], reboot: { needed: false }, problems: [{ kind: 'tooManyVfs' }] });
    }
  });

  it('judge the RDMA mode by what is observed', () => {
    const wants = (rdmaMode: 'shared' | 'exclusive') =>
      planNode({ desired: { system: { rdmaMode } }, observed: pfWith({}).inventory, owned: [], host, disableDrain: false });
    expect(wants('shared').reboot.needed).toBe(false);
    expect(wants('exclusive')).toMatchObject({
      hostSteps: [{ kind: 'setRdmaMode', mode: 'exclusive' }], reboot: { needed: true, reasons: [{ kind: 'rdmaMode', from: 'shared', to: 'exclusive' }] },
    });
  });
});

describe('problems', () => {
  const only = (model: NicModel, wanted: NodeStateInterface) => plan(model, [wanted]).problems.map((problem) => problem.kind);

  it('are told with a cause and a remedy, and the PF is left alone', () => {
    const result = plan(pfWith({ totalVfs: 1 }), [entry()]);
    expect(result.problems).toEqual([
      {
        kind: 'tooManyVfs', pf: PF, name: 'ens0f0', blocks: true, cause: '2 VFs are wanted on ens0f0, which can have 1',
        remedy: 'set numVfs to 1 or less, or raise the number of VFs in the firmware of the NIC and reboot',
      },
    ]);
    expect(result.pfs).toEqual([]);
  });

  it('name each kind of trouble', () => {
    expect(only(pfWith({}), entry({ pciAddress: '0000:99:00.0' }))).toEqual(['pfGone']);
    expect(only(pfWith({}).edit(PF, ({ driver: _, ...pf }): PfObservation => pf), entry())).toEqual(['pfWithoutDriver']);
    expect(only(pfWith({}), entry({ linkType: 'ib' }))).toEqual(['linkTypeDiffers']);
    expect(only(pfWith({ numVfs: 1 }), entry({ externallyManaged: true }))).toEqual(['tooFewVfs']);
    expect(only(pfWith({ numVfs: 2 }), entry({ externallyManaged: true, mtu: 9000 }))).toEqual(['externallyManagedDiffers']);
    expect(only(pfWith({ numVfs: 2 }), entry({ externallyManaged: true, eSwitchMode: 'switchdev' }))).toEqual(['externallyManagedDiffers']);
    expect(only(pfWith({}), entry({ vfGroups: [group({ vfRange: '0-5' })] }))).toEqual(['rangeBeyondVfs']);
    expect(only(pfWith({}), entry({ vfGroups: [group({ isRdma: true })] }))).toEqual(['noRdmaDevice']);
  });

  it('see values that mean nothing, and never throw', () => {
    for (const wanted of [
      entry({ pciAddress: 'ens0f0' }), entry({ numVfs: -1 }), entry({ numVfs: 1.5 }), entry({ eSwitchMode: 'off' }), entry({ linkType: 'wifi' }),
      entry({ vfGroups: [group({ vfRange: 'a-b' })] }), entry({ vfGroups: [group({ vfRange: '3-1' })] }), entry({ vfGroups: [group({ deviceType: 'uio' })] }),
      entry({ vfGroups: [group({ vdpaType: 'other' })] }), entry({ vfGroups: [group({ vdpaType: 'virtio', deviceType: 'vfio-pci' })] }),
    ]) {
      const result = plan(pfWith({}), [wanted]);
      expect(result.problems.map((problem) => problem.kind)).toEqual(['badSpec']);
      expect(isSettled(result)).toBe(true);
    }
  });

  it('of one PF do not hold up another', () => {
    const result = plan(new NicModel([pfChoice(0), pfChoice(1)]), [entry({ numVfs: 99 }), entry({ pciAddress: '0000:20:00.0' })]);
    expect(result.pfs.map((pf) => pf.pf)).toEqual(['0000:20:00.0']);
  });

  it('keep a PF from being reset while its spec is broken', () => {
    const owned: OwnedPf = { pciAddress: PF, firstMtu: 1500, firstEswitchMode: 'legacy', externallyManaged: false };
    expect(plan(pfWith({ numVfs: 2 }), [entry({ eSwitchMode: 'off' })], { owned: [owned] }).pfs).toEqual([]);
  });

  it('take the first of two entries for one PF', () => {
    const result = plan(pfWith({}), [entry({ numVfs: 2 }), entry({ numVfs: 4 })]);
    expect(result.problems).toMatchObject([{ kind: 'badSpec' }]);
    expect(kinds(result.pfs[0]!.steps)[0]).toBe('setNumVfs 2');
  });
});

describe('a plan for a person', () => {
  it('says what will happen, in order, with what follows once the VFs exist', () => {
    const model = new NicModel([pfChoice(0, { numVfs: 2 }), pfChoice(1, { numVfs: 2, mtu: 9000 })]);
    const result = planNode({
      desired: { interfaces: [entry({ numVfs: 4, mtu: 9000, vfGroups: [group({ vfRange: '0-3', deviceType: 'vfio-pci' })] })] },
      observed: model.inventory,
      owned: [{ pciAddress: pciAddress('0000:20:00.0'), firstMtu: 1500, firstEswitchMode: 'legacy', externallyManaged: false }],
      host: { ...host, kernelArguments: ['iommu=pt'] },
      disableDrain: false,
      holders: new Map([[vfAddress(0), 'default/web']]),
    });
    expect(describePlan(result)).toEqual([
      'reboot: the kernel was booted without intel_iommu=on, which vfio-pci on 0000:10:00.0 needs',
      'drain: ens0f0 (0000:10:00.0) has VFs and numVfs goes from 2 to 4, the MTU of the PF goes from 1500 to 9000, VF 0 goes from iavf to vfio-pci, VF 1 goes from iavf to vfio-pci; 2 VFs affected, held by default/web',
      'drain: ens1f0 (0000:20:00.0) has VFs and no policy wants it any more; 2 VFs affected, no pod is known to hold one',
      'ens0f0 (0000:10:00.0), after the reboot:',
      '  remove all VFs of 0000:10:00.0',
      '  create 4 VFs on 0000:10:00.0',
      '  wait until 0000:10:00.0 shows 4 VFs, at most 120 s',
      '  look at 0000:10:00.0 again',
      '  then raise the MTU of the PF to 9000',
      '  then VFs 0 to 3 for fast: driver vfio-pci',
      'ens1f0 (0000:20:00.0), no longer in the spec, after the reboot:',
      '  remove all VFs of 0000:20:00.0',
      '  set the MTU of 0000:20:00.0 to 1500',
    ]);
  });

  it('says so when there is nothing to do', () => {
    expect(describePlan(plan(pfWith({}), []))).toEqual(['nothing to do']);
  });
});

describe('status.interfaces', () => {
  it('spells every field as existing tools read it', () => {
    const observed = pfWith({ numVfs: 1, driver: 'mlx5_core', linkType: 'IB', mode: 'switchdev' }).edit(PF, (pf) => ({
      ...pf,
      netFilter: 'openstack/NetworkID:x',
      netdev: { ...pf.netdev!, altNames: ['enp16s0f0'] },
      vfs: pf.vfs.map((vf) => ({ ...vf, representor: 'eth7', vdpaType: 'virtio' as const, settings: { ...vf.settings, vlan: 12, nodeGuid: '00:11:22:33:44:55:66:77' } })),
    })).inventory;
    const options = { holders: new Map([[vfAddress(0), 'default/web']]), externallyManaged: new Set([PF]) };
    expect(toInterfaceStatus(observed, options)).toEqual([
      {
        name: 'ens0f0', mac: '3c:fd:fe:00:00:01', driver: 'mlx5_core', pciAddress: PF, vendor: '8086', deviceID: '0001', netFilter: 'openstack/NetworkID:x', mtu: 1500, numVfs: 1,
        linkSpeed: '25000 Mb/s', linkType: 'IB', linkAdminState: 'up', eSwitchMode: 'switchdev', externallyManaged: true, totalvfs: 8, altNames: ['enp16s0f0'],
        Vfs: [
          {
            name: 'ens0f0v0', mac: '02:00:00:10:00:00', assigned: 'default/web', driver: 'mlx5_core', pciAddress: vfAddress(0), vendor: '8086', deviceID: '0002', Vlan: 12, mtu: 1500,
            vfID: 0, vdpaType: 'virtio', representorName: 'eth7', guid: '00:11:22:33:44:55:66:77',
          },
        ],
      },
    ]);
  });

  it('leaves out what is not there', () => {
    const observed = pfWith({ up: false }).edit(PF, ({ driver: _, netdev: __, ...pf }): PfObservation => pf).inventory;
    expect(toInterfaceStatus(observed)).toEqual([
      { pciAddress: PF, vendor: '8086', deviceID: '0001', numVfs: 0, linkSpeed: '-1 Mb/s', linkType: 'ETH', eSwitchMode: 'legacy', totalvfs: 8 },
    ]);
  });
});
