import type { PciAddress } from '@vfleet/core';
import { parsePciAddress } from '@vfleet/core';
import { PCI_DEVICES, baseName, deviceFile } from './paths.ts';
import type { Sysfs } from './sysfs.ts';

/** What links of the PCI bus say of a function: they can be read whatever hangs. */

export async function driverOf(sysfs: Sysfs, address: PciAddress): Promise<string | undefined> {
  const link = await sysfs.readLink(deviceFile(address, 'driver'));
  return link.ok ? baseName(link.value) : undefined;
}

/** Drivers that hand a device to a program, and are nobody's own. */
const PROGRAM_DRIVER = /^(?:.*vfio.*|uio_pci_generic|igb_uio|pci-stub)$/;

export function isProgramDriver(driver: string): boolean {
  return PROGRAM_DRIVER.test(driver);
}

/** The PF of a VF; a PF is its own. */
export async function pfOf(sysfs: Sysfs, device: PciAddress): Promise<PciAddress> {
  const link = await sysfs.readLink(deviceFile(device, 'physfn'));
  const parsed = link.ok ? parsePciAddress(baseName(link.value)) : undefined;
  return parsed?.ok === true ? parsed.value : device;
}

/** Where a VF of a PF is. */
export interface VfPlace {
  readonly index: number;
  readonly address: PciAddress;
}

/** A PF's VFs by its `virtfn` links, in order of their index. */
export async function vfPlaces(sysfs: Sysfs, pf: PciAddress): Promise<readonly VfPlace[]> {
  const names = await sysfs.list(`${PCI_DEVICES}/${pf}`);
  const found: VfPlace[] = [];
  for (const name of names.ok ? names.value : []) {
    const index = /^virtfn(\d+)$/.exec(name)?.[1];
    if (index === undefined) continue;
    const target = await sysfs.readLink(deviceFile(pf, name));
    const address = target.ok ? parsePciAddress(baseName(target.value)) : undefined;
    if (address?.ok === true) found.push({ index: Number(index), address: address.value });
  }
  return found.sort((a, b) => a.index - b.index);
}

export async function vfAddresses(sysfs: Sysfs, pf: PciAddress): Promise<readonly PciAddress[]> {
  return (await vfPlaces(sysfs, pf)).map(({ address }) => address);
}
