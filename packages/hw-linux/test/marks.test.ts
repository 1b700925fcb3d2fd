// Goal: what some users select functions by is read where the kernel has it. Method: a host of a few files in memory, with an InfiniBand
// interface and a NIC whose driver tells its package of packet types.
import { SimClock } from '@vfleet/core';
import { expect, test } from 'vitest';
import { createLinuxHardware } from '../src/index.ts';
import type { Netlink } from '../src/index.ts';
import { attribute, bytesOf, nested, text, u16, u32 } from '../src/netlink/attributes.ts';
import { readHost } from './memory-host.ts';

const at = (device: string, name: string) => `/sys/bus/pci/devices/${device}/${name}`;
const [NIC, CARD] = ['0000:81:00.0', '0000:82:00.0'];
const fn = (device: string, pciClass: string) => ({ [at(device, 'class')]: pciClass, [at(device, 'vendor')]: '0x8086', [at(device, 'device')]: '0x1592' });

const FAMILY = 21;
/** struct ifinfomsg with the kind of hardware, then name, parent and its bus. */
const link = (index: number, name: string, device: string, hardware: number) => bytesOf(u16(0), u16(hardware), u32(index), u32(0), u32(0), attribute(3, text(name)), attribute(56, text(device)), attribute(57, text('pci')));
/** struct genlmsghdr, then DEVLINK_ATTR_INFO_VERSION_RUNNING with name and value. */
const info = bytesOf(new Uint8Array([51, 1, 0, 0]), nested(101, attribute(103, text('fw.app.name')), attribute(104, text('ICE COMMS Package'))));

const kernel: Netlink = {
  async ask(request) {
    if (request.kind !== 'netlink') return { ok: false, failure: { errno: 95 } };
    if (request.protocol === 'route' && request.request.type === 18) return { ok: true, payloads: [link(2, 'ens1f0', NIC, 1), link(3, 'ib0', CARD, 32)] };
    if (request.protocol === 'generic' && request.request.type === 16) return { ok: true, payloads: [bytesOf(new Uint8Array(4), attribute(1, u16(FAMILY)))] };
    const isInfo = request.protocol === 'generic' && request.request.type === FAMILY && request.request.payload[0] === 51;
    return isInfo ? { ok: true, payloads: [info] } : { ok: true, payloads: [] };
  },
};

test('ACPI index, partition and package of packet types', async () => {
  const files = {
    ...fn(NIC, '0x020000'), [at(NIC, 'acpi_index')]: '101', [at(NIC, 'net/ens1f0/pkey')]: '0xffff',
    ...fn(CARD, '0x020700'), [at(CARD, 'net/ib0/pkey')]: '0x8001',
  };
  const host = readHost(files);
  const sysfs = { ...host, readLink: async (path: string) => (path === at(NIC, 'driver') ? { ok: true, value: '../../bus/pci/drivers/ice' } as const : host.readLink(path)) };
  const seen = await createLinuxHardware({ clock: new SimClock(), sysfs, netlink: kernel, monitor: { listen: () => ({ stop() {} }) } }).discover();
  expect(seen.ok && seen.value.pfs.map(({ acpiIndex, pKey, ddpProfile }) => ({ acpiIndex, pKey, ddpProfile }))).toEqual([
    { acpiIndex: 101, ddpProfile: 'ICE COMMS Package' }, { pKey: '0x8001' },
  ]);
});
