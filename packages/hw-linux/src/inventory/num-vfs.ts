import type { Blockage, PciAddress, Result } from '@vfleet/core';
import { fail, hardwareError, ok } from '@vfleet/core';
import { driverOf, isProgramDriver } from '../sysfs/functions.ts';
import { deviceFile } from '../sysfs/paths.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import { describeHolders, vfioHolders } from '../sysfs/vfio-holders.ts';
import type { VfioHolder } from '../sysfs/vfio-holders.ts';

/** Reading what a change of a PF guards with its lock, for those who cannot wait without an end. */
export interface GuardedReads {
  /** A change of the PF, or a read, has not come back: the next read would not either. */
  isStuck(pf: PciAddress): boolean;
  /** By a helper process that is left to itself when it does not come back; the PF is stuck then. Undefined: it did not. */
  readLong(pf: PciAddress, path: string): Promise<Result<string, { readonly errno: string }> | undefined>;
  /** Waits for work that belongs to no PF; undefined when it does not come back. */
  limited<Value>(work: Promise<Value>): Promise<Value | undefined>;
}

/** What is known of a PF before it is asked: where its VFs are, and which of them are on their way in or out. */
export interface KnownVfs {
  readonly vfs: readonly PciAddress[];
  readonly nascent: readonly PciAddress[];
}

/**
 * `sriov_numvfs`, or why it cannot be read. Reading it waits for the write that is under way (drivers/pci/pci-sysfs.c sriov_numvfs_show
 * takes the device's lock), and such a write waits without an end for whoever holds a VF through VFIO. So nobody reads where a holder
 * of a VF that is on its way out is known, and a helper reads where there may be one.
 */
export async function readNumVfs(sysfs: Sysfs, reads: GuardedReads, pf: PciAddress, { vfs, nascent }: KnownVfs): Promise<Result<number, Blockage>> {
  const functions = [...nascent, ...vfs];
  if (reads.isStuck(pf)) return fail(blockage(pf, await vfioHolders(sysfs, functions)));
  if (nascent.length > 0) {
    const holders = await vfioHolders(sysfs, nascent);
    if (holders.length > 0) return fail(blockage(pf, holders));
  }
  const path = deviceFile(pf, 'sriov_numvfs');
  const text = nascent.length > 0 || (await mayBeHeld(sysfs, vfs)) ? await reads.readLong(pf, path) : await sysfs.readPatiently(path);
  if (text === undefined) return fail(blockage(pf, await vfioHolders(sysfs, functions)));
  return ok(text.ok && /^\d+$/.test(text.value) ? Number(text.value) : 0);
}

/** A driver of programs, or none: that of a VF that goes is taken from it before the kernel waits. */
async function mayBeHeld(sysfs: Sysfs, vfs: readonly PciAddress[]): Promise<boolean> {
  for (const vf of vfs) {
    const driver = await driverOf(sysfs, vf);
    if (driver === undefined || isProgramDriver(driver)) return true;
  }
  return false;
}

function blockage(pf: PciAddress, holders: readonly VfioHolder[]): Blockage {
  const { cause, remedy } = hardwareError({ operation: 'discover', failure: 'stuckWrite', device: pf, ...(holders.length === 0 ? {} : { detail: describeHolders(holders) }) });
  return { cause, remedy };
}
