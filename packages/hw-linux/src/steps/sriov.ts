import type { PciAddress } from '@vfleet/core';
import { parsePciAddress } from '@vfleet/core';
import { readNumVfs } from '../inventory/discover.ts';
import { PCI_DEVICES, baseName, deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { describeHolders, vfioHolders } from '../sysfs/vfio-holders.ts';
import { failed, ofSysfs } from './outcome.ts';
import type { StepOutcome } from './outcome.ts';
import type { StepTools } from './tools.ts';

/** `sriov_numvfs`: refused while somebody holds a VF through VFIO, written by a helper, and read back. */
export async function setNumVfs(tools: StepTools, pf: PciAddress, count: number): Promise<StepOutcome> {
  const { sysfs } = tools;
  if (!(await sysfs.exists(`${PCI_DEVICES}/${pf}`))) return failed('ENODEV', `no PF at ${pf}`);
  const file = deviceFile(pf, 'sriov_numvfs');
  if (!(await sysfs.exists(file))) return failed('ENOENT', `${pf} has no sriov_numvfs`);
  const vfs = await vfAddresses(sysfs, pf);
  if (count < vfs.length) {
    const holders = await vfioHolders(sysfs, vfs);
    if (holders.length > 0) return failed('EBUSY', describeHolders(holders));
  }
  const written = await tools.writeLong(pf, file, String(count));
  if (written !== undefined) return 'failure' in written ? written : ofSysfs({ errno: written.errno, path: file }, await particulars(sysfs, pf, count, written.errno));
  const after = await readNumVfs(sysfs, pf);
  return after === count ? undefined : failed('writeWithoutEffect', `asked for ${count} VFs, there are ${after}`);
}

async function particulars(sysfs: Sysfs, pf: PciAddress, count: number, errno: string): Promise<string | undefined> {
  if (errno === 'ERANGE') {
    const total = await sysfs.read(deviceFile(pf, 'sriov_totalvfs'));
    return `asked for ${count}, sriov_totalvfs is ${total.ok ? total.value : 'unknown'}`;
  }
  return errno === 'EBUSY' ? `${await readNumVfs(sysfs, pf)} VFs exist, ${count} asked for` : undefined;
}

/** The addresses of a PF's VFs, by its `virtfn` links. */
export async function vfAddresses(sysfs: Sysfs, pf: PciAddress): Promise<readonly PciAddress[]> {
  const names = await sysfs.list(`${PCI_DEVICES}/${pf}`);
  const found: PciAddress[] = [];
  for (const name of names.ok ? names.value.filter((entry) => /^virtfn\d+$/.test(entry)) : []) {
    const target = await sysfs.readLink(deviceFile(pf, name));
    const address = target.ok ? parsePciAddress(baseName(target.value)) : undefined;
    if (address?.ok === true) found.push(address.value);
  }
  return found;
}

export async function setDriversAutoprobe({ sysfs }: StepTools, pf: PciAddress, enabled: boolean): Promise<StepOutcome> {
  if (!(await sysfs.exists(`${PCI_DEVICES}/${pf}`))) return failed('ENODEV', `no PF at ${pf}`);
  const written = await sysfs.write(deviceFile(pf, 'sriov_drivers_autoprobe'), enabled ? '1' : '0');
  return written.ok ? undefined : ofSysfs(written.error);
}
