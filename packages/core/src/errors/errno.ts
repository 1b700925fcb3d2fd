import type { PciAddress } from '../domain/pci.ts';
import type { HardwareError, HardwareErrorCode, HardwareStep } from '../ports/hardware.ts';
import { explanationsByDriver } from './by-driver.ts';
import { explanations } from './explanations.ts';

/** Error numbers of Linux on x86-64 and arm64 (include/uapi/asm-generic/errno-base.h and errno.h) that NIC steps can answer. */
export const errnoNumbers = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, EAGAIN: 11, ENOMEM: 12, EACCES: 13, EFAULT: 14, EBUSY: 16, EEXIST: 17, ENODEV: 19,
  EINVAL: 22, ENFILE: 23, EMFILE: 24, ENOTTY: 25, ENOSPC: 28, EROFS: 30, ERANGE: 34, ENOSYS: 38, ENODATA: 61, EPROTO: 71, EMSGSIZE: 90,
  EPROTONOSUPPORT: 93, EOPNOTSUPP: 95, EADDRINUSE: 98, EADDRNOTAVAIL: 99, ENETDOWN: 100, ENETUNREACH: 101, ENOBUFS: 105, ETIMEDOUT: 110,
} as const;

export type Errno = keyof typeof errnoNumbers;

/** Whether a text is one of the names of the table. */
export function isErrno(text: string): text is Errno {
  return Object.hasOwn(errnoNumbers, text);
}

/** The name of an error number; undefined for a number outside the table. */
export function errnoName(number: number): Errno | undefined {
  return (Object.keys(errnoNumbers) as Errno[]).find((name) => errnoNumbers[name] === Math.abs(number));
}

/** What was attempted: a hardware step, or one of the calls around them. */
export type HardwareOperation = HardwareStep['kind'] | 'discover' | 'readFacts' | 'setKernelArguments' | 'prepareHost' | 'reboot' | 'openVfio';

/** Failures that no system call reports: found by a deadline, or by reading back what was written. */
export type HardwareCondition =
  /** The kernel did not finish within the step's deadline; it may still finish later. */
  | 'deadlinePassed'
  /** An earlier write to this PF has not come back from the kernel. */
  | 'stuckWrite'
  /** drivers_probe said yes and the driver link says no, though the driver is loaded. */
  | 'probeWithoutEffect'
  /** The write succeeded, and reading back shows something else. */
  | 'writeWithoutEffect'
  /** The driver named in driver_override is not registered with the PCI bus. */
  | 'driverNotLoaded'
  /** The host is shutting down, off or booting. */
  | 'nodeDown';

export interface Explanation {
  readonly code: HardwareErrorCode;
  readonly cause: string;
  readonly remedy: string;
}

const GENERAL: Readonly<Record<Errno, HardwareErrorCode>> = {
  EPERM: 'denied', ENOENT: 'unsupported', ESRCH: 'gone', EINTR: 'io', EIO: 'io', ENXIO: 'gone', EAGAIN: 'busy', ENOMEM: 'noMemory', EACCES: 'denied',
  EFAULT: 'io', EBUSY: 'busy', EEXIST: 'exists', ENODEV: 'gone', EINVAL: 'invalid', ENFILE: 'noMemory', EMFILE: 'noMemory',
  ENOTTY: 'unsupported', ENOSPC: 'noSpace', EROFS: 'denied', ERANGE: 'outOfRange', ENOSYS: 'unsupported', ENODATA: 'io', EPROTO: 'io',
  EMSGSIZE: 'io', EPROTONOSUPPORT: 'unsupported', EOPNOTSUPP: 'unsupported', EADDRINUSE: 'exists', EADDRNOTAVAIL: 'addressTaken',
  ENETDOWN: 'invalid', ENETUNREACH: 'invalid', ENOBUFS: 'noMemory', ETIMEDOUT: 'timeout',
};

/** The code an errno has when the operation gives it no meaning of its own. */
export function codeOfErrno(errno: Errno): HardwareErrorCode {
  return GENERAL[errno];
}

/** What an errno or condition means for an operation of a driver, and what to do about it. Every combination has an answer. */
export function explain(operation: HardwareOperation, failure: Errno | HardwareCondition, driver?: string): Explanation {
  const own = driver !== undefined && Object.hasOwn(explanationsByDriver, driver) ? explanationsByDriver[driver] : undefined;
  const known = own?.[operation]?.[failure] ?? explanations.byOperation[operation]?.[failure] ?? explanations.general[failure];
  if (known !== undefined) return known;
  // Every condition is in the general table, so what is left is an errno.
  return { code: GENERAL[failure as Errno], cause: `${operation} failed with ${failure}`, remedy: 'read the kernel log (dmesg) of the node around this time' };
}

/**
 * The one way to make a HardwareError: simulated and real backends answer the same words for the same errno.
 * `detail` names the particulars (values, limits, who holds it) and is appended to the cause.
 */
export function hardwareError(failed: {
  readonly operation: HardwareOperation;
  readonly failure: Errno | HardwareCondition;
  readonly device: PciAddress | 'host';
  readonly step?: HardwareStep;
  readonly detail?: string;
  /** Of the PF; absent when none is bound or nobody looked. */
  readonly driver?: string;
}): HardwareError {
  const { code, cause, remedy } = explain(failed.operation, failed.failure, failed.driver);
  return {
    code,
    ...(failed.step === undefined ? {} : { step: failed.step }),
    device: failed.device,
    ...(failed.failure in errnoNumbers ? { errno: failed.failure } : {}),
    cause: failed.detail === undefined ? cause : `${cause} (${failed.detail})`,
    remedy,
  };
}
