import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';

/** An IP address as a number, so that ranges are arithmetic in both families. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** An address with its prefix length; host bits may be set (`10.0.0.5/24`). */
export interface IpPrefix {
  readonly address: IpAddress;
  readonly length: number;
}

/** Bits of an address: 32 or 128. */
export function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

const OCTET = /^(?:0|[1-9]\d{0,2})$/;

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    // A leading zero is refused as Go's net package does: some readers take it as octal.
    if (!OCTET.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

const GROUP = /^[0-9a-fA-F]{1,4}$/;

function groupsOf(text: string): readonly bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (GROUP.test(part)) {
      groups.push(BigInt(`0x${part}`));
    } else {
      const ipv4 = index === parts.length - 1 ? parseIpv4(part) : undefined;
      if (ipv4 === undefined) return undefined;
      groups.push(ipv4 >> 16n, ipv4 & 0xffffn);
    }
  }
  return groups;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // `::` stands for at least one group (RFC 4291 §2.2); an embedded IPv4 address may only end the whole text.
  if (halves.length === 2 ? missing < 1 || halves[0]!.includes('.') : missing !== 0) return undefined;
  return [...head, ...new Array<bigint>(missing).fill(0n), ...tail].reduce((value, group) => (value << 16n) | group, 0n);
}

const IPV4_MAPPED = 0xffffn << 32n;

/** Parses an IPv4 or IPv6 address (RFC 4291 text form). IPv4-mapped IPv6 addresses are IPv4 addresses. */
export function parseIp(text: string): Result<IpAddress, string> {
  if (text.includes(':')) {
    const value = parseIpv6(text);
    if (value === undefined) return fail(`"${text}" is no IP address`);
    return ok(value >> 32n === 0xffffn ? { family: 4, value: value - IPV4_MAPPED } : { family: 6, value });
  }
  const value = parseIpv4(text);
  return value === undefined ? fail(`"${text}" is no IP address`) : ok({ family: 4, value });
}

/** The canonical text of an address: dotted decimal, or RFC 5952 (longest run of zero groups shortened, lower case). */
export function formatIp(address: IpAddress): string {
  if (address.family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((address.value >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((address.value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const run = longestZeroRun(groups);
  if (run === undefined) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

function longestZeroRun(groups: readonly string[]): { readonly start: number; readonly length: number } | undefined {
  let best: { readonly start: number; readonly length: number } | undefined;
  for (let start = 0; start < groups.length; ) {
    let end = start;
    while (groups[end] === '0') end++;
    if (end - start >= 2 && end - start > (best?.length ?? 0)) best = { start, length: end - start };
    start = Math.max(end, start + 1);
  }
  return best;
}

/** Parses CIDR notation. IPv4-mapped IPv6 prefixes are refused: their length would mean two things. */
export function parsePrefix(text: string): Result<IpPrefix, string> {
  const slash = text.indexOf('/');
  const lengthText = text.slice(slash + 1);
  const problem = `"${text}" is no address with a prefix length; one looks like 10.10.10.0/24 or fd00::/64`;
  if (slash < 0 || !/^(?:0|[1-9]\d{0,2})$/.test(lengthText)) return fail(problem);
  const address = parseIp(text.slice(0, slash));
  if (!address.ok || (address.value.family === 4 && text.slice(0, slash).includes(':'))) return fail(problem);
  const length = Number(lengthText);
  return length > bitsOf(address.value.family) ? fail(problem) : ok({ address: address.value, length });
}

export function formatPrefix(prefix: IpPrefix): string {
  return `${formatIp(prefix.address)}/${prefix.length}`;
}

/** The first address of the prefix: host bits cleared. */
export function networkOf(prefix: IpPrefix): IpAddress {
  const hostBits = BigInt(bitsOf(prefix.address.family) - prefix.length);
  return { family: prefix.address.family, value: (prefix.address.value >> hostBits) << hostBits };
}

/** The last address of the prefix: host bits set (the broadcast address of an IPv4 subnet). */
export function lastOf(prefix: IpPrefix): IpAddress {
  const hostBits = BigInt(bitsOf(prefix.address.family) - prefix.length);
  return { family: prefix.address.family, value: networkOf(prefix).value + (1n << hostBits) - 1n };
}

export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  return prefix.address.family === address.family && address.value >= networkOf(prefix).value && address.value <= lastOf(prefix).value;
}

/** Orders by family, then numerically. */
export function compareIps(a: IpAddress, b: IpAddress): number {
  return a.family - b.family || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
}

export function sameIp(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && a.value === b.value;
}

/** The address `offset` after `address`. The caller keeps it inside a range. */
export function ipPlus(address: IpAddress, offset: bigint): IpAddress {
  return { family: address.family, value: address.value + offset };
}
