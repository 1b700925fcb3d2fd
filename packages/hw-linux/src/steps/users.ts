import type { PciAddress } from '@vfleet/core';
import type { KernelLinks } from '../links.ts';
import { vfAddresses } from '../sysfs/functions.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { describeHolders, vfioHolders } from '../sysfs/vfio-holders.ts';

/**
 * Who uses a function or one of its VFs, as far as the host can tell: processes with its VFIO file open, and bridges, bonds and VRFs that
 * its interface or a VF's is part of. Said with EBUSY; empty when nobody is found.
 */
export async function describeUsers(sysfs: Sysfs, links: KernelLinks, device: PciAddress): Promise<string> {
  const functions = [device, ...(await vfAddresses(sysfs, device))];
  const holders = await vfioHolders(sysfs, functions);
  const all = await links.list('host');
  const masters = all.ok ? all.value.filter(({ parentDevice, master }) => master !== undefined && functions.some((one) => one === parentDevice)) : [];
  const nameOf = (index: number) => (all.ok ? all.value : []).find((link) => link.index === index)?.name ?? `interface ${index}`;
  const ports = masters.map(({ name, parentDevice, master }) => `${name} of ${parentDevice} is a port of ${nameOf(master!)}`);
  return [...(holders.length === 0 ? [] : [describeHolders(holders)]), ...ports].join(', ');
}
