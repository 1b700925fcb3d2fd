import { MalformedMessage, attribute, attributeTable, bytesOf, nested, readMac, u16, u32, u8, viewOf } from './attributes.ts';

/** Ports of bridges and their forwarding tables (include/uapi/linux/if_link.h, neighbour.h). */

export const RTM_SETLINK = 19;
export const RTM_NEIGHBOUR = { make: 28, remove: 29, get: 30 } as const;
const AF_BRIDGE = 7;
const IFLA_PROTINFO = 12;
const PORT = { learning: 8, unicastFlood: 9, flush: 24, locked: 39 } as const;
const NEIGHBOUR_BYTES = 12;
const NDA_LLADDR = 2;
const NUD_NOARP = 0x40;
const NTF_MASTER = 0x4;

export interface PortFlags {
  /** Source addresses of frames that come in are learned. */
  readonly learning: boolean;
  /** Frames for addresses that nobody knows go out. */
  readonly unicastFlood: boolean;
  /** Frames that come in from an address that the table does not have at this port are dropped; since Linux 5.18. */
  readonly locked: boolean;
}

/** What was learned at a port that learns nothing is forgotten: it would pass for an address that was set. */
export function encodePortFlags(index: number, flags: PortFlags): Uint8Array {
  const header = bytesOf(new Uint8Array([AF_BRIDGE, 0]), u16(0), u32(index), u32(0), u32(0));
  const flag = (type: number, on: boolean) => attribute(type, u8(on ? 1 : 0));
  const forget = flags.learning ? [] : [attribute(PORT.flush, new Uint8Array())];
  return bytesOf(header, nested(IFLA_PROTINFO, flag(PORT.learning, flags.learning), flag(PORT.unicastFlood, flags.unicastFlood), flag(PORT.locked, flags.locked), ...forget));
}

/** An address that was set by hand, on a port of a bridge. */
export interface PortAddress {
  readonly port: number;
  readonly mac: string;
  /** Set by hand, as opposed to learned, or the port's own. */
  readonly isStatic: boolean;
}

export function encodePortAddress(port: number, mac: Uint8Array): Uint8Array {
  return bytesOf(new Uint8Array([AF_BRIDGE, 0, 0, 0]), u32(port), u16(NUD_NOARP), new Uint8Array([NTF_MASTER, 0]), attribute(NDA_LLADDR, mac));
}

/** All tables of all bridges: the kernel takes this length for the older of two headers, which filters nothing. */
export function encodeGetPortAddresses(): Uint8Array {
  const header = new Uint8Array(NEIGHBOUR_BYTES);
  header[0] = AF_BRIDGE;
  return header;
}

export function decodePortAddress(payload: Uint8Array): PortAddress {
  if (payload.length < NEIGHBOUR_BYTES) throw new MalformedMessage(`neighbour message of ${payload.length} bytes`);
  const view = viewOf(payload);
  const mac = attributeTable(payload.subarray(NEIGHBOUR_BYTES)).get(NDA_LLADDR);
  return { port: view.getInt32(4, true), mac: mac === undefined ? '' : readMac(mac), isStatic: (view.getUint16(8, true) & NUD_NOARP) !== 0 };
}
