import { comparePciAddresses } from '@vfleet/core';
import type { AcceleratorObservation, PciAddress } from '@vfleet/core';
import { driverOf, pfOf } from '../sysfs/functions.ts';
import { baseName, deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { deviceFilesOf } from './device-files.ts';
import { readId, readNumber } from './function-files.ts';

/** Processing accelerators (PCI_BASE_CLASS 0x12, as `class` has it): base class, subclass, programming interface. */
export const ACCELERATOR_CLASS = /^0x12[0-9a-f]{4}$/i;

/** In order of address. Those that vanish while they are looked at are left out. */
export async function readAccelerators(sysfs: Sysfs, addresses: readonly PciAddress[]): Promise<readonly AcceleratorObservation[]> {
  const found: AcceleratorObservation[] = [];
  for (const address of addresses.toSorted(comparePciAddresses)) {
    const accelerator = await readAccelerator(sysfs, address);
    if (accelerator !== undefined) found.push(accelerator);
  }
  return found;
}

async function readAccelerator(sysfs: Sysfs, address: PciAddress): Promise<AcceleratorObservation | undefined> {
  const [vendor, deviceId] = [await readId(sysfs, address, 'vendor'), await readId(sysfs, address, 'device')];
  if (vendor === undefined || deviceId === undefined) return undefined;
  const driver = await driverOf(sysfs, address);
  const pf = await pfOf(sysfs, address);
  const group = await sysfs.readLink(deviceFile(address, 'iommu_group'));
  const deviceFiles = await deviceFilesOf(sysfs, address, driver, [], undefined);
  return {
    pciAddress: address,
    vendor,
    deviceId,
    ...(driver === undefined ? {} : { driver }),
    ...(pf === address ? {} : { pf }),
    numaNode: await readNumber(sysfs, deviceFile(address, 'numa_node'), -1),
    ...(group.ok ? { iommuGroup: Number(baseName(group.value)) } : {}),
    ...(deviceFiles === undefined ? {} : { deviceFiles }),
  };
}
