import type { PciAddress } from '@vfleet/core';
import { pciAddressPlus } from '@vfleet/core';
import { deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';

/** Network functions of the bus, told apart. */
export interface Functions {
  readonly pfs: readonly PciAddress[];
  /** By PF: VFs that are on their way in or out. While there are some, a change of the PF is under way, or hangs. */
  readonly nascent: ReadonlyMap<PciAddress, readonly PciAddress[]>;
}

interface Place {
  readonly pf: PciAddress;
  /** The device id that the PF gives its VFs. */
  readonly id: number;
}

/**
 * Finds VFs that have no `physfn` link: it is made after the VF can be seen and goes before it does (drivers/pci/iov.c
 * pci_iov_add_virtfn, pci_iov_remove_virtfn). They are known by standing where a PF has its VFs, with the id that it gives them.
 */
export async function tellNascentVfs(sysfs: Sysfs, functions: readonly PciAddress[]): Promise<Functions> {
  const totals = new Map<PciAddress, number>();
  for (const address of functions) {
    const total = await readCount(sysfs, address, 'sriov_totalvfs');
    if (total !== undefined) totals.set(address, total);
  }
  const plain = functions.filter((address) => !totals.has(address));
  const nascent = new Map<PciAddress, PciAddress[]>();
  if (plain.length === 0) return { pfs: functions, nascent };
  const places = new Map<PciAddress, Place>();
  for (const [address, total] of totals) await addPlaces(sysfs, address, total, places);
  for (const address of plain) {
    const place = places.get(address);
    if (place === undefined || place.id !== (await readHex(sysfs, address, 'device'))) continue;
    nascent.set(place.pf, [...(nascent.get(place.pf) ?? []), address]);
  }
  const ofPfs = new Set([...nascent.values()].flat());
  return { pfs: functions.filter((address) => !ofPfs.has(address)), nascent };
}

async function addPlaces(sysfs: Sysfs, pf: PciAddress, total: number, places: Map<PciAddress, Place>): Promise<void> {
  const [offset, stride, id] = [await readCount(sysfs, pf, 'sriov_offset'), await readCount(sysfs, pf, 'sriov_stride'), await readHex(sysfs, pf, 'sriov_vf_device')];
  if (offset === undefined || stride === undefined || id === undefined) return;
  for (let index = 0; index < total; index++) places.set(pciAddressPlus(pf, offset + index * stride), { pf, id });
}

async function read(sysfs: Sysfs, address: PciAddress, name: string): Promise<string | undefined> {
  const text = await sysfs.read(deviceFile(address, name));
  return text.ok ? text.value : undefined;
}

/** Numbers of SR-IOV have 16 bits. */
async function readCount(sysfs: Sysfs, address: PciAddress, name: string): Promise<number | undefined> {
  const text = await read(sysfs, address, name);
  return text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : undefined;
}

/** `0x10ca` and `10ca` are both written. */
async function readHex(sysfs: Sysfs, address: PciAddress, name: string): Promise<number | undefined> {
  const text = await read(sysfs, address, name);
  return text !== undefined && /^(?:0x)?[0-9a-f]{1,4}$/.test(text) ? parseInt(text, 16) : undefined;
}
