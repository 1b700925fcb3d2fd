import type { HardwareError } from './hardware.ts';
import type { Result } from '../result.ts';

/** When one of the two services runs: PFs get their VFs before the network is set up, VFs their settings after it. */
export type BootPhase = 'pre-network' | 'post-network';

export const BOOT_PHASES: readonly BootPhase[] = ['pre-network', 'post-network'];

/** Where the daemon leaves what is wanted, and where the services leave what became of it (configurationMode systemd of the contract). */
export const BOOT_CONFIGURATION_FILE = '/etc/sriov-operator/sriov-interface-config.yaml';
export const BOOT_RESULT_FILE = '/etc/sriov-operator/sriov-interface-result.yaml';

/** Type of the condition in which a node state tells what they did at this boot. */
export const BOOT_CONDITION = 'ConfiguredAtBoot';

/**
 * Services of the host's init that configure NICs at each boot, before anything that uses them starts: one a phase, from
 * {@link BOOT_CONFIGURATION_FILE}. Consumed by the config daemon in configurationMode systemd; without that file they do nothing.
 */
export interface BootServices {
  /** Makes them run at each boot from now on. Nothing is written that is so already. */
  install(): Promise<Result<void, HardwareError>>;
  /** They run at no further boot. */
  remove(): Promise<Result<void, HardwareError>>;
}
