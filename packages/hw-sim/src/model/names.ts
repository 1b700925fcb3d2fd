import type { LinkType } from '@vfleet/core';

/** Longest interface name: IFNAMSIZ is 16 with the closing zero (include/uapi/linux/if.h). */
export const INTERFACE_NAME_MAX = 15;

/** What the kernel takes as an interface name (net/core/dev.c dev_valid_name). */
export function isInterfaceName(name: string): boolean {
  return name !== '' && name.length <= INTERFACE_NAME_MAX && name !== '.' && name !== '..' && !/[/:\s]/.test(name);
}

/** Where a PF sits, as far as predictable names care (systemd.net-naming-scheme). */
export interface NamingPlace {
  readonly linkType: LinkType;
  readonly domain: number;
  readonly routingId: number;
  /** Hotplug slot number that the firmware reports; absent when it reports none. */
  readonly slot?: number;
  /** The card has more than one function. */
  readonly multiFunction: boolean;
  /** Port number that the driver reports as phys_port_name `p<n>`. */
  readonly port?: number;
}

/** The predictable name of a PF: `ens801f0`, `enp94s0f1np1`, `enP1p2s0f0`. Falls back to the shorter path form when too long. */
export function pfNetdevName(place: NamingPlace): string {
  const prefix = place.linkType === 'IB' ? 'ib' : 'en';
  const domain = place.domain === 0 ? '' : `P${place.domain}`;
  const at = place.slot === undefined ? `p${place.routingId >> 8}s${(place.routingId >> 3) & 0x1f}` : `s${place.slot}`;
  const functionNumber = place.multiFunction ? `f${place.routingId & 7}` : '';
  const port = place.port === undefined ? '' : `np${place.port}`;
  const full = `${prefix}${domain}${at}${functionNumber}${port}`;
  return full.length <= INTERFACE_NAME_MAX ? full : `${prefix}${domain}${at}${functionNumber}`;
}

/** What VF names build on: the PF's predictable name without its port (systemd: `v<n>` follows the function number). */
export function vfNameBase(pfName: string, pathName: string): string {
  const stripped = /^(?:en|ib)/.test(pfName) ? pfName.replace(/np\d+$/, '') : pathName;
  return stripped.length + 'v255'.length <= INTERFACE_NAME_MAX ? stripped : pathName;
}

/** A VF's netdev at its birth: `ens801f0v3`. */
export function vfNetdevName(base: string, index: number): string {
  return `${base}v${index}`;
}

/** A subfunction's netdev: `ens801f0s3` (systemd.net-naming-scheme v251 and newer), with the PF's bus and function where that is too long. */
export function subfunctionName({ name, pciAddress }: { readonly name: string; readonly pciAddress: string }, sfNumber: number): string {
  const full = `${name.replace(/np\d+$/, '')}s${sfNumber}`;
  return full.length <= INTERFACE_NAME_MAX ? full : `sf${pciAddress.replace(/[:.]/g, '').slice(3)}s${sfNumber}`;
}

/** A representor's netdev as the operator's udev rule names it, from phys_port_name pf0vf3: `ens801f0_3`. */
export function representorName(pfName: string, index: number): string {
  const full = `${pfName}_${index}`;
  return full.length <= INTERFACE_NAME_MAX ? full : `${pfName.replace(/np\d+$/, '')}_${index}`;
}

/** RDMA device name by rdma-core's persistent rule: `rocep129s0f0`, VFs with `v<n>`, InfiniBand as `ibp…`. */
export function rdmaDeviceName(linkType: LinkType, domain: number, routingId: number, vfIndex?: number): string {
  const prefix = linkType === 'IB' ? 'ib' : 'roce';
  const path = `${domain === 0 ? '' : `P${domain}`}p${routingId >> 8}s${(routingId >> 3) & 0x1f}f${routingId & 7}`;
  return `${prefix}${path}${vfIndex === undefined ? '' : `v${vfIndex}`}`;
}
