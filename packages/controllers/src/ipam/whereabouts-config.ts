import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { optionalText, parseDns, parseRoutes, textList } from './config.ts';
import { bitsOf, compareIps, formatIp, formatPrefix, ipPlus, lastOf, networkOf, parseIp, parsePrefix, prefixContains } from './ip.ts';
import type { IpAddress, IpPrefix } from './ip.ts';
import type { DnsSettings, IpRoute } from './ipam.ts';
import { slicesOf } from './node-slices.ts';

/** One range of a whereabouts configuration, understood. */
export interface WhereaboutsRange {
  /** As it names the pool: the subnet with its host bits cleared. */
  readonly subnet: IpPrefix;
  readonly start: IpAddress;
  readonly end: IpAddress;
  readonly excluded: readonly IpPrefix[];
}

export interface WhereaboutsConfig {
  readonly ranges: readonly WhereaboutsRange[];
  readonly gateway?: IpAddress;
  /** Networks with a name of their own have pools of their own. */
  readonly networkName: string;
  /** Addresses are unique over all ranges of the cluster. */
  readonly unique: boolean;
  /** Each node gives addresses of its own part of the range out, of this prefix length. */
  readonly sliceLength?: number;
  readonly routes: readonly IpRoute[];
  readonly dns: DnsSettings;
}

/** Reads a whereabouts `ipam` section (whereabouts, doc/extended-configuration.md). The failure is a sentence. */
export function parseWhereabouts(config: JsonObject): Result<WhereaboutsConfig, string> {
  const texts = ['gateway', 'network_name'].map((name) => optionalText(config, name));
  for (const text of texts) if (!text.ok) return text;
  const [gatewayText, networkName] = texts.map((text) => (text.ok ? text.value : undefined));
  const gateway = gatewayText === undefined ? undefined : parseIp(gatewayText);
  if (gateway?.ok === false) return fail(`gateway: ${gateway.error}`);
  if (networkName !== undefined && !/^[a-z0-9][a-z0-9.-]*$/.test(networkName)) return fail(`network_name ${JSON.stringify(networkName)} cannot be part of an object's name`);
  const ranges = rangesOf(config);
  if (!ranges.ok) return ranges;
  const sliceLength = sliceLengthOf(config, ranges.value);
  if (!sliceLength.ok) return sliceLength;
  const routes = parseRoutes(config);
  if (!routes.ok) return routes;
  const dns = parseDns(config);
  if (!dns.ok) return dns;
  const unique = field(config, 'enable_overlapping_ranges') ?? true;
  if (typeof unique !== 'boolean') return fail('"enable_overlapping_ranges" must be true or false');
  return ok({ ranges: ranges.value, networkName: networkName ?? '', unique, routes: routes.value, dns: dns.value, ...(gateway === undefined ? {} : { gateway: gateway.value }), ...(sliceLength.value === undefined ? {} : { sliceLength: sliceLength.value }) });
}

/** `"/28"` or `"28"`. The object that says which node has which slice is one of a range. */
function sliceLengthOf(config: JsonObject, ranges: readonly WhereaboutsRange[]): Result<number | undefined, string> {
  const text = optionalText(config, 'node_slice_size');
  if (!text.ok) return text;
  if (text.value === undefined) return ok(undefined);
  if (!/^\/?\d{1,3}$/.test(text.value)) return fail(`node_slice_size ${JSON.stringify(text.value)} is no prefix length such as "/28"`);
  if (ranges.length > 1) return fail('with "node_slice_size" there is one range only');
  const length = Number(text.value.replace('/', ''));
  const slices = slicesOf(ranges[0]!.subnet, length);
  return slices.ok ? ok(length) : fail(`node_slice_size: ${slices.error}`);
}

function rangesOf(config: JsonObject): Result<readonly WhereaboutsRange[], string> {
  const list = field(config, 'ipRanges');
  const items = [...(field(config, 'range') === undefined ? [] : [config]), ...(isJsonArray(list) ? list.map((item) => asObject(item)) : [])];
  if ((list !== undefined && list !== null && !isJsonArray(list)) || items.includes(undefined)) return fail('"ipRanges" must be a list of {"range": …}');
  if (items.length === 0) return fail('neither "range" nor "ipRanges" is given');
  const ranges: WhereaboutsRange[] = [];
  for (const [index, item] of items.entries()) {
    const range = rangeOf(item!);
    if (!range.ok) return fail(items.length === 1 ? range.error : `range ${index + 1}: ${range.error}`);
    ranges.push(range.value);
  }
  return ok(ranges);
}

function rangeOf(item: JsonObject): Result<WhereaboutsRange, string> {
  const [range, startText, endText] = ['range', 'range_start', 'range_end'].map((name) => optionalText(item, name));
  for (const text of [range!, startText!, endText!]) if (!text.ok) return text;
  const text = range!.ok ? (range!.value ?? '') : '';
  // `10.0.0.5-10.0.0.9/24` is a range and its subnet in one.
  const both = /^([^-/]+)-([^-/]+)(\/\d+)$/.exec(text.replaceAll(' ', ''));
  const prefix = parsePrefix(both === null ? text : `${both[2]}${both[3]}`);
  if (!prefix.ok) return prefix;
  const { address, length } = prefix.value;
  if (length > bitsOf(address.family) - 1) return fail(`${text} is too small to give addresses out`);
  const subnet = { address: networkOf(prefix.value), length };
  const whole = wholeRange(subnet);
  const start = boundary(both?.[1] ?? (startText!.ok ? startText!.value : undefined), whole.start, subnet);
  if (!start.ok) return start;
  const end = boundary(both?.[2] ?? (endText!.ok ? endText!.value : undefined), whole.end, subnet);
  if (!end.ok) return end;
  if (compareIps(end.value, start.value) < 0) return fail(`${formatIp(end.value)} is below ${formatIp(start.value)}`);
  const excluded = excludedOf(item);
  return excluded.ok ? ok({ subnet, start: start.value, end: end.value, excluded: excluded.value }) : excluded;
}

/** Without the address of the subnet itself, and in IPv4 without the one that goes to all. */
export function wholeRange(subnet: IpPrefix): WhereaboutsRange {
  return { subnet, start: ipPlus(subnet.address, 1n), end: subnet.address.family === 4 ? ipPlus(lastOf(subnet), -1n) : lastOf(subnet), excluded: [] };
}

function boundary(text: string | undefined, otherwise: IpAddress, subnet: IpPrefix): Result<IpAddress, string> {
  if (text === undefined) return ok(otherwise);
  const address = parseIp(text);
  if (!address.ok) return address;
  return prefixContains(subnet, address.value) ? address : fail(`${text} is not in ${formatPrefix(subnet)}`);
}

/** Addresses with or without prefix length. */
function excludedOf(item: JsonObject): Result<readonly IpPrefix[], string> {
  const texts = textList(item, 'exclude');
  if (!texts.ok) return texts;
  const excluded: IpPrefix[] = [];
  for (const text of texts.value) {
    const address = text.includes('/') ? undefined : parseIp(text);
    const prefix = address === undefined ? parsePrefix(text) : address.ok ? ok({ address: address.value, length: bitsOf(address.value.family) }) : address;
    if (!prefix.ok) return fail(`exclude: ${prefix.error}`);
    excluded.push({ address: networkOf(prefix.value), length: prefix.value.length });
  }
  return ok(excluded);
}
