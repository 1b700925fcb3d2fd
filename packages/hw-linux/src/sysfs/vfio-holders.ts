import type { PciAddress } from '@vfleet/core';
import { baseName, deviceFile } from './paths.ts';
import type { Sysfs } from './sysfs.ts';

/** A device's VFIO file that is open somewhere. */
export interface VfioHolder {
  readonly device: PciAddress;
  readonly file: string;
  /** Who has it open; those that may, where /proc does not tell. */
  readonly processes: readonly HoldingProcess[];
  /** Whether the processes have the file itself open; else only a device that they got from it, and which one does not show. */
  readonly isCertain: boolean;
}

export interface HoldingProcess {
  readonly pid: number;
  /** /proc/PID/comm. */
  readonly program: string;
}

/** A file that is not there, or not for this process. */
const UNREACHABLE: readonly string[] = ['ENOENT', 'EACCES', 'EPERM'];

/** What a program has that got a device out of its group (drivers/vfio/group.c vfio_device_open_file): it may close the group's file then. */
const DEVICE_FILE = 'anon_inode:[vfio-device]';

/**
 * Who holds one of `devices` through VFIO, by the links in /proc/PID/fd, and by the group's file, which can be open only once. To be asked
 * before VFs are removed or unbound: the kernel waits for such a holder without an end, and nobody can read or change the PF meanwhile.
 */
export async function vfioHolders(sysfs: Sysfs, devices: readonly PciAddress[]): Promise<readonly VfioHolder[]> {
  const files = new Map<string, PciAddress>();
  /** A group's file has another name where there is no IOMMU. */
  const groups = new Map<PciAddress, readonly string[]>();
  for (const device of devices) {
    const driver = await sysfs.readLink(deviceFile(device, 'driver'));
    // A device that is being taken from VFIO has lost its driver's link already (drivers/base/dd.c __device_release_driver).
    if (driver.ok && !/vfio/.test(baseName(driver.value))) continue;
    const group = await sysfs.readLink(deviceFile(device, 'iommu_group'));
    if (group.ok) groups.set(device, ['', 'noiommu-'].map((prefix) => `/dev/vfio/${prefix}${baseName(group.value)}`));
    const ownFiles = await sysfs.list(deviceFile(device, 'vfio-dev'));
    if (ownFiles.ok) for (const name of ownFiles.value) files.set(`/dev/vfio/devices/${name}`, device);
  }
  for (const [device, names] of groups) for (const file of names) files.set(file, device);
  if (files.size === 0) return [];
  const { certain, suspects } = await lookAtProcesses(sysfs, files);
  const holders: VfioHolder[] = [...certain].map(([file, processes]) => ({ device: files.get(file)!, file, processes, isCertain: true }));
  for (const [device, names] of groups) {
    if (holders.some((holder) => holder.device === device)) continue;
    const file = await fileInUse(sysfs, device, names);
    if (file !== undefined) holders.push({ device, file, processes: suspects, isCertain: false });
  }
  return holders;
}

/**
 * By the group's file, which can be open only once: no more than an attempt, there is nothing to be read in it. In a container, which has no such file or may not
 * open it, by how often the device was switched on: vfio-pci does so while somebody has it open (drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_enable).
 */
async function fileInUse(sysfs: Sysfs, device: PciAddress, names: readonly string[]): Promise<string | undefined> {
  for (const file of names) {
    const opened = await sysfs.read(file);
    if (!opened.ok && opened.error.errno === 'EBUSY') return file;
    if (opened.ok || !UNREACHABLE.includes(opened.error.errno)) return undefined;
  }
  const enabled = await sysfs.read(deviceFile(device, 'enable'));
  return enabled.ok && /^[1-9]/.test(enabled.value) ? names[0] : undefined;
}

async function lookAtProcesses(sysfs: Sysfs, files: ReadonlyMap<string, PciAddress>): Promise<{ readonly certain: ReadonlyMap<string, readonly HoldingProcess[]>; readonly suspects: readonly HoldingProcess[] }> {
  const certain = new Map<string, readonly HoldingProcess[]>();
  const suspects: HoldingProcess[] = [];
  const names = await sysfs.list('/proc');
  for (const pid of names.ok ? names.value.filter((name) => /^\d+$/.test(name)) : []) {
    const held = await openFiles(sysfs, pid);
    const own = [...files.keys()].filter((file) => held.has(file));
    if (own.length === 0 && !held.has(DEVICE_FILE)) continue;
    const comm = await sysfs.read(`/proc/${pid}/comm`);
    const process: HoldingProcess = { pid: Number(pid), program: comm.ok ? comm.value : '?' };
    for (const file of own) certain.set(file, [...(certain.get(file) ?? []), process]);
    if (own.length === 0) suspects.push(process);
  }
  return { certain, suspects };
}

/** Processes end while they are looked at, and some do not let themselves be looked at. */
async function openFiles(sysfs: Sysfs, pid: string): Promise<ReadonlySet<string>> {
  const fds = await sysfs.list(`/proc/${pid}/fd`);
  const targets = new Set<string>();
  for (const fd of fds.ok ? fds.value : []) {
    const target = await sysfs.readLink(`/proc/${pid}/fd/${fd}`);
    if (target.ok) targets.add(target.value);
  }
  return targets;
}

export function describeHolders(holders: readonly VfioHolder[]): string {
  return holders.map(({ file, processes, device, isCertain }) => {
    const named = processes.map(({ pid, program }) => `process ${pid} (${program})`).join(' and ');
    if (isCertain) return `${named} ${processes.length > 1 ? 'have' : 'has'} ${file} of ${device} open`;
    return `${file} of ${device} is in use by ${processes.length === 0 ? 'a process that /proc does not show' : `a process that keeps only the device open, which may be ${named}`}`;
  }).join(', ');
}
