import { errnoName, isErrno } from '@vfleet/core';
import type { Errno, HardwareCondition, HardwareStep } from '@vfleet/core';
import type { NetlinkFailure } from '../netlink/exchange.ts';
import type { SysfsError } from '../sysfs/sysfs.ts';

/** A step that failed: an errno or a condition, and the particulars. Undefined is success. */
export interface StepFailure {
  readonly failure: Errno | HardwareCondition;
  readonly detail?: string;
  /** Which part of the step it is, where a step has parts. */
  readonly step?: HardwareStep;
}

export type StepOutcome = StepFailure | undefined;

export function failed(failure: Errno | HardwareCondition, detail?: string): StepFailure {
  return detail === undefined ? { failure } : { failure, detail };
}

/** An errno outside the table is told as EIO, with its own name in the particulars. */
export function ofNetlink({ errno, says }: NetlinkFailure, detail?: string): StepFailure {
  const known = errnoName(errno);
  const words = [detail, says, known === undefined ? `errno ${errno}` : undefined].filter((part) => part !== undefined).join('; ');
  return failed(known ?? 'EIO', words === '' ? undefined : words);
}

export function ofSysfs({ errno, path }: SysfsError, detail?: string): StepFailure {
  const known = isErrno(errno);
  const words = [detail, path, known ? undefined : errno].filter((part) => part !== undefined).join('; ');
  return failed(known ? errno : 'EIO', words);
}
