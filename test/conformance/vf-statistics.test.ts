// Goal: the Linux backend finds the same VFs to count as the simulator has, by the kernel's own messages, whatever the NIC. Method: PFs of
// several kinds with VFs, in legacy mode and switchdev, one of them inside a pod; the simulator's answer beside that of netlink and sysfs.
import { SimClock } from '@vfleet/core';
import type { PciAddress } from '@vfleet/core';
import { createLinuxHardware, viewPorts } from '@vfleet/hw-linux';
import { linuxVfStatistics } from '@vfleet/hw-linux/vf-statistics.ts';
import { LinuxView } from '@vfleet/hw-sim/linux-view/linux-view.ts';
import { simulatedVfStatistics } from '@vfleet/hw-sim/vf-statistics.ts';
import { expect, test } from 'vitest';
import { during, simulatedMachine } from './backends.ts';
import { NETNS } from './sequences.ts';

const PF = '0000:01:00.0' as PciAddress;

test.each([
  ['82576', 7, 'legacy'], ['e810-xxvda4', 16, 'legacy'], ['connectx-6-dx', 8, 'switchdev'],
] as const)('%s with %d VFs in %s mode', async (personality, count, mode) => {
  const clock = new SimClock();
  const node = simulatedMachine(clock, personality);
  const ports = viewPorts(clock, new LinuxView(node));
  const hardware = createLinuxHardware(ports);
  const statistics = linuxVfStatistics(ports.sysfs, hardware.links);
  expect(await during(clock, statistics.read())).toEqual({ ok: true, value: [] });
  const made = await during(clock, node.hardware.apply({ kind: 'setNumVfs', pf: PF, count }));
  expect(made).toEqual({ ok: true, value: undefined });
  if (mode === 'switchdev') {
    for (const { pciAddress: device } of node.inspect().pfs[0]!.vfs) await during(clock, node.hardware.apply({ kind: 'unbindDriver', device }));
    expect(await during(clock, node.hardware.apply({ kind: 'setEswitchMode', pf: PF, mode }))).toEqual({ ok: true, value: undefined });
  } else {
    const device = node.inspect().pfs[0]!.vfs[2]!.pciAddress;
    expect(await during(clock, node.hardware.apply({ kind: 'moveNetdev', device, from: 'host', to: NETNS, name: 'net1' }))).toEqual({ ok: true, value: undefined });
  }
  const read = await during(clock, statistics.read());
  expect(read).toEqual(await simulatedVfStatistics(node).read());
  expect(read.ok && read.value.map(({ vfIndex }) => vfIndex)).toEqual(Array.from({ length: count }, (_, index) => index));
});
