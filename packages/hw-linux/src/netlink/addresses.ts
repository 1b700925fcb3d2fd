import { MalformedMessage, attribute, attributeTable, bytesOf, readU32, u32 } from './attributes.ts';

/** Addresses and routes of rtnetlink (include/uapi/linux/if_addr.h, rtnetlink.h). */

const AF_INET = 2;
const AF_INET6 = 10;
const IFA = { address: 1, local: 2 } as const;
const RTA = { destination: 1, outInterface: 4, gateway: 5, table: 15 } as const;
const TABLE_MAIN = 254;
const SCOPE = { universe: 0, link: 253 } as const;
const ROUTE_UNICAST = 1;
/** Routes that somebody set, not the kernel itself: RTPROT_BOOT as `ip route add` writes, and RTPROT_STATIC. */
const PROTOCOL_BOOT = 3;
const PROTOCOL_STATIC = 4;

/** An address with its prefix, as bytes. */
export interface Prefix {
  readonly family: typeof AF_INET | typeof AF_INET6;
  readonly bytes: Uint8Array;
  readonly length: number;
}

export interface InterfaceAddress extends Prefix {
  readonly index: number;
  readonly scope: number;
}

export interface Route {
  readonly destination: Prefix;
  readonly gateway?: Uint8Array;
  readonly outInterface?: number;
  readonly table: number;
  readonly protocol: number;
}

/** `192.0.2.1/24`, `2001:db8::1/64`, or without a prefix the whole address; undefined for other text. */
export function parsePrefix(value: string): Prefix | undefined {
  const [address, length, ...rest] = value.split('/');
  if (address === undefined || rest.length > 0) return undefined;
  const bytes = address.includes(':') ? parseIpv6(address) : parseIpv4(address);
  if (bytes === undefined) return undefined;
  const bits = bytes.length * 8;
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > bits)) return undefined;
  return { family: bytes.length === 4 ? AF_INET : AF_INET6, bytes, length: length === undefined ? bits : Number(length) };
}

function parseIpv4(value: string): Uint8Array | undefined {
  const parts = value.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255) ? new Uint8Array(parts.map(Number)) : undefined;
}

function parseIpv6(value: string): Uint8Array | undefined {
  const halves = value.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')).flatMap(groupBytes));
  const [head, tail] = [groups[0]!, groups[1] ?? []];
  const known = head.length + tail.length;
  if ([...head, ...tail].some((byte) => Number.isNaN(byte)) || (halves.length === 1 ? known !== 16 : known > 14)) return undefined;
  return new Uint8Array([...head, ...Array.from({ length: 16 - known }, () => 0), ...tail]);
}

function groupBytes(group: string): readonly number[] {
  if (group.includes('.')) return [...(parseIpv4(group) ?? [Number.NaN])];
  if (!/^[0-9a-f]{1,4}$/i.test(group)) return [Number.NaN];
  const value = parseInt(group, 16);
  return [value >> 8, value & 0xff];
}

export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.length === b.length && Buffer.from(a.bytes).equals(b.bytes);
}

export function encodeGetAddresses(): Uint8Array {
  return new Uint8Array(8);
}

export function encodeAddress(index: number, prefix: Prefix): Uint8Array {
  const header = bytesOf(new Uint8Array([prefix.family, prefix.length, 0, SCOPE.universe]), u32(index));
  return bytesOf(header, attribute(IFA.local, prefix.bytes), attribute(IFA.address, prefix.bytes));
}

export function decodeAddress(payload: Uint8Array): InterfaceAddress {
  if (payload.length < 8) throw new MalformedMessage(`address message of ${payload.length} bytes`);
  const table = attributeTable(payload.subarray(8));
  const bytes = table.get(IFA.local) ?? table.get(IFA.address) ?? new Uint8Array();
  // A family of 10 is IPv6; whatever else the kernel may list is of no concern and equals nothing.
  return { family: payload[0] === AF_INET6 ? AF_INET6 : AF_INET, length: payload[1]!, scope: payload[3]!, index: readU32(payload, 4), bytes };
}

/** Addresses that the kernel made by itself are left alone: link-local ones. */
export function isOwnAddress(address: InterfaceAddress): boolean {
  return address.scope !== SCOPE.link;
}

export function encodeGetRoutes(): Uint8Array {
  return new Uint8Array(12);
}

export function encodeRoute(index: number, destination: Prefix, gateway: Uint8Array | undefined): Uint8Array {
  const scope = gateway === undefined && destination.family === AF_INET ? SCOPE.link : SCOPE.universe;
  const header = new Uint8Array([destination.family, destination.length, 0, 0, TABLE_MAIN, PROTOCOL_BOOT, scope, ROUTE_UNICAST, 0, 0, 0, 0]);
  return bytesOf(
    header,
    ...(destination.length === 0 ? [] : [attribute(RTA.destination, maskedBytes(destination))]),
    ...(gateway === undefined ? [] : [attribute(RTA.gateway, gateway)]),
    attribute(RTA.outInterface, u32(index)),
  );
}

/** The kernel refuses destinations with bits beyond the prefix. */
function maskedBytes(prefix: Prefix): Uint8Array {
  return prefix.bytes.map((byte, at) => {
    const bits = Math.min(8, Math.max(0, prefix.length - at * 8));
    return byte & (0xff << (8 - bits));
  });
}

export function decodeRoute(payload: Uint8Array): Route {
  if (payload.length < 12) throw new MalformedMessage(`route message of ${payload.length} bytes`);
  const table = attributeTable(payload.subarray(12));
  const family = payload[0] === AF_INET6 ? AF_INET6 : AF_INET;
  const gateway = table.get(RTA.gateway);
  const outInterface = table.get(RTA.outInterface);
  const tableNumber = table.get(RTA.table);
  return {
    destination: { family, length: payload[1]!, bytes: table.get(RTA.destination) ?? new Uint8Array(family === AF_INET ? 4 : 16) },
    ...(gateway === undefined ? {} : { gateway }),
    ...(outInterface === undefined ? {} : { outInterface: readU32(outInterface) }),
    table: tableNumber === undefined ? payload[4]! : readU32(tableNumber),
    protocol: payload[5]!,
  };
}

export function isDefaultRoute(route: Route): boolean {
  return route.destination.length === 0 && route.table === TABLE_MAIN && route.outInterface !== undefined;
}

/** Set by a person or a program, in the main table. */
export function isSetRoute(route: Route): boolean {
  return route.table === TABLE_MAIN && (route.protocol === PROTOCOL_BOOT || route.protocol === PROTOCOL_STATIC);
}
