/**
 * Opens a device through VFIO, as a DPDK program does, says so, and holds it until it is killed: `hold-vfio.ts GROUP ADDRESS`. With a third
 * word it closes the group's file, which it no longer needs then.
 */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

const SET_IOMMU = 0x3b66;
const GROUP_SET_CONTAINER = 0x3b68;
const GROUP_GET_DEVICE_FD = 0x3b6a;
const TYPE1_IOMMU = 1;

const [group, address, closes] = process.argv.slice(2) as [string, string, string?];
const libc = koffi.load('libc.so.6');
const withNumber = libc.func('ioctl', 'int', ['int', 'unsigned long', 'long']);
const withBytes = libc.func('ioctl', 'int', ['int', 'unsigned long', 'const void *']);
const container = openSync('/dev/vfio/vfio', 'r+');
const groupFd = openSync(`/dev/vfio/${group}`, 'r+');
const number = new Uint8Array(4);
new DataView(number.buffer).setInt32(0, container, true);
const results = [withBytes(groupFd, GROUP_SET_CONTAINER, number), withNumber(container, SET_IOMMU, TYPE1_IOMMU), withBytes(groupFd, GROUP_GET_DEVICE_FD, Buffer.from(`${address}\0`))];
if (closes !== undefined) closeSync(groupFd);
process.stdout.write(results.every((result) => result >= 0) ? 'held\n' : `refused ${results.join(' ')} errno ${koffi.errno()}\n`);
setInterval(() => {}, 60_000);
