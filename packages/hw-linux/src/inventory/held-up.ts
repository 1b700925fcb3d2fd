import type { PciAddress } from '@vfleet/core';
import { parsePciAddress } from '@vfleet/core';
import { PCI_DEVICES, deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { describeHolders, vfioHolders } from '../sysfs/vfio-holders.ts';
import { tellNascentVfs } from './nascent-vfs.ts';

/**
 * Whether the kernel is held up in taking VFs away from another PF, and by whom. It does so under one lock for all of the bus
 * (drivers/pci/iov.c sriov_del_vfs, pci_lock_rescan_remove, in kernels since the end of 2025): adding or removing VFs elsewhere would
 * wait as long, and nobody could read that PF either.
 */
export async function heldUpElsewhere(sysfs: Sysfs, pf: PciAddress): Promise<string | undefined> {
  const names = await sysfs.list(PCI_DEVICES);
  const functions: PciAddress[] = [];
  for (const name of names.ok ? names.value : []) {
    const address = parsePciAddress(name);
    if (!address.ok || address.value === pf || (await sysfs.exists(deviceFile(address.value, 'physfn')))) continue;
    const pciClass = await sysfs.read(deviceFile(address.value, 'class'));
    if (pciClass.ok && pciClass.value.startsWith('0x02')) functions.push(address.value);
  }
  for (const [other, nascent] of (await tellNascentVfs(sysfs, functions)).nascent) {
    const holders = await vfioHolders(sysfs, nascent);
    if (holders.length > 0) return `the kernel adds and removes VFs of one PF at a time, and is held up at ${other}: ${describeHolders(holders)}`;
  }
  return undefined;
}
