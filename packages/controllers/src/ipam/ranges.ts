import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import { bitsOf, compareIps, formatIp, formatPrefix, ipPlus, lastOf, networkOf, parseIp, parsePrefix, prefixContains, sameIp } from './ip.ts';
import type { IpAddress, IpPrefix } from './ip.ts';

/** A span of addresses of one subnet, both ends inclusive, from which addresses are handed out; the gateway is not. */
export interface AddressRange {
  readonly subnet: IpPrefix;
  readonly start: IpAddress;
  readonly end: IpAddress;
  readonly gateway: IpAddress;
}

/** Ranges of one family that do not overlap. A pod gets one address out of each set. */
export type RangeSet = readonly AddressRange[];

/** A range as CNI configurations write it (host-local plugin: `subnet`, `rangeStart`, `rangeEnd`, `gateway`). */
export interface RangeText {
  readonly subnet: string;
  readonly rangeStart?: string;
  readonly rangeEnd?: string;
  readonly gateway?: string;
}

/**
 * Reads a range and fills in what is not said, with host-local's defaults: the gateway is the subnet's first address, the range
 * starts there too and ends before the IPv4 broadcast address (IPv6: at the last address). The failure is one sentence.
 */
export function parseRange(text: RangeText): Result<AddressRange, string> {
  const subnet = parsePrefix(text.subnet);
  if (!subnet.ok) return subnet;
  const { address, length } = subnet.value;
  const network = networkOf(subnet.value);
  if (length > bitsOf(address.family) - 2) return fail(`subnet ${text.subnet} is too small to give addresses out; use /${bitsOf(address.family) - 2} or larger`);
  if (!sameIp(address, network)) return fail(`subnet ${text.subnet} has host bits set; write ${formatIp(network)}/${length}`);
  const first = ipPlus(network, 1n);
  const start = optionalAddress(text.rangeStart, first, subnet.value, 'rangeStart');
  if (!start.ok) return start;
  const lastUsable = address.family === 4 ? ipPlus(lastOf(subnet.value), -1n) : lastOf(subnet.value);
  const end = optionalAddress(text.rangeEnd, lastUsable, subnet.value, 'rangeEnd');
  if (!end.ok) return end;
  if (compareIps(end.value, start.value) < 0) return fail(`rangeEnd ${formatIp(end.value)} is below rangeStart ${formatIp(start.value)}`);
  // A gateway outside the subnet is legal (an on-link route reaches it), so only its form is checked.
  const gateway = text.gateway === undefined ? ok(first) : parseIp(text.gateway);
  if (!gateway.ok) return fail(`gateway: ${gateway.error}`);
  return ok({ subnet: subnet.value, start: start.value, end: end.value, gateway: gateway.value });
}

function optionalAddress(text: string | undefined, otherwise: IpAddress, subnet: IpPrefix, name: string): Result<IpAddress, string> {
  if (text === undefined) return ok(otherwise);
  const address = parseIp(text);
  if (!address.ok) return fail(`${name}: ${address.error}`);
  return prefixContains(subnet, address.value) ? address : fail(`${name} ${text} is not in ${formatPrefix(subnet)}`);
}

export function rangeContains(range: AddressRange, address: IpAddress): boolean {
  return address.family === range.start.family && compareIps(range.start, address) <= 0 && compareIps(address, range.end) <= 0;
}

export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.start.family === b.start.family && compareIps(a.start, b.end) <= 0 && compareIps(b.start, a.end) <= 0;
}

/** The range of a set that holds `address`. */
export function rangeFor(set: RangeSet, address: IpAddress): AddressRange | undefined {
  return set.find((range) => rangeContains(range, address));
}

/** Parses a set and checks that its ranges are of one family and apart from each other. */
export function parseRangeSet(texts: readonly RangeText[]): Result<RangeSet, string> {
  if (texts.length === 0) return fail('a range set must name at least one range');
  const ranges: AddressRange[] = [];
  for (const text of texts) {
    const range = parseRange(text);
    if (!range.ok) return range;
    if (ranges[0] !== undefined && ranges[0].start.family !== range.value.start.family) return fail('a range set must not mix IPv4 and IPv6; put them into two sets');
    const overlapping = ranges.find((other) => rangesOverlap(other, range.value));
    if (overlapping !== undefined) return fail(`ranges ${formatRange(overlapping)} and ${formatRange(range.value)} overlap`);
    ranges.push(range.value);
  }
  return ok(ranges);
}

export function formatRange(range: AddressRange): string {
  return `${formatIp(range.start)}-${formatIp(range.end)}`;
}

export interface Candidate {
  readonly address: IpAddress;
  readonly range: AddressRange;
}

/**
 * Every address of the set that may be handed out, once, beginning after `last` and wrapping around: a container that restarts
 * in a loop does not see the same address again until all were used. Gateways and `excluded` are left out. Lazy, since an IPv6
 * range does not fit into memory.
 */
export function* candidates(set: RangeSet, last: IpAddress | undefined, excluded: (address: IpAddress) => boolean = () => false): Generator<Candidate> {
  const startIndex = last === undefined ? -1 : set.findIndex((range) => rangeContains(range, last));
  const origin = startIndex < 0 ? 0 : startIndex;
  const resumeAt = startIndex < 0 || last === undefined ? set[0]!.start : ipPlus(last, 1n);
  const turns = set.length + 1;
  for (let turn = 0; turn < turns; turn++) {
    const range = set[(origin + turn) % set.length]!;
    // The first turn takes the rest of the range in which we resume, the last turn what lies before that.
    const from = turn === 0 ? resumeAt : range.start;
    const to = turn === set.length ? ipPlus(resumeAt, -1n) : range.end;
    for (let address = from; compareIps(address, to) <= 0; address = ipPlus(address, 1n)) {
      if (!sameIp(address, range.gateway) && !excluded(address)) yield { address, range };
    }
  }
}
