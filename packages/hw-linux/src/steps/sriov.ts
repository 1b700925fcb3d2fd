import type { PciAddress } from '@vfleet/core';
import { heldUpElsewhere } from '../inventory/held-up.ts';
import { vfAddresses } from '../sysfs/functions.ts';
import { PCI_DEVICES, deviceFile } from '../sysfs/paths.ts';
import { describeHolders, vfioHolders } from '../sysfs/vfio-holders.ts';
import { failed, ofSysfs } from './outcome.ts';
import type { StepFailure, StepOutcome } from './outcome.ts';
import type { StepTools } from './tools.ts';

/** `sriov_numvfs`: refused while somebody holds a VF through VFIO, written by a helper, and read back. */
export async function setNumVfs(tools: StepTools, pf: PciAddress, count: number): Promise<StepOutcome> {
  const { sysfs } = tools;
  if (!(await sysfs.exists(`${PCI_DEVICES}/${pf}`))) return failed('ENODEV', `no PF at ${pf}`);
  const file = deviceFile(pf, 'sriov_numvfs');
  if (!(await sysfs.exists(file))) return failed('ENOENT', `${pf} has no sriov_numvfs`);
  const vfs = await vfAddresses(sysfs, pf);
  if (count >= 0 && count < vfs.length) {
    const holders = await vfioHolders(sysfs, vfs);
    if (holders.length > 0) return failed('EBUSY', describeHolders(holders));
  }
  const elsewhere = count === vfs.length ? undefined : await heldUpElsewhere(sysfs, pf);
  if (elsewhere !== undefined) return failed('EBUSY', elsewhere);
  const written = await tools.writeLong(pf, file, String(count));
  if (written !== undefined) return 'failure' in written ? written : ofSysfs({ errno: written.errno, path: file }, await particulars(tools, pf, count, written.errno));
  const after = await readBack(tools, pf);
  if (typeof after === 'object') return after;
  return after === count ? undefined : failed('writeWithoutEffect', `asked for ${count} VFs, there are ${after}`);
}

/** Somebody else may have begun to write meanwhile. */
async function readBack(tools: StepTools, pf: PciAddress): Promise<number | StepFailure> {
  const text = await tools.readLong(pf, deviceFile(pf, 'sriov_numvfs'));
  if (text === undefined) return failed('stuckWrite');
  return text.ok && /^\d+$/.test(text.value) ? Number(text.value) : 0;
}

async function particulars(tools: StepTools, pf: PciAddress, count: number, errno: string): Promise<string | undefined> {
  if (errno === 'ERANGE') {
    const total = await tools.sysfs.read(deviceFile(pf, 'sriov_totalvfs'));
    return `asked for ${count}, sriov_totalvfs is ${total.ok ? total.value : 'unknown'}`;
  }
  const now = errno === 'EBUSY' ? await readBack(tools, pf) : undefined;
  return typeof now === 'number' ? `${now} VFs exist, ${count} asked for` : undefined;
}

export async function setDriversAutoprobe({ sysfs }: StepTools, pf: PciAddress, enabled: boolean): Promise<StepOutcome> {
  if (!(await sysfs.exists(`${PCI_DEVICES}/${pf}`))) return failed('ENODEV', `no PF at ${pf}`);
  const written = await sysfs.write(deviceFile(pf, 'sriov_drivers_autoprobe'), enabled ? '1' : '0');
  return written.ok ? undefined : ofSysfs(written.error);
}
