// Goal: a real kernel tells of VFs' traffic in the form that is read. Method: VFs of an emulated NIC; each is found once, under its own address,
// as the inventory has it. What the emulated NIC counts is its own business: numbers are whole and not negative.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PciAddress } from '@vfleet/core';
import { linuxVfStatistics } from '@vfleet/hw-linux/vf-statistics.ts';
import { RealSysfs } from '@vfleet/hw-linux/sysfs/real-sysfs.ts';
import { applied, machinePfs, pfOf, realHardware, until } from '../support.ts';

const hardware = realHardware();
const [pf] = machinePfs() as [PciAddress];

after(() => hardware.close());

test('each VF is counted under its own address', async () => {
  const statistics = linuxVfStatistics(new RealSysfs(), hardware.links);
  assert.deepEqual(await statistics.read(), { ok: true, value: [] });
  await applied(hardware, { kind: 'setNumVfs', pf, count: 3 });
  try {
    await until('the VFs have interfaces', async () => (await pfOf(hardware, pf)).vfs.every(({ netdev }) => netdev !== undefined));
    const read = await statistics.read();
    assert.ok(read.ok);
    const { netdev, vfs } = await pfOf(hardware, pf);
    assert.deepEqual(read.value.map(({ pf: name, pfAddress, vfIndex, pciAddress }) => ({ name, pfAddress, vfIndex, pciAddress })), vfs.map(({ index, pciAddress }) => ({ name: netdev!.name, pfAddress: pf, vfIndex: index, pciAddress })));
    for (const { rxPackets, txPackets, rxBytes, txBytes, rxBroadcast, rxMulticast, rxDropped, txDropped } of read.value) {
      for (const count of [rxPackets, txPackets, rxBytes, txBytes, rxBroadcast, rxMulticast, rxDropped, txDropped]) assert.ok(Number.isInteger(count) && count >= 0);
    }
  } finally {
    await applied(hardware, { kind: 'setNumVfs', pf, count: 0 });
  }
});
