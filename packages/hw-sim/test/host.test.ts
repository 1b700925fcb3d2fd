// Goal: hosts boot, shut down and lose what real hosts lose. Method: change everything, reboot in simulated time, compare.
import { describe, expect, test } from 'vitest';
import type { PciAddress } from '@vfleet/core';
import { lab, outcomeOf } from './support.ts';

const AT = '0000:81:00.0' as PciAddress;

describe('kernel arguments', () => {
  test('whole tokens, each once, in force after the next boot only', async () => {
    const rig = lab({ node: { kernelArguments: ['quiet', 'intel_iommu=off'], rebootSeconds: 30 } });
    const { host } = rig.node;
    expect((await host.ensureKernelArguments(['iommu=pt', 'iommu=pt', 'quiet'])).ok).toBe(true);
    expect(await host.facts()).toMatchObject({ value: { kernelArguments: ['quiet', 'intel_iommu=off'], pendingKernelArguments: ['quiet', 'intel_iommu=off', 'iommu=pt'] } });
    await host.reboot('new arguments');
    await rig.clock.run(60_000);
    expect(await host.facts()).toMatchObject({ value: { kernelArguments: ['quiet', 'intel_iommu=off', 'iommu=pt'] } });
    expect(outcomeOf(await host.ensureKernelArguments(['two words']))).toBe('EINVAL');
    expect(outcomeOf(await host.ensureKernelArguments(['']))).toBe('EINVAL');
  });

  test.each([
    ['intel', ['intel_iommu=on'], true], ['intel', ['intel_iommu=on,sm_on'], true], ['intel', [], false], ['intel', ['intel_iommu=only'], false],
    ['intel', ['intel_iommu=on', 'iommu=off'], false],
    ['intel', ['intel_iommu=off', 'intel_iommu=on'], true], ['intel', ['intel_iommu=on', 'intel_iommu=off'], false], ['amd', [], true], ['amd', ['amd_iommu=off'], false], ['other', [], true],
  ] as const)('%s with %j: IOMMU %s', async (cpuVendor, kernelArguments, iommuEnabled) => {
    const rig = lab({ node: { cpuVendor, kernelArguments } });
    expect(await rig.node.host.facts()).toMatchObject({ value: { cpuVendor, iommuEnabled } });
  });
});

describe('reboot', () => {
  test('down for its time, answering gone; then VFs, modes, names and namespaces are lost and the boot id is new', async () => {
    const rig = lab({ pfs: [{ personality: 'E810-CQDA2', pciAddress: AT, mtu: 9000, numVfs: 0 }], node: { rebootSeconds: 90 } });
    const { node, clock } = rig;
    const phases: string[] = [];
    node.onReboot((phase, reason) => phases.push(`${phase} ${reason} ${clock.monotonicMs()}`));
    await rig.apply({ kind: 'setEswitchMode', pf: AT, mode: 'switchdev' });
    await rig.apply({ kind: 'setNumVfs', pf: AT, count: 4 });
    await rig.apply({ kind: 'setMtu', device: AT, netns: 'host', mtu: 1600 });
    await rig.apply({ kind: 'moveNetdev', device: rig.vf(0).pciAddress, from: 'host', to: '/pod', name: 'net1' });
    const bootId = node.bootId;
    const at = clock.monotonicMs();
    expect((await node.host.reboot('test')).ok).toBe(true);
    expect((await node.host.reboot('again')).ok).toBe(true);
    expect(node.up).toBe(true);
    await clock.run(2000);
    expect(node.up).toBe(false);
    expect(outcomeOf(await node.hardware.discover())).toBe('gone');
    expect(await rig.apply({ kind: 'setNumVfs', pf: AT, count: 1 })).toBe('gone');
    expect(outcomeOf(await node.host.facts())).toBe('gone');
    await clock.run(90_000);
    expect(phases).toEqual([`down test ${at + 2000}`, `up test ${at + 92_000}`]);
    expect(node.bootId).not.toBe(bootId);
    expect(rig.pf()).toMatchObject({ numVfs: 0, eswitchMode: 'legacy', netdev: { mtu: 9000, adminState: 'up' } });
    expect(node.namespaces).toEqual([]);
  });

  test('an operation under way ends as gone and has no effect later', async () => {
    const rig = lab({ pfs: [{ personality: 'X710', pciAddress: AT }], node: { rebootSeconds: 0 } });
    const pending = rig.node.hardware.apply({ kind: 'setNumVfs', pf: AT, count: 8 });
    rig.node.powerCycle();
    expect(outcomeOf(await pending)).toBe('gone');
    await rig.clock.run();
    expect(rig.pf().numVfs).toBe(0);
    expect(await rig.apply({ kind: 'setNumVfs', pf: AT, count: 8 })).toBe('ok');
  });

  test('a hanging write does not survive, and its holder neither', async () => {
    const rig = lab({ pfs: [{ personality: 'X710', pciAddress: AT, numVfs: 1 }], node: { kernelArguments: ['intel_iommu=on'], rebootSeconds: 1 } });
    const device = rig.vf(0).pciAddress;
    await rig.apply({ kind: 'bindDriver', device, driver: 'vfio-pci' });
    expect(rig.node.openVfio(device).ok).toBe(true);
    const pending = rig.node.sysfs.writeDevice(AT, 'sriov_numvfs', '0');
    await rig.clock.run(1000);
    rig.node.powerCycle();
    expect(await pending).toBe('nodeDown');
    await rig.clock.run(5000);
    expect(await rig.apply({ kind: 'setNumVfs', pf: AT, count: 3 })).toBe('ok');
  });

  test('watchers die with their node, reboot listeners live on', async () => {
    const rig = lab({ node: { rebootSeconds: 1 } });
    const events: unknown[] = [];
    const phases: string[] = [];
    rig.node.hardware.watch((event) => events.push(event));
    rig.node.onReboot((phase) => phases.push(phase));
    for (let time = 0; time < 2; time++) {
      rig.node.powerCycle();
      await rig.clock.run(5000);
    }
    expect(await rig.apply({ kind: 'setNumVfs', pf: rig.pf().pciAddress, count: 1 })).toBe('ok');
    expect(events).toEqual([]);
    expect(phases).toEqual(['down', 'up', 'down', 'up']);
  });

  test('modules unloaded, names given and names configured: the first two are forgotten, the last are set again', async () => {
    const rig = lab({ pfs: [{ personality: 'X710', pciAddress: AT, altNames: ['uplink'] }], node: { rebootSeconds: 1 } });
    rig.node.setDriverLoaded('iavf', false);
    await rig.apply({ kind: 'renameNetdev', device: AT, netns: 'host', name: 'data0' });
    await rig.node.addAltName(AT, 'host', 'other');
    await rig.apply({ kind: 'setNumVfs', pf: AT, count: 1 });
    expect(rig.vf(0)).not.toHaveProperty('driver');
    expect(rig.pf().netdev).toMatchObject({ name: 'data0', altNames: ['uplink', 'other'] });
    rig.node.powerCycle();
    await rig.clock.run(5000);
    await rig.apply({ kind: 'setNumVfs', pf: AT, count: 1 });
    expect(rig.vf(0).driver).toBe('iavf');
    expect(rig.pf().netdev).toMatchObject({ name: 'enp129s0f0', altNames: ['uplink'] });
  });

  test('firmware settings wait for the reboot: another total moves the second port’s VFs, SR-IOV off leaves none', async () => {
    const rig = lab({ pfs: [{ personality: 'ConnectX-5', pciAddress: AT }, { personality: 'ConnectX-5', pciAddress: '0000:81:00.1' }], node: { rebootSeconds: 1 } });
    const second = '0000:81:00.1' as PciAddress;
    const parameter = (pf: PciAddress, name: string, value: number | boolean | string) => rig.apply({ kind: 'setDevlinkParam', pf, name, value });
    expect(await parameter(AT, 'total_vfs', 128)).toBe('EINVAL');
    expect(await parameter(AT, 'total_vfs', 'many')).toBe('EINVAL');
    expect(await parameter(AT, 'constructor', 1)).toBe('EINVAL');
    expect(await parameter(AT, 'total_vfs', 32)).toBe('ok');
    expect(await rig.apply({ kind: 'setNumVfs', pf: AT, count: 32 })).toBe('ERANGE');
    rig.node.powerCycle();
    await rig.clock.run(5000);
    expect(await rig.apply({ kind: 'setNumVfs', pf: AT, count: 32 })).toBe('ok');
    expect(await rig.apply({ kind: 'setNumVfs', pf: second, count: 8 })).toBe('ok');
    const addresses = rig.node.inspect().pfs.flatMap((pf) => [pf, ...pf.vfs]).map(({ pciAddress }) => pciAddress);
    expect(new Set(addresses).size).toBe(42);
    expect(await parameter(second, 'enable_sriov', false)).toBe('ok');
    rig.node.powerCycle();
    await rig.clock.run(5000);
    expect(rig.node.inspect().pfs.map(({ totalVfs }) => totalVfs)).toEqual([32, 0]);
  });

  test('RDMA mode: busy while namespaces exist, kept over a reboot; exclusive hides an RDMA device that was moved', async () => {
    const rig = lab({ pfs: [{ personality: 'ConnectX-5', pciAddress: AT, numVfs: 1 }], node: { rebootSeconds: 1 } });
    rig.node.createNetns('/pod');
    expect(await rig.apply({ kind: 'setRdmaMode', mode: 'exclusive' })).toBe('EBUSY');
    rig.node.deleteNetns('/pod');
    expect(await rig.apply({ kind: 'setRdmaMode', mode: 'exclusive' })).toBe('ok');
    rig.node.powerCycle();
    await rig.clock.run(5000);
    expect(rig.node.inspect().rdmaMode).toBe('exclusive');
    await rig.apply({ kind: 'setNumVfs', pf: AT, count: 1 });
    const device = rig.vf(0).pciAddress;
    const names = rig.vf(0).rdmaDevices;
    // It does not follow the netdev, and comes back when its namespace goes.
    await rig.apply({ kind: 'moveNetdev', device, from: 'host', to: '/pod' });
    expect([names.length, rig.vf(0).rdmaDevices]).toEqual([1, names]);
    const moved = () => rig.apply({ kind: 'moveRdma', device, rdmaDevice: names[0]!, from: 'host', to: '/pod' });
    expect([await moved(), await moved(), rig.vf(0).rdmaDevices]).toEqual(['ok', 'ENODEV', []]);
    rig.node.deleteNetns('/pod');
    expect(rig.vf(0).rdmaDevices).toEqual(names);
  });
});

describe('unplugging', () => {
  test('takes VFs along at once, ends what was under way, and what comes back is new', async () => {
    const rig = lab({ pfs: [{ personality: 'X710', pciAddress: AT }] });
    const pending = rig.node.hardware.apply({ kind: 'setNumVfs', pf: AT, count: 8 });
    rig.node.unplug(AT);
    rig.node.replug(AT);
    expect(outcomeOf(await rig.wait(pending))).toBe('ENODEV');
    expect(rig.pf().numVfs).toBe(0);
    await rig.apply({ kind: 'renameNetdev', device: AT, netns: 'host', name: 'data0' });
    rig.node.unplug(AT);
    rig.node.replug(AT);
    expect(rig.pf().netdev!.name).toBe('enp129s0f0');
    rig.node.unplug(AT);
    expect(rig.node.inspect().pfs).toEqual([]);
    expect(await rig.apply({ kind: 'setLink', device: AT, netns: 'host', up: true })).toBe('ENODEV');
    expect(() => rig.node.unplug('0000:99:00.0' as PciAddress)).toThrow(RangeError);
  });
});
