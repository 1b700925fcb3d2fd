/**
 * The Linux backend on a NIC that does not exist, without root: /sys is a memfs volume that answers as a kernel does, netlink is bytes.
 * Code of your own that reads /sys or speaks netlink can be tested in the same way. Run: node linux-view.ts
 */
import { SeededRandom, SimClock, pciAddress } from '@vfleet/core';
import { createLinuxHardware, viewPorts } from '@vfleet/hw-linux';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { LinuxView } from '@vfleet/hw-sim/linux-view';

const fleet = parseFleet({ nodes: [{ name: 'host', kernelArguments: ['intel_iommu=on', 'iommu=pt'], pfs: [{ personality: '82576', pciAddress: '0000:01:00.0', name: 'eth0' }] }] });
if (!fleet.ok) throw new Error(JSON.stringify(fleet.error));

const clock = new SimClock();
const node = createFleet({ clock, random: new SeededRandom('example') }).addNode([...nodesOf(fleet.value)][0]!);
const kernel = new LinuxView(node);
const pf = pciAddress('0000:01:00.0');
const numVfs = `/sys/bus/pci/devices/${pf}/sriov_numvfs`;

// As a program that knows nothing of this project: the kernel's own files and errors.
const refused = kernel.writeText(numVfs, '99').catch((error: Error) => error.message.split(':')[0]);
process.stdout.write(`99 VFs: ${await refused}\n`);

// The backend that production runs on.
const hardware = createLinuxHardware(viewPorts(clock, kernel));
const made = await clock.settle(hardware.apply({ kind: 'setNumVfs', pf, count: 4 }));
if (made.ok) process.stdout.write(`${String(kernel.volume().readFileSync(numVfs)).trim()} VFs\n`);
const seen = await hardware.discover();
if (seen.ok) for (const { index, pciAddress: address, driver } of seen.value.pfs[0]!.vfs) process.stdout.write(`VF ${index} at ${address}, ${driver}\n`);
