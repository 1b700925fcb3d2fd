import type { PciAddress } from '@vfleet/core';
import { deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';

/** `vendor` or `device` of a function: four digits. */
export async function readId(sysfs: Sysfs, address: PciAddress, name: string): Promise<string | undefined> {
  const id = await sysfs.read(deviceFile(address, name));
  return id.ok && /^0x[0-9a-f]{4}$/.test(id.value) ? id.value.slice(2) : undefined;
}

export async function readNumber(sysfs: Sysfs, path: string, otherwise: number): Promise<number> {
  const text = await sysfs.read(path);
  return text.ok && /^-?\d+$/.test(text.value) ? Number(text.value) : otherwise;
}
