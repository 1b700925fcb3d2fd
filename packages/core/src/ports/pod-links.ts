import type { NetnsPath, Netdev } from '../domain/inventory.ts';
import type { PciAddress } from '../domain/pci.ts';
import type { Result } from '../result.ts';
import type { HardwareError } from './hardware.ts';

/** The interface of a device inside of a network namespace, with what is set on it there. */
export interface PodLink {
  readonly netdev: Netdev;
  /** With prefix length; without those that the kernel made by itself (link-local ones). */
  readonly addresses: readonly string[];
  /** Of the main table, set by a person or a program; the destination with prefix length. */
  readonly routes: readonly { readonly dst: string; readonly gw?: string }[];
}

/** An interface of the host that can be the port of a bridge: the representor of a VF. */
export interface HostPort {
  readonly up: boolean;
  /** Bytes. */
  readonly mtu: number;
  /** Name of the bridge, bond or VRF that it is part of. */
  readonly master?: string;
}

/** What is to be set of a {@link HostPort}; what is absent stays. */
export interface HostPortChange {
  readonly up?: boolean;
  readonly mtu?: number;
  /** Name of a bridge of the host; null takes the interface out of whatever it is part of. */
  readonly master?: string | null;
}

/**
 * The interfaces of devices as a pod has them, and what is done to them beyond the steps of `Hardware`. Consumed by pod attachment. Where there
 * is none of it, attachments are as good as `Hardware` makes them: unannounced, and checked from the host's side only.
 */
export interface PodLinks {
  /** Undefined when the device has no interface there, or the namespace is gone. */
  look(device: PciAddress, netns: NetnsPath): Promise<Result<PodLink | undefined, HardwareError>>;
  /** Makes the alternative names of the device's interface these (IFLA_PROP_LIST). Names that another interface of the namespace has are left out. */
  setAltNames(device: PciAddress, netns: NetnsPath, names: readonly string[]): Promise<Result<void, HardwareError>>;
  /**
   * Tells the neighbours that these addresses (with prefix length) are at the device's interface now: an ARP announcement (RFC 5227 §3) for
   * each of IPv4, an unsolicited neighbour advertisement (RFC 4861 §7.2.6) for each of IPv6. `notYet`: the link has no carrier, or the kernel
   * still looks whether somebody else has an address (RFC 4862 §5.4); nothing was sent. `gone`: the interface is not there any more.
   */
  announce(device: PciAddress, netns: NetnsPath, addresses: readonly string[]): Promise<Result<'announced' | 'notYet' | 'gone', HardwareError>>;
  /** Undefined when the host has no interface of this name. */
  port(name: string): Promise<Result<HostPort | undefined, HardwareError>>;
  setPort(name: string, change: HostPortChange): Promise<Result<void, HardwareError>>;
}
