import type { HardwareError } from './hardware.ts';
import type { Result } from '../result.ts';

export interface HostFacts {
  readonly bootId: string;
  readonly kernelVersion: string;
  /** Whole tokens of /proc/cmdline, in order. */
  readonly kernelArguments: readonly string[];
  /** Arguments that will be in force after the next boot, where the boot loader can say; else what is in force. */
  readonly pendingKernelArguments: readonly string[];
  readonly cpuVendor: 'intel' | 'amd' | 'other';
  /** The IOMMU is on: /sys/kernel/iommu_groups is not empty. */
  readonly iommuEnabled: boolean;
}

/** The host around the NICs: boot arguments and reboots. Consumed by the config daemon. */
export interface Host {
  facts(): Promise<Result<HostFacts, HardwareError>>;
  /** Makes `wanted` whole tokens of the next boot's kernel command line; those already there are left alone. */
  ensureKernelArguments(wanted: readonly string[]): Promise<Result<void, HardwareError>>;
  /** Asks for an orderly reboot; the process may be killed any time after this resolves. */
  reboot(reason: string): Promise<Result<void, HardwareError>>;
}
