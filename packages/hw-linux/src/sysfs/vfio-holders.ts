import type { PciAddress } from '@vfleet/core';
import { baseName, deviceFile } from './paths.ts';
import type { Sysfs } from './sysfs.ts';

/** A process that has a device's VFIO file open. */
export interface VfioHolder {
  readonly device: PciAddress;
  readonly file: string;
  readonly pid: number;
  /** /proc/PID/comm. */
  readonly program: string;
}

/**
 * Who holds one of `devices` through VFIO, by the links in /proc/PID/fd. To be asked before VFs are removed or unbound: the kernel
 * waits for such a holder without an end, and nobody can read or change the PF meanwhile.
 */
export async function vfioHolders(sysfs: Sysfs, devices: readonly PciAddress[]): Promise<readonly VfioHolder[]> {
  const files = new Map<string, PciAddress>();
  for (const device of devices) {
    const driver = await sysfs.readLink(deviceFile(device, 'driver'));
    if (!driver.ok || !/vfio/.test(baseName(driver.value))) continue;
    const group = await sysfs.readLink(deviceFile(device, 'iommu_group'));
    if (group.ok) for (const prefix of ['', 'noiommu-']) files.set(`/dev/vfio/${prefix}${baseName(group.value)}`, device);
    const ownFiles = await sysfs.list(deviceFile(device, 'vfio-dev'));
    if (ownFiles.ok) for (const name of ownFiles.value) files.set(`/dev/vfio/devices/${name}`, device);
  }
  return files.size === 0 ? [] : holdersOf(sysfs, files);
}

async function holdersOf(sysfs: Sysfs, files: ReadonlyMap<string, PciAddress>): Promise<readonly VfioHolder[]> {
  const processes = await sysfs.list('/proc');
  const holders: VfioHolder[] = [];
  for (const pid of processes.ok ? processes.value.filter((name) => /^\d+$/.test(name)) : []) {
    // Processes end while they are looked at, and some do not let themselves be looked at.
    const open = await sysfs.list(`/proc/${pid}/fd`);
    for (const fd of open.ok ? open.value : []) {
      const target = await sysfs.readLink(`/proc/${pid}/fd/${fd}`);
      const device = target.ok ? files.get(target.value) : undefined;
      if (!target.ok || device === undefined) continue;
      const program = await sysfs.read(`/proc/${pid}/comm`);
      holders.push({ device, file: target.value, pid: Number(pid), program: program.ok ? program.value : '?' });
    }
  }
  return holders;
}

export function describeHolders(holders: readonly VfioHolder[]): string {
  return holders.map(({ file, pid, program, device }) => `process ${pid} (${program}) has ${file} of ${device} open`).join(', ');
}
