import type { PciAddress } from './pci.ts';

export type LinkType = 'ETH' | 'IB';
export type EswitchMode = 'legacy' | 'switchdev';
export type AdminState = 'up' | 'down';
export type VfLinkState = 'auto' | 'enable' | 'disable';
export type VlanProtocol = '802.1q' | '802.1ad';
export type VdpaType = 'virtio' | 'vhost';
export type RdmaMode = 'shared' | 'exclusive';

/** Where a netdev lives. Network namespaces are named by the path a CNI call gives (`/var/run/netns/…`). */
export type NetnsPath = 'host' | (string & {});

/** A network interface as rtnetlink shows it. */
export interface Netdev {
  readonly name: string;
  readonly altNames: readonly string[];
  readonly mac: string;
  readonly mtu: number;
  readonly adminState: AdminState;
  /** Has carrier (IFF_LOWER_UP). */
  readonly carrier: boolean;
}

/** What the PF says about one VF (IFLA_VF_INFO). Absent on drivers that do not support the attribute. */
export interface VfSettings {
  readonly mac: string;
  readonly vlan: number;
  readonly vlanQos: number;
  readonly vlanProtocol: VlanProtocol;
  readonly spoofCheck: boolean;
  readonly trust: boolean;
  /** Mb/s; 0 is no limit. */
  readonly minTxRateMbps: number;
  readonly maxTxRateMbps: number;
  readonly linkState: VfLinkState;
  /** InfiniBand only: 8 bytes as `xx:xx:…`. */
  readonly nodeGuid?: string;
  readonly portGuid?: string;
}

/** Device files by which programs reach a function from user space, as far as the node has them. */
export interface DeviceFiles {
  /** `/dev/uioN`, with igb_uio or uio_pci_generic. */
  readonly uio?: string;
  /** The VFIO group; given only where it is not `/dev/vfio/<iommuGroup>` (without an IOMMU: `noiommu-N` on the host, `N` in the container). */
  readonly vfioGroup?: { readonly host: string; readonly container: string };
  /** RDMA character devices: `/dev/infiniband/uverbsN`, `umadN`, `issmN`, `rdma_cm`. */
  readonly rdma?: readonly string[];
  /** `/dev/vhost-vdpa-N`. */
  readonly vhostVdpa?: string;
}

export interface VfObservation {
  readonly index: number;
  readonly pciAddress: PciAddress;
  readonly vendor: string;
  readonly deviceId: string;
  /** Absent when no driver is bound. */
  readonly driver?: string;
  /** Absent when the driver makes none (vfio-pci) or when it is inside a pod's network namespace. */
  readonly netdev?: Netdev;
  readonly settings: VfSettings;
  readonly iommuGroup?: number;
  readonly rdmaDevices: readonly string[];
  readonly vdpaType?: VdpaType;
  /** The representor's netdev on the host; switchdev only. */
  readonly representor?: string;
  readonly deviceFiles?: DeviceFiles;
  /** Number that the firmware gives the function (`acpi_index`, Documentation/ABI/testing/sysfs-bus-pci). */
  readonly acpiIndex?: number;
  /** Partition of an InfiniBand interface on the host, as its `pkey` says it (Documentation/infiniband/ipoib.rst): `0x8001`. */
  readonly pKey?: string;
}

export interface PfObservation {
  readonly pciAddress: PciAddress;
  readonly vendor: string;
  readonly deviceId: string;
  /** Absent when no driver is bound: an administrator's unbind, or a probe that failed. */
  readonly driver?: string;
  /**
   * Absent without a kernel driver, and on functions that own no port: Chelsio's PF0–3 get a management netdev (`mgmtpf0,0`)
   * only while they have VFs (drivers/net/ethernet/chelsio/cxgb4/cxgb4_main.c, cxgb4_iov_configure).
   */
  readonly netdev?: Netdev;
  readonly linkType: LinkType;
  /** Mb/s; −1 when unknown (no carrier), as /sys/class/net/DEV/speed says. */
  readonly linkSpeedMbps: number;
  readonly eswitchMode: EswitchMode;
  readonly totalVfs: number;
  readonly numVfs: number;
  readonly vfs: readonly VfObservation[];
  /** −1 when the firmware names none. */
  readonly numaNode: number;
  readonly rdmaDevices: readonly string[];
  readonly firmwareVersion?: string;
  /** `openstack/NetworkID:…` or `aws/NetworkID:…` on virtual platforms. */
  readonly netFilter?: string;
  /** Carries the host's default route or the node's own address: never a device for pods. */
  readonly holdsDefaultRoute: boolean;
  readonly deviceFiles?: DeviceFiles;
  /** See {@link VfObservation}. */
  readonly acpiIndex?: number;
  readonly pKey?: string;
  /** Package of packet types that the NIC works by, for all of its VFs (`fw.app.name`, Documentation/networking/devlink/ice.rst). */
  readonly ddpProfile?: string;
  /** Present while nothing may touch the PF; the rest is then what can be read without waiting for it. */
  readonly blocked?: Blockage;
}

/** A change of a PF that hangs in the kernel: what holds it up, and what would end that. Both for a person. */
export interface Blockage {
  readonly cause: string;
  readonly remedy: string;
}

/** A processing accelerator: a PCI function of class 0x12 (PCI Code and ID Assignment Specification, "Base Class 12h"), itself or a VF of one. */
export interface AcceleratorObservation {
  readonly pciAddress: PciAddress;
  readonly vendor: string;
  readonly deviceId: string;
  /** Absent when no driver is bound. */
  readonly driver?: string;
  /** Of a VF: the function that it belongs to. */
  readonly pf?: PciAddress;
  /** −1 when the firmware names none. */
  readonly numaNode: number;
  readonly iommuGroup?: number;
  readonly deviceFiles?: DeviceFiles;
}

/**
 * A subfunction of a PF, an auxiliary device with a netdev and RDMA devices of its own (Documentation/networking/devlink/devlink-port.rst,
 * "Subfunction"; mlx5).
 */
export interface SubfunctionObservation {
  /** On the auxiliary bus: `mlx5_core.sf.4`. */
  readonly name: string;
  /** The number that whoever made it gave it, unique for its PF (`sfnum`). */
  readonly sfNumber: number;
  readonly pf: PciAddress;
  /** Absent when it is inside a pod's network namespace, or not active. */
  readonly netdev?: Netdev;
  readonly rdmaDevices: readonly string[];
  readonly holdsDefaultRoute: boolean;
  readonly deviceFiles?: DeviceFiles;
}

/** One node's NICs and accelerators at one moment, each in order of PCI address. */
export interface Inventory {
  readonly pfs: readonly PfObservation[];
  readonly rdmaMode: RdmaMode;
  /** Absent where there are none. */
  readonly accelerators?: readonly AcceleratorObservation[];
  /** By PF, then by number; absent where there are none. */
  readonly subfunctions?: readonly SubfunctionObservation[];
}
