import { attribute, bytesOf, nested, text, u16, u32, u8 } from './attributes.ts';
import { linkHeader } from './link.ts';

/** Links that exist in software only: how they are made, named and taken away (include/uapi/linux/if_link.h, veth.h). */

const IFLA = { address: 1, name: 3, mtu: 4, link: 5, master: 10, linkInfo: 18, alias: 20, afSpec: 26, group: 27 } as const;
const INFO = { kind: 1, data: 2 } as const;
const VETH_PEER = 1;
const BRIDGE_SNOOPING = 23;
const VLAN = { id: 1, protocol: 5 } as const;
const AF_INET6 = 10;
const INET6_ADDRESS_GENERATION = 8;
const ADDRESS_GENERATION_NONE = 1;
const ETH_P = { '802.1q': 0x8100, '802.1ad': 0x88a8 } as const;

/** Largest alias: IFALIASZ counts the closing zero (include/uapi/linux/if.h). */
export const ALIAS_BYTES_MAX = 255;

export interface NewLink {
  readonly name: string;
  readonly mtu: number;
  /** Drawn by the kernel when left out. */
  readonly mac?: Uint8Array;
  /** Links of one group can be removed by one message. */
  readonly group?: number;
}

function named({ name, mtu, mac, group }: NewLink): Uint8Array {
  return bytesOf(attribute(IFLA.name, text(name)), attribute(IFLA.mtu, u32(mtu)), ...(mac === undefined ? [] : [attribute(IFLA.address, mac)]), ...(group === undefined ? [] : [attribute(IFLA.group, u32(group))]));
}

function ofKind(kind: string, ...data: readonly Uint8Array[]): Uint8Array {
  return nested(IFLA.linkInfo, attribute(INFO.kind, text(kind)), ...(data.length === 0 ? [] : [nested(INFO.data, ...data)]));
}

/** Two ends of one cable, in one message: neither is ever there without the other. */
export function encodeVethPair(link: NewLink, peer: NewLink): Uint8Array {
  return bytesOf(linkHeader(0), named(link), ofKind('veth', nested(VETH_PEER, linkHeader(0), named(peer))));
}

/** A bridge that passes multicast on to everybody, as nobody on it asks for groups. */
export function encodeBridge(link: NewLink): Uint8Array {
  return bytesOf(linkHeader(0), named(link), ofKind('bridge', attribute(BRIDGE_SNOOPING, u8(0))));
}

/** An intermediate functional block: what is redirected to it goes through its queue and then on. */
export function encodeIfb(link: NewLink): Uint8Array {
  return bytesOf(linkHeader(0), named(link), ofKind('ifb'));
}

/** The frames of `lower` with one VLAN tag, without the tag. */
export function encodeVlan(link: NewLink, lower: number, vlan: { readonly id: number; readonly protocol: '802.1q' | '802.1ad' }): Uint8Array {
  const protocol = ETH_P[vlan.protocol];
  // The protocol is in network byte order.
  const data = [attribute(VLAN.id, u16(vlan.id)), attribute(VLAN.protocol, new Uint8Array([protocol >> 8, protocol & 0xff]))];
  return bytesOf(linkHeader(0), named(link), attribute(IFLA.link, u32(lower)), ofKind('vlan', ...data));
}

export function encodeDeleteLink(index: number): Uint8Array {
  return linkHeader(index);
}

/** All links of a group at once: the kernel waits for its readers once, and not for each. */
export function encodeDeleteGroup(group: number): Uint8Array {
  return bytesOf(linkHeader(0), attribute(IFLA.group, u32(group)));
}

/** Free text that the kernel keeps with a link, also when it moves to another namespace. */
export function encodeAlias(index: number, alias: string): Uint8Array {
  // Without a closing zero: the kernel counts it as a character.
  return bytesOf(linkHeader(index), attribute(IFLA.alias, new TextEncoder().encode(alias)));
}

/** Makes it a port of `master`; 0 takes it out. */
export function encodeMaster(index: number, master: number): Uint8Array {
  return bytesOf(linkHeader(index), attribute(IFLA.master, u32(master)));
}

/** No link-local address of its own when it goes up. */
export function encodeWithoutOwnAddress(index: number): Uint8Array {
  return bytesOf(linkHeader(index), nested(IFLA.afSpec, nested(AF_INET6, attribute(INET6_ADDRESS_GENERATION, u8(ADDRESS_GENERATION_NONE)))));
}
