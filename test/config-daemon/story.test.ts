// Goal: the config daemon brings a node's NICs to what its node state wants, at the price that the contract names and no other, and says
// what it does.
// Method: the production daemon on a simulated node and an API server in process, under virtual time; what it wrote, in which order, is
// compared with what the contract says.
import { describe, expect, it } from 'vitest';
import { nodeAnnotations, nodeStateAnnotations, pciAddress } from '@vfleet/core';
import type { NodeStateInterface, PodDevices, VfGroup } from '@vfleet/core';
import { faultRules } from '@vfleet/hw-sim';
import { events, nodeStates, nodes, operatorConfigs, pods } from '@vfleet/kube';
import { NAMESPACE, NODE, World, hardwareWrites } from './world.ts';

const X710 = '0000:3b:00.0';
const MLX = '0000:5e:00.0';
const pfs = [{ personality: 'X710', pciAddress: X710, name: 'ens1f0' }];
const group = (more: Partial<VfGroup> = {}): VfGroup => ({ resourceName: 'fast', deviceType: 'netdevice', vfRange: '0-3', policyName: 'policy', ...more });
const wanted = (more: Partial<NodeStateInterface> = {}): NodeStateInterface => ({ pciAddress: X710, name: 'ens1f0', numVfs: 4, vfGroups: [group()], ...more });

async function started(options: Omit<Parameters<typeof World.create>[0], 'pfs'> & { pfs?: readonly Readonly<Record<string, unknown>>[] } = {}): Promise<World> {
  const world = await World.create({ pfs, ...options });
  world.startDaemon();
  return world;
}

const podWith = (name: string, ...ids: string[]): PodDevices => ({
  namespace: 'default', name, uid: name, containers: [{ name: 'app', devices: [{ resourceName: 'openshift.io/fast', ids }] }],
});

describe('VFs that no netdev shows', () => {
  it('are reported with their pods as these come and go, though the hardware says nothing', async () => {
    const world = await started({ node: { kernelArguments: ['intel_iommu=on'] } });
    await world.byHand({ kind: 'setNumVfs', pf: pciAddress(X710), count: 2 });
    await world.byHand({ kind: 'bindDriver', device: world.pf(X710).vfs[1]!.pciAddress, driver: 'vfio-pci' });
    await world.settle();
    await world.clock.run(60_000);
    const held = world.pf(X710).vfs[1]!.pciAddress;
    const assigned = async () => (await world.state()).status?.interfaces?.[0]?.Vfs?.map((vf) => vf.assigned);
    expect(await assigned()).toEqual([undefined, undefined]);

    world.pods = [podWith('dpdk', held)];
    const resources = { limits: { 'openshift.io/fast': '1' } };
    await world.kube.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'dpdk', namespace: 'default' }, spec: { nodeName: NODE, containers: [{ name: 'app', image: 'dpdk', resources }] } });
    await world.clock.run(5_000);
    expect(await assigned()).toEqual([undefined, 'default/dpdk']);

    world.pods = [];
    await world.kube.delete(pods, { namespace: 'default', name: 'dpdk' }, { gracePeriodSeconds: 0 });
    await world.clock.run(5_000);
    expect(await assigned()).toEqual([undefined, undefined]);

    world.writes.length = 0;
    await world.kube.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'plain', namespace: 'default' }, spec: { nodeName: NODE, containers: [{ name: 'app', image: 'web', resources: { limits: { cpu: '1' } } }] } });
    await world.clock.run(60_000);
    expect(world.writes).toEqual([]);
  });
});

describe('a node that is configured for the first time', () => {
  it('publishes its NICs, and reports success while there is nothing to do', async () => {
    const world = await started();
    const { status } = await world.settle();
    expect(status).toMatchObject({
      syncStatus: 'Succeeded',
      interfaces: [{ name: 'ens1f0', pciAddress: X710, vendor: '8086', deviceID: '1572', driver: 'i40e', numVfs: 0, linkType: 'ETH', linkSpeed: '10000 Mb/s' }],
      system: { rdmaMode: 'shared' },
    });
    expect(hardwareWrites(world.writes)).toEqual([]);
  });

  it('creates VFs without a drain, and reports them', async () => {
    const world = await started();
    await world.settle();
    await world.setSpec({ interfaces: [wanted({ mtu: 9000, vfGroups: [group({ mtu: 9000 })] })] });
    const { status } = await world.settle();
    expect(world.drains).toEqual([]);
    expect(world.pf(X710).vfs.map((vf) => [vf.driver, vf.netdev?.mtu])).toEqual(Array.from({ length: 4 }, () => ['iavf', 9000]));
    expect(status!.interfaces![0]!.Vfs!.map((vf) => [vf.vfID, vf.driver, vf.mtu])).toEqual([0, 1, 2, 3].map((index) => [index, 'iavf', 9000]));
    expect(status!.conditions).toMatchObject([{ type: 'Ready', status: 'True', reason: 'Configured', message: 'configured: ens1f0' }]);
    expect(hardwareWrites(world.writes).slice(0, 2)).toEqual(['setNumVfs 4', 'setMtu']);
  });

  it('says InProgress before its first write, so that nobody hands out VFs that are not ready', async () => {
    const world = await started();
    await world.settle();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    const progress = world.writes.findIndex((write) => write.what.includes('InProgress'));
    expect(progress).toBeGreaterThan(0);
    expect(progress).toBeLessThan(world.writes.findIndex((write) => write.to === 'hardware'));
  });

  it('journals each deciding step, and each run of settings, before it is carried out', async () => {
    const world = await started();
    await world.settle();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    const decides = ({ what }: { readonly what: string }) => ['setNumVfs', 'setEswitchMode'].includes((JSON.parse(what) as { readonly kind: string }).kind);
    expect(world.writes.filter(({ to }) => to === 'hardware').length).toBeGreaterThanOrEqual(5);
    world.writes.forEach((write, index) => {
      if (write.to !== 'hardware') return;
      const before = world.writes[index - 1]!;
      if (decides(write) || before.to !== 'hardware') expect(before.what).toBe('append /etc/sriov-operator/journal');
      else expect(decides(before)).toBe(false);
    });
  });

  it('waits for the operator to make the node state, and reads it without being asked', async () => {
    const world = await started({ withoutState: true });
    await world.clock.run(60_000);
    expect(world.daemon!.view().node.value).toBe('awaitingState');
    await world.createState();
    expect((await world.settle(5_000)).status?.interfaces).toHaveLength(1);
  });

  it('writes nothing more once the node is as wanted', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    await world.clock.run(10_000);
    const before = world.writes.length;
    await world.clock.run(24 * 3_600_000);
    expect(world.writes.slice(before)).toEqual([]);
  });
});

describe('a change of VFs that exist', () => {
  it('waits for the drain, changes, and gives the node back', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    world.pods = [podWith('web', world.pf(X710).vfs[1]!.pciAddress)];
    world.writes.length = 0;
    await world.setSpec({ interfaces: [wanted({ numVfs: 6, vfGroups: [group({ vfRange: '0-5' })] })] });
    const draining = await world.until('the drain', (state) => state.metadata.annotations?.[nodeStateAnnotations.currentState] === 'Draining');
    expect(hardwareWrites(world.writes)).toEqual([]);
    expect(draining.status).toMatchObject({ syncStatus: 'InProgress' });
    expect(draining.status!.conditions![0]).toMatchObject({ status: 'False', reason: 'WaitingForDrain' });
    expect(draining.status!.conditions![0]!.message).toContain('numVfs goes from 4 to 6; 4 VFs affected, held by default/web');
    const done = await world.settle();
    expect(hardwareWrites(world.writes).slice(0, 2)).toEqual(['setNumVfs 0', 'setNumVfs 6']);
    expect(world.drains).toEqual(['Drain_Required']);
    expect(done.metadata.annotations).toMatchObject({ [nodeStateAnnotations.currentState]: 'Idle', [nodeStateAnnotations.desiredState]: 'Idle' });
    expect((await world.kube.get(nodes, { name: NODE })).metadata.annotations).toMatchObject({ [nodeAnnotations.state]: 'Idle' });
  });

  it('drains nobody when draining is switched off', async () => {
    const world = await started({ config: { disableDrain: true } });
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    await world.setSpec({ interfaces: [wanted({ numVfs: 2, vfGroups: [group({ vfRange: '0-1' })] })] });
    await world.settle();
    expect(world.drains).toEqual([]);
    expect(world.pf(X710).numVfs).toBe(2);
  });

  it('goes ahead when draining is switched off while it waits', async () => {
    const world = await started({ config: {} });
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    await world.kube.patch(nodeStates, { name: NODE, namespace: NAMESPACE }, { type: 'merge', patch: { metadata: { annotations: { [nodeStateAnnotations.currentState]: 'Draining' } } } });
    await world.setSpec({ interfaces: [wanted({ numVfs: 2, vfGroups: [group({ vfRange: '0-1' })] })] });
    await world.clock.run(60_000);
    expect(world.pf(X710).numVfs, 'a drain that is not ours gives no permission').toBe(4);
    await world.setConfig({ disableDrain: true });
    await world.until('two VFs', () => world.pf(X710).numVfs === 2);
  });

  it('does not take what is left of an earlier drain for permission', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    // The operator has not yet seen that the drain is over, and is about to uncordon.
    await world.kube.patch(nodeStates, { name: NODE, namespace: NAMESPACE }, { type: 'merge', patch: { metadata: { annotations: { [nodeStateAnnotations.currentState]: 'DrainComplete' } } } });
    await world.setSpec({ interfaces: [wanted({ numVfs: 2, vfGroups: [group({ vfRange: '0-1' })] })] });
    await world.settle();
    expect(world.drains).toEqual(['Drain_Required']);
  });
});

describe('a PF that no spec names any more', () => {
  it('is given back as it was, after a drain, and forgotten', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted({ mtu: 9000, vfGroups: [group({ mtu: 9000 })] })] });
    await world.settle();
    expect(world.files.paths()).toContain(`/etc/sriov-operator/pci/${X710}.json`);
    await world.setSpec({});
    await world.settle();
    expect(world.drains).toEqual(['Drain_Required']);
    expect(world.pf(X710)).toMatchObject({ numVfs: 0, netdev: { mtu: 1500 } });
    expect(world.files.paths()).not.toContain(`/etc/sriov-operator/pci/${X710}.json`);
  });

  it('is left alone when it was never ours, or is externally managed', async () => {
    const world = await started({ pfs: [{ ...pfs[0], numVfs: 3 }, { personality: 'ConnectX-5', pciAddress: MLX, name: 'ens2f0', numVfs: 4 }] });
    await world.setSpec({ interfaces: [wanted({ pciAddress: MLX, name: 'ens2f0', externallyManaged: true })] });
    const { status } = await world.settle();
    expect(status!.interfaces!.map((entry) => entry.externallyManaged)).toEqual([undefined, true]);
    await world.setSpec({});
    await world.settle();
    expect(hardwareWrites(world.writes)).toEqual([]);
    expect(world.pf(X710).numVfs).toBe(3);
    expect(world.pf(MLX).numVfs).toBe(4);
  });
});

describe('a change by hand', () => {
  it('is seen at once and put right, with a drain when VFs exist', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    await world.clock.run(60_000);
    await world.byHand({ kind: 'setLink', device: pciAddress(X710), netns: 'host', up: false });
    await world.clock.runUntil(() => world.pf(X710).netdev!.adminState === 'up', 60_000, 'the PF up again');
    expect(world.drains).toEqual(['Drain_Required']);
  });

  it('that took all VFs away is put right without a drain', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    void world.node.hardware.apply({ kind: 'setNumVfs', pf: pciAddress(X710), count: 0 });
    await world.clock.runUntil(() => world.pf(X710).numVfs === 0, 60_000, 'no VFs');
    await world.clock.runUntil(() => world.pf(X710).numVfs === 4, 60_000, 'the VFs back');
    await world.settle();
    expect(world.drains).toEqual([]);
  });

  it('is never put right under a VF in use without a drain', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    world.pods = [podWith('web', world.pf(X710).vfs[0]!.pciAddress)];
    world.writes.length = 0;
    await world.byHand({ kind: 'unbindDriver', device: world.pf(X710).vfs[1]!.pciAddress });
    await world.settle();
    const steps = world.writes.filter((write) => write.to === 'hardware');
    expect(steps.map((write) => [JSON.parse(write.what).kind, write.drained])).toEqual([['bindDriver', true]]);
    expect(world.pf(X710).vfs[1]!.driver).toBe('iavf');
  });
});

describe('a reboot', () => {
  const vfio = { interfaces: [wanted({ vfGroups: [group({ deviceType: 'vfio-pci' })] })] };

  it('is asked for, counted, made, and followed by the configuration', async () => {
    const world = await started();
    await world.setSpec(vfio);
    const rebooting = await world.until('the reboot', (state) => state.status?.conditions?.[0]?.reason === 'Rebooting');
    expect(rebooting.status!.conditions![0]!.message).toContain('the kernel was booted without intel_iommu=on iommu=pt');
    const { status } = await world.settle();
    expect(world.drains).toEqual(['Reboot_Required']);
    expect(world.writes.filter((write) => write.to === 'host').map((write) => write.what)).toEqual(['kernel arguments intel_iommu=on iommu=pt', 'reboot']);
    expect(status!.interfaces![0]!.Vfs!.map((vf) => vf.driver)).toEqual(Array.from({ length: 4 }, () => 'vfio-pci'));
    expect(world.daemon!.view().node.context.rebootAttempts).toBe(0);
  });

  it('brings more VFs than the firmware offered', async () => {
    const world = await started({ pfs: [{ personality: 'ConnectX-5', pciAddress: MLX, name: 'ens2f0' }] });
    const offered = world.pf(MLX).totalVfs;
    await world.setSpec({ interfaces: [wanted({ pciAddress: MLX, name: 'ens2f0', numVfs: offered + 8 })] });
    const { status } = await world.settle();
    expect(world.drains).toEqual(['Reboot_Required']);
    expect(status!.interfaces![0]).toMatchObject({ numVfs: offered + 8, totalvfs: offered + 8 });
  });

  it('is not asked for when the host can do without after all', async () => {
    const world = await started();
    await world.setSpec({ system: { rdmaMode: 'exclusive' } });
    const { status } = await world.settle();
    expect(world.drains).toEqual(['Reboot_Required']);
    expect(world.writes.filter((write) => write.what === 'reboot')).toEqual([]);
    expect(status!.system).toEqual({ rdmaMode: 'exclusive' });
  });

  it('is not asked for for ever when it does not help', async () => {
    const world = await started();
    // The boot loader does not take the arguments over.
    const { host } = world.node;
    host.ensureKernelArguments = async () => ({ ok: true, value: undefined });
    await world.setSpec(vfio);
    const failed = await world.until('the failure', (state) => state.status?.syncStatus === 'Failed', 3_600_000);
    expect(failed.status!.lastSyncError).toContain('rebooted 3 times and still needs a reboot');
    await world.clock.run(3_600_000);
    expect(world.writes.filter((write) => write.what === 'reboot')).toHaveLength(3);
    const after = await world.state();
    expect(after.metadata.annotations?.[nodeStateAnnotations.currentState], 'the node is given back').toBe('Idle');
  });
});

describe('a failure', () => {
  it('is reported with cause and remedy, tried again, and forgotten when it passes', async () => {
    const faults = faultRules([{ name: 'exhausted', operation: 'setNumVfs', times: 3, fault: { kind: 'errno', errno: 'ENOSPC' } }]);
    const world = await started({ faults });
    await world.setSpec({ interfaces: [wanted()] });
    const failed = await world.until('the failure', (state) => state.status?.syncStatus === 'Failed');
    expect(failed.status!.lastSyncError).toBe(
      `ens1f0 (${X710}): could not create 4 VFs on ${X710}: MSI-X vectors, queues or bus numbers do not suffice for that many VFs (ENOSPC); lower numVfs, or change the split of resources in the NIC’s firmware settings`,
    );
    expect(failed.status!.conditions![0]).toMatchObject({ status: 'False', reason: 'ConfigurationFailed' });
    const { status } = await world.settle();
    expect(status!.lastSyncError).toBeUndefined();
    expect(world.pf(X710).numVfs).toBe(4);
    expect(world.drains, 'VFs that nobody can have got need no drain').toEqual([]);
    const said = (await world.kube.list(events, { namespace: NAMESPACE })).items.map((event) => [event.type, event.reason]);
    expect(said).toContainEqual(['Warning', 'ConfigurationFailed']);
    expect(said).toContainEqual(['Normal', 'Configured']);
  });

  it('of one VF among those that are set together leaves the others as they are wanted', async () => {
    // The second VF's MAC is refused, by itself too: it is one of the settings that a device may lack.
    const faults = faultRules([2, 3].map((nth) => ({ name: `refusal ${nth}`, operation: 'setVf', nth, fault: { kind: 'errno', errno: 'EOPNOTSUPP' } })));
    const world = await started({ faults });
    await world.setSpec({ interfaces: [wanted()] });
    const { status } = await world.settle();
    expect(status!.syncStatus).toBe('Succeeded');
    expect(world.pf(X710).vfs.map(({ settings, netdev }) => settings.mac === netdev!.mac)).toEqual([true, false, true, true]);
    expect(faults.fired()).toEqual(new Map([['refusal 2', 1], ['refusal 3', 1]]));
  });

  it('does not change status to and fro while it lasts', async () => {
    const faults = faultRules([{ name: 'always', operation: 'setNumVfs', fault: { kind: 'errno', errno: 'ENOMEM' } }]);
    const world = await started({ faults });
    await world.setSpec({ interfaces: [wanted()] });
    await world.until('the failure', (state) => state.status?.syncStatus === 'Failed');
    world.writes.length = 0;
    await world.clock.run(3_600_000);
    expect(hardwareWrites(world.writes).length, 'it tries again, less and less often').toBeGreaterThan(20);
    expect(world.writes.filter((write) => write.to === 'kube' && write.what.includes('nodestates'))).toEqual([]);
  });

  it('is tried again although the wall clock is set back meanwhile', async () => {
    const faults = faultRules([{ name: 'once', operation: 'setNumVfs', times: 1, fault: { kind: 'errno', errno: 'ENOSPC' } }]);
    const world = await started({ faults });
    await world.setSpec({ interfaces: [wanted()] });
    await world.until('the failure', (state) => state.status?.syncStatus === 'Failed');
    world.clock.stepWallClock(-3_600_000);
    await world.settle(60_000);
  });

  it('half-way leads to a drain when a pod got one of the new VFs meanwhile', async () => {
    const faults = faultRules([{ name: 'bind', operation: 'bindDriver', times: 3, fault: { kind: 'bindFails' } }]);
    const world = await started({ faults, node: { kernelArguments: ['intel_iommu=on', 'iommu=pt'] } });
    await world.setSpec({ interfaces: [wanted({ vfGroups: [group({ deviceType: 'vfio-pci' })] })] });
    await world.until('the failure', (state) => state.status?.syncStatus === 'Failed');
    world.pods = [podWith('hasty', world.pf(X710).vfs[3]!.pciAddress)];
    await world.settle();
    expect(world.drains).toEqual(['Drain_Required']);
  });

  it('of one PF does not keep another from being configured', async () => {
    const faults = faultRules([{ name: 'one', operation: 'setNumVfs', device: pciAddress(X710), fault: { kind: 'errno', errno: 'ENOMEM' } }]);
    const world = await started({ faults, pfs: [...pfs, { personality: 'ConnectX-5', pciAddress: MLX, name: 'ens2f0' }] });
    await world.setSpec({ interfaces: [wanted(), wanted({ pciAddress: MLX, name: 'ens2f0', eSwitchMode: 'switchdev' })] });
    const { status } = await world.until('the failure', (state) => state.status?.syncStatus === 'Failed');
    expect(status!.lastSyncError).toContain('pci=realloc');
    expect(world.pf(MLX)).toMatchObject({ numVfs: 4, eswitchMode: 'switchdev' });
    expect(world.pf(MLX).vfs.every((vf) => vf.driver === 'mlx5_core')).toBe(true);
  });

  it('that is in the spec is told without touching anything, until the spec changes', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted({ numVfs: 999 })] });
    const { status } = await world.until('the failure', (state) => state.status?.syncStatus === 'Failed');
    expect(status!.lastSyncError).toContain('999 VFs are wanted on ens1f0');
    expect(hardwareWrites(world.writes)).toEqual([]);
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle(30_000);
  });

  it('of a NIC that is not there ends when it comes back', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    world.node.unplug(pciAddress(X710));
    const gone = await world.until('the failure', (state) => state.status?.syncStatus === 'Failed');
    expect(gone.status!.lastSyncError).toContain('is not there');
    expect(gone.status!.interfaces ?? []).toEqual([]);
    await world.clock.run(600_000);
    world.node.replug(pciAddress(X710));
    await world.settle(30_000);
    expect(world.pf(X710).numVfs).toBe(4);
  });

  it('to make all VFs is not taken for success', async () => {
    const faults = faultRules([{ name: 'partial', operation: 'setNumVfs', nth: 1, fault: { kind: 'partialCreation', created: 2 } }]);
    const world = await started({ faults });
    await world.setSpec({ interfaces: [wanted()] });
    const failed = await world.until('the failure', (state) => state.status?.syncStatus === 'Failed');
    expect(failed.status!.lastSyncError).toContain('asked for 4 VFs, there are 2');
    await world.settle();
    expect(world.pf(X710).numVfs).toBe(4);
  });

  it('of the API server holds everything up, and loses nothing', async () => {
    const world = await started();
    await world.settle();
    world.apiDown = true;
    await world.setSpec({ interfaces: [wanted()] });
    await world.clock.run(120_000);
    expect(hardwareWrites(world.writes), 'nothing is changed that could not be announced').toEqual([]);
    world.apiDown = false;
    await world.settle(120_000);
    expect(world.pf(X710).numVfs).toBe(4);
  });

  it('of the disk holds every change up', async () => {
    const world = await started();
    await world.settle();
    const { append } = world.files;
    world.files.append = async (path) => ({ ok: false, error: { code: 'noSpace', path, cause: 'no space left on device' } });
    await world.setSpec({ interfaces: [wanted()] });
    const failed = await world.until('the failure', (state) => state.status?.syncStatus === 'Failed');
    expect(failed.status!.lastSyncError).toContain('nothing is changed without a journal');
    expect(hardwareWrites(world.writes)).toEqual([]);
    world.files.append = append.bind(world.files);
    await world.settle();
  });
});

describe('several PFs', () => {
  const two = [...pfs, { personality: 'X710', pciAddress: '0000:3b:00.1', name: 'ens1f1' }];
  const both = { interfaces: [wanted(), wanted({ pciAddress: '0000:3b:00.1', name: 'ens1f1' })] };
  const overlap = (world: World) => {
    const at = world.writes.flatMap((write) => (write.what.includes('"setNumVfs"') ? [write.atMs] : []));
    return at[1]! - at[0]!;
  };

  it('are configured one after the other, or at the same time under the feature gate', async () => {
    const serial = await started({ pfs: two });
    await serial.setSpec(both);
    await serial.settle();
    const parallel = await started({ pfs: two, config: { featureGates: { parallelNicConfig: true } } });
    await parallel.setSpec(both);
    await parallel.settle();
    expect(overlap(serial)).toBeGreaterThan(0);
    expect(overlap(parallel)).toBe(0);
    for (const world of [serial, parallel]) expect(world.pf('0000:3b:00.1').numVfs).toBe(4);
  });
});

describe('who holds a VF', () => {
  it('is in the status', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    const vf = world.pf(X710).vfs[2]!;
    world.pods = [podWith('web', vf.pciAddress)];
    // The attachment moves the netdev into the pod.
    await world.byHand({ kind: 'moveNetdev', device: vf.pciAddress, from: 'host', to: '/var/run/netns/web', name: 'net1' });
    const { status } = await world.until('the pod', (state) => state.status!.interfaces![0]!.Vfs![2]!.assigned !== undefined, 60_000);
    expect(status!.interfaces![0]!.Vfs![2]).toMatchObject({ vfID: 2, assigned: 'default/web' });
    expect(status!.interfaces![0]!.Vfs![2]!.name).toBeUndefined();
    expect(world.drains).toEqual([]);
  });

  it('is not there any more once the kubelet has let go of it, some time after the interface has come back; a pod that does not come is asked for ever more seldom, and each minute at last', async () => {
    const world = await started();
    await world.setSpec({ interfaces: [wanted()] });
    await world.settle();
    const assigned = async () => (await world.state()).status!.interfaces![0]!.Vfs!.map((vf) => vf.assigned);
    const [late, leaving] = [world.pf(X710).vfs[1]!.pciAddress, world.pf(X710).vfs[2]!.pciAddress];
    world.pods = [podWith('late', late), podWith('web', leaving)];
    await world.byHand({ kind: 'moveNetdev', device: leaving, from: 'host', to: '/var/run/netns/web', name: 'net1' });
    await world.clock.run(600_000);
    expect(await assigned()).toEqual([undefined, 'default/late', 'default/web', undefined]);
    await world.byHand({ kind: 'moveNetdev', device: leaving, from: '/var/run/netns/web', to: 'host', name: 'ens1f0v2' });
    await world.clock.run(3_000);
    expect(await assigned()).toEqual([undefined, 'default/late', 'default/web', undefined]);
    world.pods = [podWith('late', late)];
    await world.clock.run(10_000);
    expect(await assigned()).toEqual([undefined, 'default/late', undefined, undefined]);
    const { asked } = world;
    await world.clock.run(120_000);
    const first = world.asked - asked;
    await world.clock.run(600_000);
    expect([first, world.asked - asked - first]).toEqual([expect.toBeOneOf([5, 6, 7]), expect.toBeOneOf([9, 10, 11])]);
  });
});

it('logs what the logLevel of the configuration asks for, also when it changes', async () => {
  const world = await started({ config: { logLevel: 2 } });
  await world.settle();
  const set = async (spec: object) => {
    await world.kube.patch(operatorConfigs, { namespace: NAMESPACE, name: 'default' }, { type: 'merge', patch: { spec } });
    await world.settle();
  };
  await set({ logLevel: 0 });
  await set({ disableDrain: true });
  await set({ logLevel: null });
  expect(world.logLevels).toEqual(['debug', 'info', undefined]);
});
