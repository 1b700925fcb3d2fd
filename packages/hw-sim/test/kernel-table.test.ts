// Goal: the model answers as a real kernel with igb NICs was seen to answer, errno by errno, and takes as long. Method: the table that
// was measured on Linux 6.1 with emulated 82576 cards, row by row, against the model of the same card.
import { describe, expect, test } from 'vitest';
import type { HardwareStep, PciAddress } from '@vfleet/core';
import { inventoryOf, lab, outcomeOf, PF } from './support.ts';
import type { Lab } from './support.ts';

const VF0 = '0000:01:10.0' as PciAddress;
const HOST = 'host';

function igb(more: { adminUp?: boolean; kernelArguments?: string[]; kernelVersion?: string; acs?: boolean } = {}): Lab {
  const { adminUp = true, ...node } = more;
  return lab({
    pfs: [{ personality: '82576', pciAddress: '0000:01:00.0', adminUp }, { personality: '82576', pciAddress: '0000:02:00.0' }],
    node: { kernelVersion: '6.1.0', kernelArguments: ['intel_iommu=on'], ...node },
  });
}

async function withVfs(count: number, more: Parameters<typeof igb>[0] = {}): Promise<Lab> {
  const rig = igb(more);
  expect(await rig.apply({ kind: 'setNumVfs', pf: PF, count })).toBe('ok');
  return rig;
}

describe('sriov_numvfs', () => {
  test('identity: 7 VFs of 8086:10ca at offset 128, stride 2', async () => {
    const rig = await withVfs(7);
    const pf = rig.pf();
    expect([pf.vendor, pf.deviceId, pf.totalVfs, pf.numVfs, pf.driver]).toEqual(['8086', '10c9', 7, 7, 'igb']);
    expect(pf.vfs.map(({ pciAddress }) => pciAddress)).toEqual(['0000:01:10.0', '0000:01:10.2', '0000:01:10.4', '0000:01:10.6', '0000:01:11.0', '0000:01:11.2', '0000:01:11.4']);
    expect(pf.vfs.every(({ deviceId, driver, netdev }) => deviceId === '10ca' && driver === 'igbvf' && netdev !== undefined)).toBe(true);
  });

  test.each([
    { adminUp: false, count: 4, up: [490, 640], down: [2030, 2420] },
    { adminUp: true, count: 7, up: [1100, 1270], down: [2600, 2940] },
  ])('durations with the PF up: $adminUp', async ({ adminUp, count, up, down }) => {
    const rig = igb({ adminUp });
    const created = await rig.duration({ kind: 'setNumVfs', pf: PF, count });
    expect(created).toBeGreaterThanOrEqual(up[0]!);
    expect(created).toBeLessThanOrEqual(up[1]!);
    const removed = await rig.duration({ kind: 'setNumVfs', pf: PF, count: 0 });
    expect(removed).toBeGreaterThanOrEqual(down[0]!);
    expect(removed).toBeLessThanOrEqual(down[1]!);
  });

  test('4 to 2 directly is EBUSY after 20 ms, 4 to 4 and 0 to 0 are no-ops', async () => {
    const rig = await withVfs(4);
    const before = rig.clock.monotonicMs();
    expect(await rig.apply({ kind: 'setNumVfs', pf: PF, count: 2 })).toBe('EBUSY');
    expect(rig.clock.monotonicMs() - before).toBe(20);
    expect(await rig.duration({ kind: 'setNumVfs', pf: PF, count: 4 })).toBe(0);
    expect(rig.pf().numVfs).toBe(4);
    expect(await rig.duration({ kind: 'setNumVfs', pf: '0000:02:00.0' as PciAddress, count: 0 })).toBe(0);
  });

  test('more than total is ERANGE, also while VFs exist', async () => {
    const rig = await withVfs(4);
    expect(await rig.apply({ kind: 'setNumVfs', pf: PF, count: 8 })).toBe('ERANGE');
    expect(rig.pf().numVfs).toBe(4);
  });

  test.each([
    ['65536', 'EINVAL'], ['-1', 'EINVAL'], ['abc', 'EINVAL'], ['4x', 'EINVAL'], [' 4', 'EINVAL'], ['1.5', 'EINVAL'], ['\n', 'EINVAL'],
    ['0x4', 'ok'], ['4\n', 'ok'], ['', 'ok'],
  ])('the text %j answers %s', async (text, outcome) => {
    const rig = igb();
    expect(await rig.wait(rig.node.sysfs.writeDevice(PF, 'sriov_numvfs', text))).toBe(outcome);
    expect(rig.pf().numVfs).toBe(outcome === 'ok' && text !== '' ? 4 : 0);
  });

  test.each([-1, 1.5, 65536, NaN])('the number %s is EINVAL', async (count) => {
    expect(await igb().apply({ kind: 'setNumVfs', pf: PF, count })).toBe('EINVAL');
  });

  test('without the PF driver, or with the PF on vfio-pci, it is ENOENT', async () => {
    const rig = igb();
    expect(await rig.apply({ kind: 'unbindDriver', device: PF })).toBe('ok');
    expect(await rig.apply({ kind: 'setNumVfs', pf: PF, count: 2 })).toBe('ENOENT');
    expect(await rig.apply({ kind: 'bindDriver', device: PF, driver: 'vfio-pci' })).toBe('ok');
    expect(await rig.apply({ kind: 'setNumVfs', pf: PF, count: 2 })).toBe('ENOENT');
  });

  test('writing sriov_totalvfs or removing a VF is EACCES, a VF has no sriov_numvfs', async () => {
    const rig = await withVfs(2);
    const { sysfs } = rig.node;
    expect(await rig.wait(sysfs.writeDevice(PF, 'sriov_totalvfs', '4'))).toBe('EACCES');
    expect(await rig.wait(sysfs.writeDevice(VF0, 'remove', '1'))).toBe('EACCES');
    expect(await rig.wait(sysfs.writeDevice(VF0, 'sriov_numvfs', '1'))).toBe('ENOENT');
  });

  test('with autoprobe off, VFs come up without driver; 2 and x are EINVAL', async () => {
    const rig = igb();
    const { sysfs } = rig.node;
    expect(await rig.wait(sysfs.writeDevice(PF, 'sriov_drivers_autoprobe', '2'))).toBe('EINVAL');
    expect(await rig.wait(sysfs.writeDevice(PF, 'sriov_drivers_autoprobe', 'x'))).toBe('EINVAL');
    expect(await rig.apply({ kind: 'setDriversAutoprobe', pf: PF, enabled: false })).toBe('ok');
    expect(await rig.apply({ kind: 'setNumVfs', pf: PF, count: 2 })).toBe('ok');
    expect(rig.vf(0)).not.toHaveProperty('driver');
    expect(rig.vf(0)).not.toHaveProperty('netdev');
  });
});

describe('the PF itself', () => {
  test('unbinding with VFs takes them along in 1.87 s; after rebinding the number stays 0', async () => {
    const rig = await withVfs(4);
    expect(await rig.duration({ kind: 'unbindDriver', device: PF })).toBe(1870);
    expect(rig.pf()).toMatchObject({ numVfs: 0, vfs: [] });
    expect(rig.pf()).not.toHaveProperty('driver');
    expect(rig.pf()).not.toHaveProperty('netdev');
    expect(await rig.apply({ kind: 'bindDriver', device: PF, driver: 'default' })).toBe('ok');
    expect(rig.pf()).toMatchObject({ driver: 'igb', numVfs: 0 });
  });

  test('remove takes it off the bus with its VFs, rescan brings it back with none', async () => {
    const rig = await withVfs(4);
    const before = rig.clock.monotonicMs();
    expect(await rig.wait(rig.node.sysfs.writeDevice(PF, 'remove', '1'))).toBe('ok');
    expect(rig.clock.monotonicMs() - before).toBe(1870);
    expect(rig.node.inspect().pfs.map(({ pciAddress }) => pciAddress)).toEqual(['0000:02:00.0']);
    expect(await rig.apply({ kind: 'setNumVfs', pf: PF, count: 1 })).toBe('ENODEV');
    expect(await rig.wait(rig.node.sysfs.writeRescan('1'))).toBe('ok');
    expect(rig.clock.monotonicMs() - before).toBe(1870 + 446);
    expect(rig.pf()).toMatchObject({ pciAddress: PF, numVfs: 0, driver: 'igb' });
  });

  test('a reset keeps the VFs', async () => {
    const rig = await withVfs(4);
    const before = rig.clock.monotonicMs();
    expect(await rig.wait(rig.node.sysfs.writeDevice(PF, 'reset', '1'))).toBe('ok');
    expect(rig.clock.monotonicMs() - before).toBe(232);
    expect(rig.pf().numVfs).toBe(4);
  });
});

describe('drivers', () => {
  test('driver_override takes any name, reads (null) when cleared', async () => {
    const rig = await withVfs(1);
    const { sysfs } = rig.node;
    expect(sysfs.readDriverOverride(VF0)).toBe('(null)\n');
    expect(await rig.wait(sysfs.writeDevice(VF0, 'driver_override', 'nosuch\n'))).toBe('ok');
    expect(sysfs.readDriverOverride(VF0)).toBe('nosuch\n');
    expect(await rig.wait(sysfs.writeDevice(VF0, 'driver_override', '\n'))).toBe('ok');
    expect(sysfs.readDriverOverride(VF0)).toBe('(null)\n');
  });

  test('bind while bound EBUSY; unbind from another driver, against the override, or of no device ENODEV; no such driver ENOENT', async () => {
    const rig = await withVfs(1);
    const { sysfs } = rig.node;
    expect(await rig.wait(sysfs.writeDriver('igbvf', 'bind', VF0))).toBe('EBUSY');
    expect(await rig.wait(sysfs.writeDriver('vfio-pci', 'unbind', VF0))).toBe('ENODEV');
    expect(await rig.wait(sysfs.writeDriver('igbvf', 'unbind', VF0))).toBe('ok');
    await rig.wait(sysfs.writeDevice(VF0, 'driver_override', 'vfio-pci'));
    expect(await rig.wait(sysfs.writeDriver('igbvf', 'bind', VF0))).toBe('ENODEV');
    expect(await rig.wait(sysfs.writeDriver('igbvf', 'bind', '0000:01:1f.0'))).toBe('ENODEV');
    expect(await rig.wait(sysfs.writeProbe('0000:01:1f.0'))).toBe('ENODEV');
    expect(await rig.wait(sysfs.writeDriver('nosuch', 'bind', VF0))).toBe('ENOENT');
  });

  test('drivers_probe succeeds without effect when bound or when the override names no driver', async () => {
    const rig = await withVfs(1);
    const { sysfs } = rig.node;
    expect(await rig.wait(sysfs.writeProbe(VF0))).toBe('ok');
    await rig.wait(sysfs.writeDriver('igbvf', 'unbind', VF0));
    await rig.wait(sysfs.writeDevice(VF0, 'driver_override', 'nosuch'));
    expect(await rig.wait(sysfs.writeProbe(VF0))).toBe('ok');
    expect(rig.vf(0)).not.toHaveProperty('driver');
  });

  test('the port reads back: a driver that is not loaded is an error with its cause', async () => {
    const rig = await withVfs(1);
    const bound = await rig.wait(rig.node.hardware.apply({ kind: 'bindDriver', device: VF0, driver: 'nosuch' }));
    expect(bound).toMatchObject({ ok: false, error: { code: 'gone', device: VF0, remedy: expect.stringContaining('modprobe') } });
    expect(await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'default' })).toBe('ok');
    expect(rig.vf(0).driver).toBe('igbvf');
  });

  test('unbinding takes 40 ms from igbvf and 5 ms from vfio-pci', async () => {
    const rig = await withVfs(1);
    expect(await rig.duration({ kind: 'unbindDriver', device: VF0 })).toBe(40);
    expect(await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'vfio-pci' })).toBe('ok');
    expect(await rig.duration({ kind: 'unbindDriver', device: VF0 })).toBe(5);
  });

  test('new_id twice EEXIST, remove_id twice ENODEV', async () => {
    const rig = await withVfs(1);
    const { sysfs } = rig.node;
    expect(await rig.wait(sysfs.writeDriver('vfio-pci', 'new_id', '8086 10ca'))).toBe('ok');
    expect(await rig.wait(sysfs.writeDriver('vfio-pci', 'new_id', '8086 10ca'))).toBe('EEXIST');
    expect(await rig.wait(sysfs.writeDriver('vfio-pci', 'remove_id', '8086 10ca'))).toBe('ok');
    expect(await rig.wait(sysfs.writeDriver('vfio-pci', 'remove_id', '8086 10ca'))).toBe('ENODEV');
  });

  test('new_id gives the driver the devices that have none', async () => {
    const rig = await withVfs(2);
    await rig.wait(rig.node.sysfs.writeDriver('igbvf', 'unbind', VF0));
    await rig.wait(rig.node.sysfs.writeDevice(VF0, 'driver_override', 'vfio-pci'));
    await rig.wait(rig.node.sysfs.writeDriver('vfio-pci', 'new_id', '8086 10ca'));
    expect(rig.vf(0).driver).toBe('vfio-pci');
    expect(rig.vf(1).driver).toBe('igbvf');
  });
});

describe('VFIO', () => {
  test('each function has a group of its own, and a bound VF no netdev', async () => {
    const rig = await withVfs(3);
    expect(await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'vfio-pci' })).toBe('ok');
    expect(rig.vf(0)).not.toHaveProperty('netdev');
    const groups = rig.node.inspect().pfs[0]!.vfs.map(({ iommuGroup }) => iommuGroup);
    expect(new Set(groups).size).toBe(3);
    const opened = rig.node.openVfio(VF0);
    expect(opened).toMatchObject({ ok: true, value: { group: groups[0] } });
  });

  test('a second open is EBUSY, after closing it works', async () => {
    const rig = await withVfs(1);
    await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'vfio-pci' });
    const first = rig.node.openVfio(VF0);
    if (!first.ok) throw new Error('not opened');
    expect(rig.node.openVfio(VF0)).toMatchObject({ ok: false, error: { errno: 'EBUSY', code: 'busy' } });
    first.value.close();
    expect(rig.node.openVfio(VF0).ok).toBe(true);
  });

  test.each([{ kind: 'setNumVfs', pf: PF, count: 0 }, { kind: 'setNumVfs', pf: PF, count: 1 }, { kind: 'unbindDriver', device: VF0 }, { kind: 'bindDriver', device: VF0, driver: 'default' }, { kind: 'unbindDriver', device: PF }] as const)('while a descriptor is open, %j is refused at once and the holder named', async (step) => {
    const rig = await withVfs(2);
    await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'vfio-pci' });
    const opened = rig.node.openVfio(VF0);
    expect(await rig.node.hardware.apply(step)).toMatchObject({ ok: false, error: { code: 'busy', errno: 'EBUSY', cause: expect.stringMatching(new RegExp(`process \\d+ \\(vfio-user\\) has /dev/vfio/\\d+ of ${VF0} open`)) } });
    expect(rig.vf(0).driver).toBe('vfio-pci');
    if (opened.ok) opened.value.close();
    expect(await rig.apply(step)).toBe(step.kind === 'setNumVfs' && step.count === 1 ? 'EBUSY' : 'ok');
  });

  test('while a descriptor is open, numvfs=0 that somebody writes blocks, and the PF is told to be blocked; closing lets it finish', async () => {
    const rig = await withVfs(2);
    await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'vfio-pci' });
    const opened = rig.node.openVfio(VF0);
    if (!opened.ok) throw new Error('not opened');
    let outcome: string | undefined;
    void rig.node.sysfs.writeDevice(PF, 'sriov_numvfs', '0').then((result) => (outcome = result));
    await rig.clock.run(60_000);
    expect(outcome).toBeUndefined();
    // The VF that is held has lost its links; the one after it is still there.
    const seen = inventoryOf(await rig.node.hardware.discover());
    expect(seen.pfs[0]).toMatchObject({ numVfs: 1, vfs: [{ index: 1 }], blocked: { cause: expect.stringMatching(new RegExp(`stuck in the kernel.*of ${VF0} open`)), remedy: expect.stringContaining('end the process') } });
    expect(await rig.apply({ kind: 'setVf', pf: PF, vfIndex: 0, trust: true })).toBe('blocked');
    const events: unknown[] = [];
    rig.node.hardware.watch((event) => events.push(event));
    opened.value.close();
    await rig.clock.run(5_000);
    expect(outcome).toBe('ok');
    expect(events.at(-1)).toEqual({ kind: 'changed', device: PF });
    expect(inventoryOf(await rig.node.hardware.discover()).pfs[0]).not.toHaveProperty('blocked');
    expect(inventoryOf(await rig.node.hardware.discover()).pfs[0]!.numVfs).toBe(0);
  });

  test('a step that hangs past its deadline is told so; the kernel finishes when it can', async () => {
    const rig = await withVfs(2);
    await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'vfio-pci' });
    const opened = rig.node.openVfio(VF0);
    expect(await rig.wait(rig.node.sysfs.writeDevice(PF, 'sriov_numvfs', '0'))).toBe('deadlinePassed');
    expect(await rig.apply({ kind: 'setNumVfs', pf: PF, count: 0 })).toBe('blocked');
    if (opened.ok) opened.value.close();
    const inventory = inventoryOf(await rig.wait(rig.node.hardware.discover()));
    expect(inventory.pfs[0]!.numVfs).toBe(0);
    expect(await rig.apply({ kind: 'setNumVfs', pf: PF, count: 2 })).toBe('ok');
  });

  test('with the IOMMU off there is no group, bind is EINVAL and the probe still says ok', async () => {
    const rig = await withVfs(1, { kernelArguments: ['intel_iommu=off'] });
    expect(rig.vf(0)).not.toHaveProperty('iommuGroup');
    expect(await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'vfio-pci' })).toBe('EINVAL');
    expect(await rig.wait(rig.node.sysfs.writeProbe(VF0))).toBe('ok');
    expect(await rig.wait(rig.node.sysfs.writeDriver('vfio-pci', 'bind', VF0))).toBe('EINVAL');
    expect(rig.vf(0)).not.toHaveProperty('driver');
  });

  test('without ACS the group is shared: bind works, opening is EPERM until every member is with vfio-pci or without driver', async () => {
    const rig = await withVfs(1, { acs: false });
    expect(await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'vfio-pci' })).toBe('ok');
    expect(rig.vf(0).iommuGroup).toBe(rig.pf().vfs[0]!.iommuGroup);
    expect(rig.node.openVfio(VF0)).toMatchObject({ ok: false, error: { errno: 'EPERM' } });
  });
});

describe('VF attributes through the PF', () => {
  const vlan = (protocol: '802.1q' | '802.1ad', id = 100, qos = 3) => ({ vlan: { id, qos, protocol } });
  test.each([
    [{ mac: '02:00:00:00:00:01' }, 'ok'],
    [{ mac: '00:00:00:00:00:00' }, 'ok'],
    [{ mac: '01:00:5e:00:00:01' }, 'EINVAL'],
    [{ mac: 'nonsense' }, 'EINVAL'],
    [vlan('802.1q'), 'ok'],
    [vlan('802.1q', 4095), 'ok'],
    [vlan('802.1q', 4096), 'EINVAL'],
    [vlan('802.1q', 100, 8), 'EINVAL'],
    [vlan('802.1ad'), 'EPROTONOSUPPORT'],
    [{ spoofCheck: false }, 'ok'],
    [{ trust: true }, 'ok'],
    [{ rates: { minTxMbps: 0, maxTxMbps: 100 } }, 'ok'],
    [{ rates: { minTxMbps: 10, maxTxMbps: 100 } }, 'EINVAL'],
    [{ rates: { minTxMbps: 0, maxTxMbps: 2000 } }, 'EINVAL'],
    [{ linkState: 'enable' as const }, 'EOPNOTSUPP'],
    [{ linkState: 'disable' as const }, 'EOPNOTSUPP'],
    [{ nodeGuid: '00:11:22:33:44:55:66:77' }, 'EOPNOTSUPP'],
  ])('%j answers %s', async (attributes, outcome) => {
    const rig = await withVfs(2);
    expect(await rig.apply({ kind: 'setVf', pf: PF, vfIndex: 1, ...attributes })).toBe(outcome);
  });

  test('an index at or beyond numvfs is EINVAL', async () => {
    const rig = await withVfs(2);
    expect(await rig.apply({ kind: 'setVf', pf: PF, vfIndex: 2, trust: true })).toBe('EINVAL');
    expect(await rig.apply({ kind: 'setVf', pf: PF, vfIndex: -1, trust: true })).toBe('EINVAL');
  });

  test('what precedes a refused attribute in the kernel’s order stays set', async () => {
    const rig = await withVfs(1);
    expect(await rig.apply({ kind: 'setVf', pf: PF, vfIndex: 0, mac: '02:00:00:00:00:01', spoofCheck: false, linkState: 'enable', trust: true })).toBe('EOPNOTSUPP');
    expect(rig.vf(0).settings).toMatchObject({ mac: '02:00:00:00:00:01', spoofCheck: false, trust: false, linkState: 'auto' });
  });

  test('going through 0 resets every setting', async () => {
    const rig = await withVfs(1);
    const fresh = rig.vf(0).settings;
    await rig.apply({ kind: 'setVf', pf: PF, vfIndex: 0, mac: '02:00:00:00:00:01', ...vlan('802.1q'), spoofCheck: false, trust: true, rates: { minTxMbps: 0, maxTxMbps: 5 } });
    expect(rig.vf(0).settings).toMatchObject({ vlan: 100, vlanQos: 3, spoofCheck: false, trust: true, maxTxRateMbps: 5 });
    await rig.apply({ kind: 'setNumVfs', pf: PF, count: 0 });
    await rig.apply({ kind: 'setNumVfs', pf: PF, count: 1 });
    expect(rig.vf(0).settings).toEqual(fresh);
  });

  test('an administrative MAC takes effect with the next bind; then another one on the VF is EADDRNOTAVAIL', async () => {
    const rig = await withVfs(1);
    const own = rig.vf(0).netdev!.mac;
    const fixed = '02:00:00:00:00:01';
    await rig.apply({ kind: 'setVf', pf: PF, vfIndex: 0, mac: fixed });
    expect(rig.vf(0).netdev!.mac).toBe(own);
    await rig.apply({ kind: 'unbindDriver', device: VF0 });
    await rig.apply({ kind: 'bindDriver', device: VF0, driver: 'default' });
    expect(rig.vf(0).netdev!.mac).toBe(fixed);
    expect(await rig.apply({ kind: 'setNetdevMac', device: VF0, netns: HOST, mac: '02:00:00:00:00:02' })).toBe('EADDRNOTAVAIL');
    expect(await rig.apply({ kind: 'setNetdevMac', device: VF0, netns: HOST, mac: fixed })).toBe('ok');
  });
});

describe('netdevs', () => {
  const POD = '/var/run/netns/pod';

  test('moving takes 100–160 ms; outside nothing is seen of it, inside everything', async () => {
    const rig = await withVfs(2);
    const { name, mac } = rig.vf(0).netdev!;
    const took = await rig.duration({ kind: 'moveNetdev', device: VF0, from: HOST, to: POD, name: 'net1' });
    expect(took).toBeGreaterThanOrEqual(100);
    expect(took).toBeLessThanOrEqual(160);
    expect(rig.vf(0)).toMatchObject({ driver: 'igbvf' });
    expect(rig.vf(0)).not.toHaveProperty('netdev');
    expect(rig.node.interfaces(POD)).toMatchObject([{ device: VF0, netdev: { name: 'net1', mac, adminState: 'down' } }]);
    expect(rig.node.interfaces(HOST).map(({ netdev }) => netdev.name)).not.toContain(name);
    expect(await rig.apply({ kind: 'setLink', device: VF0, netns: HOST, up: true })).toBe('ENODEV');
    expect(await rig.apply({ kind: 'setLink', device: VF0, netns: POD, up: true })).toBe('ok');
  });

  test('numvfs=0 removes the netdev from the namespace', async () => {
    const rig = await withVfs(1);
    await rig.apply({ kind: 'moveNetdev', device: VF0, from: HOST, to: POD });
    await rig.apply({ kind: 'setNumVfs', pf: PF, count: 0 });
    expect(rig.node.interfaces(POD)).toEqual([]);
    await rig.apply({ kind: 'setNumVfs', pf: PF, count: 1 });
    expect(rig.vf(0).netdev?.name).toBe('enp1s0f0v0');
  });

  test('deleting the namespace returns it under its current name, down', async () => {
    const rig = await withVfs(1);
    await rig.apply({ kind: 'moveNetdev', device: VF0, from: HOST, to: POD, name: 'net1' });
    await rig.apply({ kind: 'setLink', device: VF0, netns: POD, up: true });
    await rig.apply({ kind: 'setAddresses', device: VF0, netns: POD, addresses: ['10.0.0.1/24'], routes: [] });
    rig.node.deleteNetns(POD);
    expect(rig.vf(0).netdev).toMatchObject({ name: 'net1', adminState: 'down' });
    expect(rig.node.interfaces(HOST).find(({ device }) => device === VF0)?.addresses).toEqual([]);
  });

  test('two that return under one name: the second becomes dev<index>', async () => {
    const rig = await withVfs(2);
    const second = '0000:01:10.2' as PciAddress;
    await rig.apply({ kind: 'moveNetdev', device: VF0, from: HOST, to: '/a', name: 'net1' });
    await rig.apply({ kind: 'moveNetdev', device: second, from: HOST, to: '/b', name: 'net1' });
    rig.node.deleteNetns('/a');
    rig.node.deleteNetns('/b');
    expect(rig.vf(0).netdev!.name).toBe('net1');
    expect(rig.vf(1).netdev!.name).toMatch(/^dev\d+$/);
  });

  test('an alternative name that is taken at home is dropped on the way back', async () => {
    const rig = await withVfs(2);
    await rig.apply({ kind: 'moveNetdev', device: VF0, from: HOST, to: POD, name: 'net1' });
    await rig.node.addAltName(VF0, POD, 'mine');
    await rig.node.addAltName(VF0, POD, 'shared');
    await rig.node.addAltName('0000:01:10.2' as PciAddress, HOST, 'shared');
    expect(await rig.node.removeAltName(VF0, POD, 'nobody’s')).toBe('ENOENT');
    rig.node.deleteNetns(POD);
    expect(rig.vf(0).netdev).toMatchObject({ name: 'net1', altNames: ['mine'] });
    expect(await rig.node.addAltName(VF0, HOST, 'shared')).toBe('EEXIST');
    expect(await rig.node.removeAltName(VF0, HOST, 'mine')).toBe('ok');
    expect(rig.vf(0).netdev!.altNames).toEqual([]);
  });

  test('a name that is taken in the target is EEXIST, also by an alternative name', async () => {
    const rig = await withVfs(2);
    const second = '0000:01:10.2' as PciAddress;
    await rig.apply({ kind: 'moveNetdev', device: VF0, from: HOST, to: POD, name: 'net1' });
    expect(await rig.apply({ kind: 'moveNetdev', device: second, from: HOST, to: POD, name: 'net1' })).toBe('EEXIST');
    await rig.node.addAltName(VF0, POD, 'primary');
    expect(await rig.apply({ kind: 'moveNetdev', device: second, from: HOST, to: POD, name: 'primary' })).toBe('EEXIST');
    expect(await rig.apply({ kind: 'moveNetdev', device: second, from: HOST, to: POD })).toBe('ok');
  });

  test('addresses and routes: in the namespace only, routes when up, nothing malformed, flushed by a move', async () => {
    const rig = await withVfs(1);
    const set = (netns: string, addresses: string[], routes: { dst: string; gw?: string }[] = []) => rig.apply({ kind: 'setAddresses', device: VF0, netns, addresses, routes });
    await rig.apply({ kind: 'moveNetdev', device: VF0, from: HOST, to: POD, name: 'net1' });
    expect(await set(HOST, ['10.0.0.1/24'])).toBe('ENODEV');
    expect(await set(POD, ['10.0.0.1/24'], [{ dst: '0.0.0.0/0', gw: '10.0.0.254' }])).toBe('ENETUNREACH');
    await rig.apply({ kind: 'setLink', device: VF0, netns: POD, up: true });
    for (const bad of ['10.0.0.1', '10.0.0.256/24', '10.0.0.1/33', 'x', 'fe80::1/129']) expect(await set(POD, [bad])).toBe('EINVAL');
    expect(await set(POD, ['10.0.0.1/24', '2001:db8::1/64'], [{ dst: '0.0.0.0/0', gw: '10.0.0.254' }])).toBe('ok');
    expect(rig.node.interfaces(POD)).toMatchObject([{ addresses: ['10.0.0.1/24', '2001:db8::1/64'], routes: [{ dst: '0.0.0.0/0' }], netdev: { carrier: true } }]);
    await rig.apply({ kind: 'moveNetdev', device: VF0, from: POD, to: HOST });
    expect(rig.node.interfaces(HOST).find(({ device }) => device === VF0)).toMatchObject({ addresses: [], routes: [], netdev: { adminState: 'down' } });
  });

  test('a strict fleet moves only into namespaces that were made, and one that was deleted is gone', async () => {
    const rig = lab({ pfs: [{ personality: '82576', pciAddress: '0000:01:00.0', numVfs: 1 }], options: { strictNetns: true } });
    const move: HardwareStep = { kind: 'moveNetdev', device: VF0, from: HOST, to: POD };
    expect(await rig.apply(move)).toBe('ENOENT');
    rig.node.createNetns(POD);
    const pending = rig.node.hardware.apply(move);
    rig.node.deleteNetns(POD);
    expect(outcomeOf(await rig.wait(pending))).toBe('ENOENT');
    expect(rig.vf(0).netdev?.name).toBe('enp1s0f0v0');
  });

  test.each([['6.1.0', 'EBUSY'], ['6.12.9-amd64', 'ok'], ['5.14.0-284.el9', 'EBUSY']])('kernel %s answers %s to renaming an interface that is up', async (kernelVersion, outcome) => {
    const rig = igb({ kernelVersion });
    expect(await rig.apply({ kind: 'renameNetdev', device: PF, netns: HOST, name: 'data0' })).toBe(outcome);
    await rig.apply({ kind: 'setLink', device: PF, netns: HOST, up: false });
    expect(await rig.apply({ kind: 'renameNetdev', device: PF, netns: HOST, name: 'data0' })).toBe('ok');
    expect(rig.pf().netdev!.name).toBe('data0');
  });

  test.each([['enp2s0f0', 'EEXIST'], ['a'.repeat(16), 'EINVAL'], ['a b', 'EINVAL'], ['', 'EINVAL'], ['a/b', 'EINVAL'], ['a'.repeat(15), 'ok']])('renaming to %j answers %s', async (name, outcome) => {
    const rig = igb({ adminUp: false });
    expect(await rig.apply({ kind: 'renameNetdev', device: PF, netns: HOST, name })).toBe(outcome);
  });

  test('a VF has carrier only while the PF is up', async () => {
    const rig = await withVfs(1);
    await rig.apply({ kind: 'setLink', device: VF0, netns: HOST, up: true });
    expect(rig.vf(0).netdev!.carrier).toBe(true);
    await rig.apply({ kind: 'setLink', device: PF, netns: HOST, up: false });
    expect(rig.vf(0).netdev!.carrier).toBe(false);
    expect(rig.pf().linkSpeedMbps).toBe(-1);
    await rig.apply({ kind: 'setLink', device: PF, netns: HOST, up: true });
    expect(rig.vf(0).netdev!.carrier).toBe(false);
    await rig.clock.run(3000);
    expect(rig.vf(0).netdev!.carrier).toBe(true);
    expect(rig.pf().linkSpeedMbps).toBe(1000);
  });

  test('devlink knows no igb', async () => {
    expect(await igb().apply({ kind: 'setEswitchMode', pf: PF, mode: 'switchdev' })).toBe('ENODEV');
  });
});

describe('uevents', () => {
  test('a VF comes as pci, change, net, queues, bind and goes as queues, net, unbind, remove; the PF changes last', async () => {
    const rig = igb();
    const seen: string[] = [];
    rig.node.watchUevents((event) => seen.push(`${event.action} ${event.subsystem}${'device' in event ? ` ${event.device}` : ''}`));
    await rig.apply({ kind: 'setNumVfs', pf: PF, count: 1 });
    expect(seen).toEqual([`add pci ${VF0}`, `change pci ${VF0}`, `add net ${VF0}`, `add queues ${VF0}`, `bind pci ${VF0}`, `change pci ${PF}`]);
    seen.length = 0;
    await rig.apply({ kind: 'setNumVfs', pf: PF, count: 0 });
    expect(seen).toEqual([`remove queues ${VF0}`, `remove net ${VF0}`, `unbind pci ${VF0}`, `remove pci ${VF0}`, `change pci ${PF}`]);
  });

  test('the Hardware port tells them as events, until stopped', async () => {
    const rig = igb();
    const seen: unknown[] = [];
    const subscription = rig.node.hardware.watch((event) => seen.push(event));
    await rig.apply({ kind: 'setNumVfs', pf: PF, count: 1 });
    expect(seen).toEqual([
      { kind: 'added', device: VF0 }, { kind: 'changed', device: VF0 }, { kind: 'changed', device: VF0 },
      { kind: 'driver', device: VF0, driver: 'igbvf' }, { kind: 'changed', device: PF },
    ]);
    subscription.stop();
    rig.node.setCable(PF, false);
    expect(seen).toHaveLength(5);
  });

  test('a VF attribute that was set is told as a change of the PF, also of a VF without netdev; not while the PF is down, not when refused', async () => {
    const rig = igb();
    await rig.apply({ kind: 'setNumVfs', pf: PF, count: 1 });
    await rig.apply({ kind: 'unbindDriver', device: VF0 });
    const seen: unknown[] = [];
    rig.node.hardware.watch((event) => seen.push(event));
    const vlan = { kind: 'setVf', pf: PF, vfIndex: 0, vlan: { id: 7, qos: 0, protocol: '802.1q' } } as const;
    expect(await rig.apply(vlan)).toBe('ok');
    expect(seen).toEqual([{ kind: 'changed', device: PF }]);
    expect(await rig.apply({ ...vlan, vfIndex: 9 })).not.toBe('ok');
    await rig.apply({ kind: 'setLink', device: PF, netns: HOST, up: false });
    seen.length = 0;
    expect(await rig.apply(vlan)).toBe('ok');
    expect(seen).toEqual([]);
  });
});
