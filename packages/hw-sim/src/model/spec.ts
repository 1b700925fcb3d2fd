import type { LinkType, PciAddress } from '@vfleet/core';
import type { NicModel } from '../personalities/nic-model.ts';

/** One PCI function of a NIC, with everything decided: what {@link Fleet.addNode} takes. */
export interface PfSpec {
  readonly model: NicModel;
  readonly pciAddress: PciAddress;
  /** The netdev's name at boot; empty on functions without a port. */
  readonly name: string;
  readonly altNames: readonly string[];
  readonly linkType: LinkType;
  readonly totalVfs: number;
  readonly vfOffset: number;
  /** VFs that somebody made by hand before vfleet came; lost with a reboot. */
  readonly numVfs: number;
  /** MTU that the host's network configuration sets at boot, also on VFs made by hand. */
  readonly mtu: number;
  /** −1 when the firmware names none. */
  readonly numaNode: number;
  /** The cable has a live peer. */
  readonly linkUp: boolean;
  readonly adminUp: boolean;
  readonly defaultRoute: boolean;
  readonly netFilter?: string;
  /** PCI address of the function that owns the port, on cards with shared ports. */
  readonly portAddress?: PciAddress;
  /** Subfunctions that the host makes at boot; absent when none. */
  readonly subfunctions?: number;
  /** Number of the card among the node's cards of this driver, for names such as `mgmtpf0,1`. */
  readonly cardIndex: number;
}

/** A processing accelerator: what it is, and the driver that takes it at boot. */
export interface AcceleratorSpec {
  readonly pciAddress: PciAddress;
  readonly vendor: string;
  readonly deviceId: string;
  /** Absent: none takes it. */
  readonly driver?: string;
  /** −1 when the firmware names none. */
  readonly numaNode: number;
}

/** Taint of a Kubernetes Node, carried through for whoever makes the Node objects. */
export interface NodeTaint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** A node's hardware and host. `pfs` are in order of PCI address and may be shared between nodes. */
export interface NodeHardwareSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly NodeTaint[];
  readonly cpuVendor: 'intel' | 'amd' | 'other';
  readonly kernelVersion: string;
  readonly kernelArguments: readonly string[];
  /** False: the slots have no Access Control Services, so all NICs share one IOMMU group. */
  readonly acs: boolean;
  /** How long the node is down in a reboot. */
  readonly rebootMs: number;
  readonly pfs: readonly PfSpec[];
  /** In order of PCI address; absent where there are none. */
  readonly accelerators?: readonly AcceleratorSpec[];
}
