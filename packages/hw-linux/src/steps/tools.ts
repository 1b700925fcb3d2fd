import type { PciAddress } from '@vfleet/core';
import type { GuardedReads } from '../inventory/num-vfs.ts';
import type { KernelLinks } from '../links.ts';
import type { Sysfs } from '../sysfs/sysfs.ts';
import type { StepFailure } from './outcome.ts';

/** What steps work with. */
export interface StepTools {
  readonly sysfs: Sysfs;
  readonly links: KernelLinks;
  readonly readLong: GuardedReads['readLong'];
  /**
   * A write that may hang, made under the step's deadline. Undefined when it was made; an errno when the kernel refused it; a failure
   * when it did not come back, and then `pf` stays blocked until it does.
   */
  writeLong(pf: PciAddress, path: string, text: string): Promise<{ readonly errno: string } | StepFailure | undefined>;
}
