import { bytesOf } from '../netlink/attributes.ts';
import type { Prefix } from '../netlink/addresses.ts';

/** Frames that tell neighbours where an address is now, whole, as they go over an Ethernet. */

const ETHERNET_BROADCAST = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
/** 33:33 and the last four bytes of ff02::1 (RFC 2464 §7). */
const ETHERNET_ALL_NODES = new Uint8Array([0x33, 0x33, 0, 0, 0, 1]);
const ALL_NODES = new Uint8Array([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
const ETH_P_ARP = 0x0806;
const ETH_P_IPV6 = 0x86dd;
const ARP_ETHERNET = 1;
const ARP_IPV4 = 0x0800;
const ARP_REQUEST = 1;
const ICMPV6 = 58;
const NEIGHBOUR_ADVERTISEMENT = 136;
/** What neighbours know is to be replaced; not from a router, not asked for. */
const OVERRIDE = 0x20;
const OPTION_TARGET_MAC = 2;
const HOP_LIMIT = 255;
const ICMPV6_BYTES = 32;

export function announcement(address: Prefix, mac: Uint8Array): Uint8Array {
  return address.bytes.length === 4 ? arpAnnouncement(address.bytes, mac) : neighbourAdvertisement(address.bytes, mac);
}

function word(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value & 0xff]);
}

/** A request in which sender and target are the address itself (RFC 5227 §3; the kernel's own arp_notify sends the same). */
function arpAnnouncement(address: Uint8Array, mac: Uint8Array): Uint8Array {
  const arp = bytesOf(word(ARP_ETHERNET), word(ARP_IPV4), new Uint8Array([mac.length, address.length]), word(ARP_REQUEST), mac, address, new Uint8Array(mac.length), address);
  // An Ethernet frame has 60 bytes at least; not every driver pads.
  return padded(bytesOf(ETHERNET_BROADCAST, mac, word(ETH_P_ARP), arp));
}

/** RFC 4861 §4.4, to all nodes of the link (§7.2.6). */
function neighbourAdvertisement(address: Uint8Array, mac: Uint8Array): Uint8Array {
  const option = bytesOf(new Uint8Array([OPTION_TARGET_MAC, 1]), mac);
  const without = bytesOf(new Uint8Array([NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, OVERRIDE, 0, 0, 0]), address, option);
  const pseudo = bytesOf(address, ALL_NODES, new Uint8Array([0, 0, 0, ICMPV6_BYTES, 0, 0, 0, ICMPV6]));
  const message = without.slice();
  message.set(word(checksum(bytesOf(pseudo, without))), 2);
  const header = bytesOf(new Uint8Array([0x60, 0, 0, 0]), word(message.length), new Uint8Array([ICMPV6, HOP_LIMIT]), address, ALL_NODES);
  return bytesOf(ETHERNET_ALL_NODES, mac, word(ETH_P_IPV6), header, message);
}

/** The internet checksum (RFC 1071) of an even number of bytes. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function padded(frame: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.max(60, frame.length));
  whole.set(frame);
  return whole;
}
