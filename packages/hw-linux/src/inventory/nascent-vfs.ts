import type { PciAddress } from '@vfleet/core';
import { pciAddressPlus } from '@vfleet/core';
import { deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';

/**
 * Leaves out VFs that have no `physfn` link: it is made after the VF can be seen and goes before it does (drivers/pci/iov.c
 * pci_iov_add_virtfn, pci_iov_remove_virtfn). They are known by standing where a PF has its VFs, with the id that it gives them.
 */
export async function withoutNascentVfs(sysfs: Sysfs, functions: readonly PciAddress[]): Promise<readonly PciAddress[]> {
  const totals = new Map<PciAddress, number>();
  for (const address of functions) {
    const total = await readCount(sysfs, address, 'sriov_totalvfs');
    if (total !== undefined) totals.set(address, total);
  }
  const plain = functions.filter((address) => !totals.has(address));
  if (plain.length === 0) return functions;
  const places = new Map<PciAddress, number>();
  for (const [address, total] of totals) await addPlaces(sysfs, address, total, places);
  const nascent = new Set<PciAddress>();
  for (const address of plain) {
    const id = places.get(address);
    if (id !== undefined && id === (await readHex(sysfs, address, 'device'))) nascent.add(address);
  }
  return nascent.size === 0 ? functions : functions.filter((address) => !nascent.has(address));
}

async function addPlaces(sysfs: Sysfs, pf: PciAddress, total: number, places: Map<PciAddress, number>): Promise<void> {
  const [offset, stride, id] = [await readCount(sysfs, pf, 'sriov_offset'), await readCount(sysfs, pf, 'sriov_stride'), await readHex(sysfs, pf, 'sriov_vf_device')];
  if (offset === undefined || stride === undefined || id === undefined) return;
  for (let index = 0; index < total; index++) places.set(pciAddressPlus(pf, offset + index * stride), id);
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
