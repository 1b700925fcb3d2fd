import type { EswitchMode, Inventory, NetnsPath, RdmaMode, VdpaType, VfLinkState, VlanProtocol } from '../domain/inventory.ts';
import type { PciAddress } from '../domain/pci.ts';
import type { VfSight } from '../domain/vf-sight.ts';
import type { Result } from '../result.ts';

/** What a step failed of: the kernel's errno, classified by what it means for that step. */
export type HardwareErrorCode =
  | 'busy' // EBUSY: numvfs N→M without 0, a driver already bound, an open vfio group, an interface that is up
  | 'outOfRange' // ERANGE: more VFs than sriov_totalvfs
  | 'invalid' // EINVAL: a value this driver refuses
  | 'unsupported' // EOPNOTSUPP, EPROTONOSUPPORT, ENOTTY, ENOENT of an attribute: this device or driver has no such thing
  | 'gone' // ENODEV, ENXIO: device, driver or interface is not there (any more)
  | 'noSpace' // ENOSPC: MSI-X vectors, bus numbers or hardware filters exhausted
  | 'noMemory' // ENOMEM: no MMIO window (pci=realloc) or no memory
  | 'exists' // EEXIST: a name is taken
  | 'addressTaken' // EADDRNOTAVAIL: the PF fixed another MAC for this VF
  | 'denied' // EACCES, EPERM, EROFS
  | 'timeout' // the kernel did not finish within the step's deadline
  | 'blocked' // an earlier write is still stuck in the kernel; the PF must not be touched
  | 'io'; // anything else

export interface HardwareError {
  readonly code: HardwareErrorCode;
  /** The step that failed; absent when discovery failed. */
  readonly step?: HardwareStep;
  readonly device: PciAddress | 'host';
  /** As in errno.h, for example `EBUSY`; absent when no system call failed (timeouts). */
  readonly errno?: string;
  /** What happened, in one sentence a person understands. */
  readonly cause: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** What to set of a VF (IFLA_VFINFO_LIST); only what is present is set. Rates in Mb/s. */
export interface VfChange {
  readonly vfIndex: number;
  readonly mac?: string;
  readonly vlan?: { readonly id: number; readonly qos: number; readonly protocol: VlanProtocol };
  readonly spoofCheck?: boolean;
  readonly trust?: boolean;
  readonly rates?: { readonly minTxMbps: number; readonly maxTxMbps: number };
  readonly linkState?: VfLinkState;
  readonly nodeGuid?: string;
  readonly portGuid?: string;
}

/** One change to one device: the unit that is journalled, retried and rolled back. Device addresses are PF or VF addresses as named. */
export type HardwareStep =
  /** `sriov_numvfs`. Going from N to M, both non-zero, is `busy`: write 0 first. */
  | { readonly kind: 'setNumVfs'; readonly pf: PciAddress; readonly count: number }
  /** `sriov_drivers_autoprobe`: whether new VFs are offered to drivers. */
  | { readonly kind: 'setDriversAutoprobe'; readonly pf: PciAddress; readonly enabled: boolean }
  | { readonly kind: 'setEswitchMode'; readonly pf: PciAddress; readonly mode: EswitchMode }
  /** Binds by driver_override and probe, then re-reads the driver link. `driver: 'default'` clears the override. */
  | { readonly kind: 'bindDriver'; readonly device: PciAddress; readonly driver: 'default' | (string & {}) }
  | { readonly kind: 'unbindDriver'; readonly device: PciAddress }
  /** Attributes of one VF through the PF. */
  | ({ readonly kind: 'setVf'; readonly pf: PciAddress } & VfChange)
  /**
   * Attributes of several VFs, in one request where the backend has such: in the order of the list up to the first refusal (Linux
   * net/core/rtnetlink.c, do_setlink). What came before it stays, what comes after it is not begun, and the error's `step` is the
   * `setVf` that was refused. A backend may begin anew from the first to learn which that is.
   */
  | { readonly kind: 'setVfs'; readonly pf: PciAddress; readonly vfs: readonly VfChange[] }
  | { readonly kind: 'setMtu'; readonly device: PciAddress; readonly netns: NetnsPath; readonly mtu: number }
  | { readonly kind: 'setLink'; readonly device: PciAddress; readonly netns: NetnsPath; readonly up: boolean }
  /** The effective MAC of the device's own netdev (not the administrative one the PF sets). */
  | { readonly kind: 'setNetdevMac'; readonly device: PciAddress; readonly netns: NetnsPath; readonly mac: string }
  | { readonly kind: 'renameNetdev'; readonly device: PciAddress; readonly netns: NetnsPath; readonly name: string }
  /** Moves the device's netdev; `name` renames it on arrival (IFLA_IFNAME with IFLA_NET_NS_FD). */
  | { readonly kind: 'moveNetdev'; readonly device: PciAddress; readonly from: NetnsPath; readonly to: NetnsPath; readonly name?: string }
  | { readonly kind: 'setAddresses'; readonly device: PciAddress; readonly netns: NetnsPath; readonly addresses: readonly string[]; readonly routes: readonly { readonly dst: string; readonly gw?: string }[] }
  /** ethtool feature, for example `hw-tc-offload`. */
  | { readonly kind: 'setFeature'; readonly device: PciAddress; readonly feature: string; readonly enabled: boolean }
  | { readonly kind: 'setDevlinkParam'; readonly pf: PciAddress; readonly name: string; readonly value: string | number | boolean }
  | { readonly kind: 'createVdpa'; readonly device: PciAddress; readonly type: VdpaType }
  | { readonly kind: 'deleteVdpa'; readonly device: PciAddress }
  | { readonly kind: 'setRdmaMode'; readonly mode: RdmaMode }
  /**
   * Moves an RDMA device of the function, by its name (`mlx5_2`), in the mode `exclusive`: it does not follow the netdev, and comes back by
   * itself when its namespace goes (Linux drivers/infiniband/core/device.c, rdma_dev_change_netns).
   */
  | { readonly kind: 'moveRdma'; readonly device: PciAddress; readonly rdmaDevice: string; readonly from: NetnsPath; readonly to: NetnsPath };

/** Something the hardware or kernel told us without being asked (uevent, rtnetlink, devlink). */
export type HardwareEvent =
  | { readonly kind: 'link'; readonly device: PciAddress; readonly carrier: boolean }
  | { readonly kind: 'added'; readonly device: PciAddress }
  | { readonly kind: 'removed'; readonly device: PciAddress }
  | { readonly kind: 'driver'; readonly device: PciAddress; readonly driver?: string }
  | { readonly kind: 'changed'; readonly device: PciAddress }
  /** Events were lost (netlink overrun): discover again. */
  | { readonly kind: 'resync' };

export interface Subscription {
  stop(): void;
}

/**
 * One node's NICs. Consumed by the config daemon, the device plugin and pod attachment; implemented by hw-linux and hw-sim.
 * Steps on one PF are serialised by the caller; steps on different PFs may run at the same time.
 */
export interface Hardware {
  discover(): Promise<Result<Inventory, HardwareError>>;
  /**
   * One VF, without looking at the others: what `discover` would tell of it at this moment, at the cost of that VF alone. Undefined when
   * the node has no such VF.
   */
  lookAtVf(device: PciAddress): Promise<Result<VfSight | undefined, HardwareError>>;
  apply(step: HardwareStep): Promise<Result<void, HardwareError>>;
  watch(listener: (event: HardwareEvent) => void): Subscription;
}
