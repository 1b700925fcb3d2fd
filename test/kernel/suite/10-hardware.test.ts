// Goal: the Linux backend is right about a real kernel. Method: every step on emulated igb NICs, its effect read back through the
// backend's own inventory and through iproute2 or sysfs, which know nothing of it.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import type { HardwareEvent, PciAddress } from '@vfleet/core';
import { pciAddress, pciAddressPlus } from '@vfleet/core';
import { answer, applied, eventsOf, inventory, ip, ipJson, machinePfs, pfOf, realHardware, until } from '../support.ts';

const hardware = realHardware();
const [pf, other] = machinePfs() as [PciAddress, PciAddress];
const vf = (index: number) => pciAddressPlus(pf, 128 + 2 * index);
const events: HardwareEvent[] = [];
const subscription = hardware.watch((event) => events.push(event));

interface LinkOfIp {
  readonly ifname: string;
  readonly mtu: number;
  readonly address: string;
  readonly altnames?: readonly string[];
  readonly vfinfo_list?: readonly { readonly vf: number; readonly address: string; readonly vlan_list?: readonly { readonly vlan: number; readonly qos?: number }[]; readonly rate: { readonly max_tx: number; readonly min_tx: number }; readonly spoofchk: boolean; readonly trust: boolean }[];
}

const numVfs = () => readFileSync(`/sys/bus/pci/devices/${pf}/sriov_numvfs`, 'utf8').trim();
const driverOf = (device: string) => readlinkSync(`/sys/bus/pci/devices/${device}/driver`).split('/').at(-1);

after(async () => {
  subscription.stop();
  await hardware.close();
});

test('the inventory says what sysfs and ip say', async () => {
  const { pfs, rdmaMode } = await inventory(hardware);
  assert.deepEqual(pfs.map(({ pciAddress: address }) => address), [pf, other]);
  const seen = pfs[0]!;
  const [shown] = ipJson<LinkOfIp[]>('link', 'show', 'dev', seen.netdev!.name);
  assert.deepEqual(
    { vendor: seen.vendor, deviceId: seen.deviceId, driver: seen.driver, total: seen.totalVfs, num: seen.numVfs, eswitch: seen.eswitchMode, link: seen.linkType, numa: seen.numaNode, rdmaMode },
    { vendor: '8086', deviceId: '10c9', driver: 'igb', total: 7, num: 0, eswitch: 'legacy', link: 'ETH', numa: -1, rdmaMode: 'shared' },
  );
  assert.equal(seen.netdev!.mac, shown!.address);
  assert.equal(seen.netdev!.mtu, shown!.mtu);
  assert.equal(seen.holdsDefaultRoute, false);
  assert.match(seen.firmwareVersion ?? '', /\d/);
});

test('VFs 0 to 4: present with driver, netdev and IOMMU group when the step is over', async () => {
  await applied(hardware, { kind: 'setNumVfs', pf, count: 4 });
  assert.equal(numVfs(), '4');
  await until('the netdevs of the VFs', async () => (await pfOf(hardware, pf)).vfs.every(({ netdev }) => netdev !== undefined));
  const { vfs } = await pfOf(hardware, pf);
  assert.deepEqual(vfs.map(({ index, pciAddress: address, deviceId, driver }) => ({ index, address, deviceId, driver })), [0, 1, 2, 3].map((index) => ({ index, address: vf(index), deviceId: '10ca', driver: 'igbvf' })));
  for (const { pciAddress: address, iommuGroup } of vfs) assert.equal(String(iommuGroup), readlinkSync(`/sys/bus/pci/devices/${address}/iommu_group`).split('/').at(-1));
});

test('4 to 2 is EBUSY, more than the total ERANGE, the same number nothing', async () => {
  assert.equal(await answer(hardware, { kind: 'setNumVfs', pf, count: 2 }), 'EBUSY');
  assert.equal(await answer(hardware, { kind: 'setNumVfs', pf, count: 8 }), 'ERANGE');
  assert.equal(await answer(hardware, { kind: 'setNumVfs', pf, count: 4 }), 'ok');
  assert.equal(await answer(hardware, { kind: 'setNumVfs', pf: pciAddress('0000:7f:00.0'), count: 1 }), 'ENODEV');
  assert.equal(numVfs(), '4');
});

test('MAC, VLAN, spoof check, trust and rate in one step, as ip shows them', async () => {
  const mac = '02:11:22:33:44:55';
  await applied(hardware, { kind: 'setLink', device: pf, netns: 'host', up: true });
  await until('carrier of the PF', async () => (await pfOf(hardware, pf)).netdev?.carrier === true);
  await applied(hardware, { kind: 'setVf', pf, vfIndex: 1, mac, vlan: { id: 100, qos: 3, protocol: '802.1q' }, spoofCheck: false, trust: true, rates: { minTxMbps: 0, maxTxMbps: 200 } });
  const seen = await pfOf(hardware, pf);
  const shown = ipJson<LinkOfIp[]>('link', 'show', 'dev', seen.netdev!.name)[0]!.vfinfo_list!.find((entry) => entry.vf === 1)!;
  assert.deepEqual(
    [shown.address, shown.vlan_list?.[0]?.vlan, shown.vlan_list?.[0]?.qos, shown.spoofchk, shown.trust, shown.rate.max_tx], [mac, 100, 3, false, true, 200]);
  const { mac: macSeen, vlan, vlanQos, spoofCheck, trust, maxTxRateMbps } = seen.vfs[1]!.settings;
  assert.deepEqual([macSeen, vlan, vlanQos, spoofCheck, trust, maxTxRateMbps], [mac, 100, 3, false, true, 200]);
  assert.deepEqual([seen.vfs[0]!.settings.vlan, seen.vfs[0]!.settings.spoofCheck], [0, true]);
  assert.equal(seen.linkSpeedMbps, 1000);
});

test('what igb refuses, in the kernel’s own errnos', async () => {
  const refusals = [
    [{ mac: '03:00:00:00:00:01' }, 'EINVAL'], [{ vlan: { id: 1, qos: 0, protocol: '802.1ad' } }, 'EPROTONOSUPPORT'], [{ rates: { minTxMbps: 10, maxTxMbps: 100 } }, 'EINVAL'],
    [{ linkState: 'disable' }, 'EOPNOTSUPP'], [{ mac: 'nonsense' }, 'EINVAL'],
  ] as const;
  for (const [change, errno] of refusals) assert.equal(await answer(hardware, { kind: 'setVf', pf, vfIndex: 0, ...change }), errno, JSON.stringify(change));
  assert.equal(await answer(hardware, { kind: 'setVf', pf, vfIndex: 4, trust: true }), 'EINVAL');
  assert.equal(await answer(hardware, { kind: 'setEswitchMode', pf, mode: 'switchdev' }), 'ENODEV');
  assert.equal(await answer(hardware, { kind: 'setFeature', device: pf, feature: 'no-such-feature', enabled: true }), 'EOPNOTSUPP');
});

test('an ethtool feature off and on', async () => {
  const name = (await pfOf(hardware, pf)).netdev!.name;
  await applied(hardware, { kind: 'setFeature', device: pf, feature: 'tx-checksum-ip-generic', enabled: false });
  await applied(hardware, { kind: 'setFeature', device: pf, feature: 'tx-checksum-ip-generic', enabled: true });
  assert.ok(name.length > 0);
});

test('the RDMA subsystem for each namespace of its own and shared again; not while there are other namespaces', async () => {
  spawnSync('modprobe', ['rdma_rxe']);
  const mode = () => execFileSync('rdma', ['system', 'show'], { encoding: 'utf8' });
  for (const wanted of ['exclusive', 'shared'] as const) {
    await applied(hardware, { kind: 'setRdmaMode', mode: wanted });
    assert.match(mode(), new RegExp(`netns ${wanted}`));
    assert.equal((await inventory(hardware)).rdmaMode, wanted);
  }
  ip('netns', 'add', 'rdma');
  assert.equal(await answer(hardware, { kind: 'setRdmaMode', mode: 'exclusive' }), 'EBUSY');
  assert.equal((await inventory(hardware)).rdmaMode, 'shared');
  ip('netns', 'del', 'rdma');
});

test('vfio-pci and back, with the group’s device file', async () => {
  await applied(hardware, { kind: 'bindDriver', device: vf(2), driver: 'vfio-pci' });
  assert.equal(driverOf(vf(2)), 'vfio-pci');
  const seen = (await pfOf(hardware, pf)).vfs[2]!;
  assert.deepEqual([seen.driver, seen.netdev], ['vfio-pci', undefined]);
  await applied(hardware, { kind: 'bindDriver', device: vf(2), driver: 'vfio-pci' });
  await applied(hardware, { kind: 'bindDriver', device: vf(2), driver: 'default' });
  assert.equal(driverOf(vf(2)), 'igbvf');
  assert.equal(readFileSync(`/sys/bus/pci/devices/${vf(2)}/driver_override`, 'utf8').trim(), '(null)');
});

test('a driver that is not loaded, a device that is not there, a device without driver', async () => {
  const refused = await hardware.apply({ kind: 'bindDriver', device: vf(3), driver: 'no_such_driver' });
  assert.ok(!refused.ok && refused.error.code === 'gone' && /modprobe/.test(refused.error.remedy));
  assert.equal(await answer(hardware, { kind: 'unbindDriver', device: vf(3) }), 'ENODEV');
  await applied(hardware, { kind: 'bindDriver', device: vf(3), driver: 'default' });
  assert.equal(await answer(hardware, { kind: 'bindDriver', device: vf(6), driver: 'vfio-pci' }), 'ENODEV');
});

test('with autoprobe off new VFs have no driver, and binding still works', async () => {
  await applied(hardware, { kind: 'setDriversAutoprobe', pf: other, enabled: false });
  await applied(hardware, { kind: 'setNumVfs', pf: other, count: 1 });
  const [only] = (await pfOf(hardware, other)).vfs;
  assert.equal(only!.driver, undefined);
  await applied(hardware, { kind: 'bindDriver', device: only!.pciAddress, driver: 'default' });
  assert.equal(driverOf(only!.pciAddress), 'igbvf');
  assert.equal(readFileSync(`/sys/bus/pci/devices/${other}/sriov_drivers_autoprobe`, 'utf8').trim(), '0');
  await applied(hardware, { kind: 'setDriversAutoprobe', pf: other, enabled: true });
  await applied(hardware, { kind: 'setNumVfs', pf: other, count: 0 });
});

test('a VF into a namespace with name, address, route and MTU, and back', async () => {
  ip('netns', 'add', 'pod');
  const netns = '/var/run/netns/pod';
  const device = vf(0);
  const before = (await pfOf(hardware, pf)).vfs[0]!.netdev!.name;
  await applied(hardware, { kind: 'setLink', device, netns: 'host', up: false });
  await applied(hardware, { kind: 'moveNetdev', device, from: 'host', to: netns, name: 'net1' });
  assert.equal((await pfOf(hardware, pf)).vfs[0]!.netdev, undefined);
  await applied(hardware, { kind: 'setMtu', device, netns, mtu: 1400 });
  await applied(hardware, { kind: 'setLink', device, netns, up: true });
  await applied(hardware, { kind: 'setAddresses', device, netns, addresses: ['192.0.2.7/24', '2001:db8::7/64'], routes: [{ dst: '198.51.100.0/24', gw: '192.0.2.1' }] });
  const addresses = () => ip('-n', 'pod', '-o', 'addr', 'show', 'dev', 'net1');
  assert.match(addresses(), /192\.0\.2\.7\/24[\s\S]*2001:db8::7\/64/);
  assert.match(ip('-n', 'pod', 'route'), /198\.51\.100\.0\/24 via 192\.0\.2\.1 dev net1/);
  await applied(hardware, { kind: 'setAddresses', device, netns, addresses: ['192.0.2.8/24'], routes: [] });
  assert.doesNotMatch(addresses(), /192\.0\.2\.7|2001:db8::7/);
  assert.doesNotMatch(ip('-n', 'pod', 'route'), /198\.51\.100/);
  assert.equal(ipJson<LinkOfIp[]>('-n', 'pod', 'link', 'show', 'dev', 'net1')[0]!.mtu, 1400);
  assert.equal(await answer(hardware, { kind: 'moveNetdev', device, from: 'host', to: netns }), 'ENODEV');
  assert.equal(await answer(hardware, { kind: 'setMtu', device, netns: '/var/run/netns/nowhere', mtu: 1500 }), 'ENODEV');
  await applied(hardware, { kind: 'moveNetdev', device, from: netns, to: 'host', name: before });
  assert.equal((await pfOf(hardware, pf)).vfs[0]!.netdev!.name, before);
  assert.equal(await answer(hardware, { kind: 'moveNetdev', device, from: 'host', to: '/var/run/netns/nowhere' }), 'ENOENT');
  ip('netns', 'del', 'pod');
});

test('rename, alternative names, and what the kernel says of names', async () => {
  const device = vf(0);
  const before = (await pfOf(hardware, pf)).vfs[0]!.netdev!.name;
  const pfName = (await pfOf(hardware, pf)).netdev!.name;
  await applied(hardware, { kind: 'renameNetdev', device, netns: 'host', name: 'storage0' });
  assert.ok((await hardware.links.addAltName(device, 'host', 'the-storage-network-of-this-node')).ok);
  assert.deepEqual(ipJson<LinkOfIp[]>('link', 'show', 'dev', 'storage0')[0]!.altnames, ['the-storage-network-of-this-node']);
  assert.deepEqual((await pfOf(hardware, pf)).vfs[0]!.netdev!.altNames, ['the-storage-network-of-this-node']);
  assert.ok((await hardware.links.removeAltName(device, 'host', 'the-storage-network-of-this-node')).ok);
  assert.equal(await answer(hardware, { kind: 'renameNetdev', device, netns: 'host', name: pfName }), 'EEXIST');
  assert.equal(await answer(hardware, { kind: 'renameNetdev', device, netns: 'host', name: 'a-name-that-is-too-long' }), 'EINVAL');
  assert.equal(await answer(hardware, { kind: 'renameNetdev', device: pf, netns: 'host', name: 'uplink' }), 'EBUSY');
  await applied(hardware, { kind: 'renameNetdev', device, netns: 'host', name: before });
});

test('the MAC that the PF fixed holds after the VF’s driver is bound anew; another one is refused, unless the VF is trusted', async () => {
  const device = vf(1);
  await applied(hardware, { kind: 'unbindDriver', device });
  await applied(hardware, { kind: 'bindDriver', device, driver: 'default' });
  await until('the netdev', async () => (await pfOf(hardware, pf)).vfs[1]!.netdev !== undefined);
  assert.equal((await pfOf(hardware, pf)).vfs[1]!.netdev!.mac, '02:11:22:33:44:55');
  assert.equal(await answer(hardware, { kind: 'setNetdevMac', device, netns: 'host', mac: '02:11:22:33:44:66' }), 'ok');
  await applied(hardware, { kind: 'setVf', pf, vfIndex: 1, trust: false });
  assert.equal(await answer(hardware, { kind: 'setNetdevMac', device, netns: 'host', mac: '02:11:22:33:44:77' }), 'EADDRNOTAVAIL');
});

test('a VFIO group that is open: the holder is named and nothing is written', async () => {
  await applied(hardware, { kind: 'bindDriver', device: vf(3), driver: 'vfio-pci' });
  const { iommuGroup } = (await pfOf(hardware, pf)).vfs[3]!;
  const group = openSync(`/dev/vfio/${iommuGroup}`, 'r+');
  const holder = spawn('sleep', ['600'], { stdio: ['ignore', 'ignore', 'ignore', group] });
  closeSync(group);
  try {
    const refused = await hardware.apply({ kind: 'setNumVfs', pf, count: 0 });
    assert.ok(!refused.ok);
    assert.equal(refused.error.code, 'busy');
    assert.match(refused.error.cause, new RegExp(`process ${holder.pid} \\(sleep\\) has /dev/vfio/${iommuGroup} of ${vf(3)} open`));
    assert.equal(numVfs(), '4');
    assert.equal(await answer(hardware, { kind: 'unbindDriver', device: vf(3) }), 'EBUSY');
  } finally {
    holder.kill('SIGKILL');
  }
});

test('4 to 0 to 7 and to 0, and settings are the driver’s own again', async () => {
  await until('the holders let go', async () => (await hardware.apply({ kind: 'setNumVfs', pf, count: 0 })).ok);
  assert.equal(numVfs(), '0');
  await applied(hardware, { kind: 'setNumVfs', pf, count: 7 });
  const seen = await pfOf(hardware, pf);
  assert.equal(seen.vfs.length, 7);
  assert.deepEqual([seen.vfs[1]!.settings.vlan, seen.vfs[1]!.settings.trust, seen.vfs[1]!.settings.mac.startsWith('02:11')], [0, false, false]);
  await applied(hardware, { kind: 'setNumVfs', pf, count: 0 });
  assert.deepEqual((await pfOf(hardware, pf)).vfs, []);
});

test('the monitors saw VFs come, get drivers, and go', async () => {
  await until('the removal', () => eventsOf(events, vf(6)).includes('removed'));
  const kinds = eventsOf(events, vf(0));
  assert.ok(kinds.indexOf('added') >= 0 && kinds.indexOf('driver') > kinds.indexOf('added') && kinds.lastIndexOf('removed') > kinds.indexOf('driver'), kinds.join(' '));
  assert.ok(events.some((event) => event.kind === 'driver' && event.device === vf(0) && event.driver === 'igbvf'));
  assert.ok(events.some((event) => event.kind === 'link' && event.device === pf && event.carrier));
});

test('a PF unbound with VFs and bound again, removed and found again', async () => {
  await applied(hardware, { kind: 'setNumVfs', pf: other, count: 2 });
  await applied(hardware, { kind: 'unbindDriver', device: other });
  const without = await pfOf(hardware, other);
  assert.deepEqual([without.driver, without.netdev, without.numVfs, without.vfs.length], [undefined, undefined, 0, 0]);
  assert.equal(await answer(hardware, { kind: 'setNumVfs', pf: other, count: 1 }), 'ENOENT');
  await applied(hardware, { kind: 'bindDriver', device: other, driver: 'default' });
  assert.deepEqual([(await pfOf(hardware, other)).driver, (await pfOf(hardware, other)).numVfs], ['igb', 0]);
  writeFileSync(`/sys/bus/pci/devices/${other}/remove`, '1');
  assert.deepEqual((await inventory(hardware)).pfs.map(({ pciAddress: address }) => address), [pf]);
  writeFileSync('/sys/bus/pci/rescan', '1');
  await until('the PF is back', async () => (await inventory(hardware)).pfs.some((seen) => seen.pciAddress === other && seen.netdev !== undefined));
  await until('the monitors tell of it', () => eventsOf(events, other).includes('removed') && eventsOf(events, other).lastIndexOf('added') > eventsOf(events, other).indexOf('removed'));
});
