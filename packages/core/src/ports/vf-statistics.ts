import type { PciAddress } from '../domain/pci.ts';
import type { Result } from '../result.ts';
import type { HardwareError } from './hardware.ts';

/** What the PF's driver has counted of one VF since it was made (struct ifla_vf_stats, include/uapi/linux/if_link.h). */
export interface VfCounters {
  /** Name of the PF's netdev. */
  readonly pf: string;
  readonly pfAddress: PciAddress;
  readonly vfIndex: number;
  readonly pciAddress: PciAddress;
  /** −1 when the firmware names none. */
  readonly numaNode: number;
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxBroadcast: number;
  readonly rxMulticast: number;
  readonly rxDropped: number;
  readonly txDropped: number;
}

/** Traffic of a node's VFs, also of those inside pods and of those that programs drive: the PF counts them. Consumed by the metrics of the node. */
export interface VfStatistics {
  /** In order of PF address, then index. Drivers that count nothing say 0. */
  read(): Promise<Result<readonly VfCounters[], HardwareError>>;
}
