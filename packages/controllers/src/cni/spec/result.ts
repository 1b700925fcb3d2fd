import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import { asObject, field, isJsonArray } from '../../json/fields.ts';
import type { JsonObject } from '../../json/fields.ts';
import { parsePrefix } from '../../ipam/ip.ts';
import { isAtLeast } from './versions.ts';
import type { CniVersion } from './versions.ts';

/**
 * A result of ADD in the form of the newest version (CNI specification 1.1.0 §"ADD success"). What other plugins put in is kept as it
 * came: a plugin in a chain hands on more than it understands.
 */
export interface SpecResult {
  readonly interfaces: readonly JsonObject[];
  /** `interface` is an index into `interfaces`. */
  readonly ips: readonly JsonObject[];
  readonly routes: readonly JsonObject[];
  readonly dns: JsonObject;
}

export const emptyResult: SpecResult = { interfaces: [], ips: [], routes: [], dns: {} };

/** Fields that came with 1.1.0: readers of older versions refuse or misread them. */
const NEW_INTERFACE_FIELDS = ['mtu', 'socketPath', 'pciID'];
const NEW_ROUTE_FIELDS = ['mtu', 'advmss', 'priority', 'table', 'scope'];

/** Reads a result or a `prevResult` that was written for `version`. The failure is a sentence. */
export function parseResult(value: unknown, version: CniVersion): Result<SpecResult, string> {
  const object = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  if (object === undefined) return fail('it is no JSON object');
  if (!isAtLeast(version, '0.3.0')) return parseOldResult(object);
  const lists: Record<'interfaces' | 'ips' | 'routes', readonly JsonObject[]> = { interfaces: [], ips: [], routes: [] };
  for (const name of ['interfaces', 'ips', 'routes'] as const) {
    const list = listOf(object, name);
    if (!list.ok) return list;
    lists[name] = list.value;
  }
  const ips: JsonObject[] = [];
  for (const [index, ip] of lists.ips.entries()) {
    const { version: _, ...rest } = ip;
    const address = field(rest, 'address');
    if (typeof address !== 'string' || !parsePrefix(address).ok) return fail(`ips[${index}] has no address with a prefix length`);
    const at = field(rest, 'interface');
    // Some plugins of 0.3 wrote −1 for "none".
    if (at !== undefined && at !== null && (typeof at !== 'number' || !Number.isInteger(at) || at >= lists.interfaces.length)) return fail(`ips[${index}] is of an interface that is not listed`);
    ips.push(rest);
  }
  return ok({ ...lists, ips, dns: asObject(field(object, 'dns')) ?? {} });
}

/** 0.1.0 and 0.2.0: one address a family, routes beside it, no interfaces. */
function parseOldResult(object: JsonObject): Result<SpecResult, string> {
  const ips: JsonObject[] = [];
  const routes: JsonObject[] = [];
  for (const name of ['ip4', 'ip6']) {
    const value = field(object, name);
    if (value === undefined || value === null) continue;
    const family = asObject(value);
    const address = family === undefined ? undefined : field(family, 'ip');
    if (family === undefined || typeof address !== 'string' || !parsePrefix(address).ok) return fail(`"${name}" has no address with a prefix length`);
    const gateway = field(family, 'gateway');
    ips.push({ address, ...(typeof gateway === 'string' ? { gateway } : {}) });
    const list = listOf(family, 'routes');
    if (!list.ok) return list;
    routes.push(...list.value);
  }
  return ok({ interfaces: [], ips, routes, dns: asObject(field(object, 'dns')) ?? {} });
}

function listOf(object: JsonObject, name: string): Result<readonly JsonObject[], string> {
  const value = field(object, name);
  if (value === undefined || value === null) return ok([]);
  const items = isJsonArray(value) ? value.map((item) => asObject(item)) : [undefined];
  return items.includes(undefined) ? fail(`"${name}" is no list of objects`) : ok(items as readonly JsonObject[]);
}

/** Writes a result for readers of `version`; what that version has no words for is left out. */
export function formatResult(result: SpecResult, version: CniVersion): JsonObject {
  if (!isAtLeast(version, '0.3.0')) return formatOldResult(result, version);
  const newest = isAtLeast(version, '1.1.0');
  const interfaces = newest ? result.interfaces : result.interfaces.map((one) => without(one, NEW_INTERFACE_FIELDS));
  const routes = newest ? result.routes : result.routes.map((one) => without(one, NEW_ROUTE_FIELDS));
  // Before 1.0.0 an address said its family, and readers insist on it.
  const ips = isAtLeast(version, '1.0.0') ? result.ips : result.ips.map((ip) => ({ version: isIpv6(ip) ? '6' : '4', ...ip }));
  return {
    cniVersion: version,
    ...(interfaces.length === 0 ? {} : { interfaces }),
    ...(ips.length === 0 ? {} : { ips }),
    ...(routes.length === 0 ? {} : { routes }),
    dns: result.dns,
  };
}

function formatOldResult(result: SpecResult, version: CniVersion): JsonObject {
  const families = [['ip4', false], ['ip6', true]] as const;
  const old: Record<string, JsonObject> = {};
  for (const [name, six] of families) {
    const ip = result.ips.find((one) => isIpv6(one) === six);
    if (ip === undefined) continue;
    const gateway = field(ip, 'gateway');
    const routes = result.routes.filter((route) => String(field(route, 'dst') ?? '').includes(':') === six).map((route) => without(route, NEW_ROUTE_FIELDS));
    old[name] = { ip: field(ip, 'address') ?? '', ...(gateway === undefined ? {} : { gateway }), ...(routes.length === 0 ? {} : { routes }) };
  }
  return { cniVersion: version, ...old, dns: result.dns };
}

function isIpv6(ip: JsonObject): boolean {
  return String(field(ip, 'address') ?? '').includes(':');
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** One plugin's result after what the chain had before it: its interfaces come last, and its addresses point at them there. */
export function mergedResult(before: SpecResult, own: SpecResult): SpecResult {
  const offset = before.interfaces.length;
  const ips = own.ips.map((ip) => {
    const at = field(ip, 'interface');
    return typeof at === 'number' && at >= 0 ? { ...ip, interface: at + offset } : ip;
  });
  return {
    interfaces: [...before.interfaces, ...own.interfaces], ips: [...before.ips, ...ips], routes: [...before.routes, ...own.routes],
    dns: Object.keys(own.dns).length > 0 ? own.dns : before.dns,
  };
}
