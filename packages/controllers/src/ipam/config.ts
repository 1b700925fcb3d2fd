import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { formatIp, formatPrefix, parseIp, parsePrefix } from './ip.ts';
import type { DnsSettings, IpRoute } from './ipam.ts';

/** A field that must be a string when present; an empty one counts as absent, as it does for the Go plugins. */
export function optionalText(object: JsonObject, name: string): Result<string | undefined, string> {
  const value = field(object, name);
  if (value === undefined || value === null || value === '') return ok(undefined);
  return typeof value === 'string' ? ok(value) : fail(`${name} must be a string`);
}

/** A field that must be a list of strings when present. */
export function textList(object: JsonObject, name: string): Result<readonly string[], string> {
  const value = field(object, name);
  if (value === undefined || value === null) return ok([]);
  if (!isJsonArray(value)) return fail(`${name} must be a list of strings`);
  const texts = value.filter((item) => typeof item === 'string');
  return texts.length === value.length ? ok(texts) : fail(`${name} must be a list of strings`);
}

/** `routes` of an ipam section: `[{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}]`. */
export function parseRoutes(config: JsonObject): Result<readonly IpRoute[], string> {
  const value = field(config, 'routes');
  if (value === undefined || value === null) return ok([]);
  if (!isJsonArray(value)) return fail('routes must be a list of {"dst": …, "gw": …}');
  const routes: IpRoute[] = [];
  for (const [index, item] of value.entries()) {
    const object = asObject(item);
    const route = object === undefined ? fail('must be an object with "dst"') : parseRoute(object);
    if (!route.ok) return fail(`routes[${index}]: ${route.error}`);
    routes.push(route.value);
  }
  return ok(routes);
}

function parseRoute(item: JsonObject): Result<IpRoute, string> {
  const dst = optionalText(item, 'dst');
  if (!dst.ok) return dst;
  if (dst.value === undefined) return fail('"dst" is missing');
  const prefix = parsePrefix(dst.value);
  if (!prefix.ok) return fail(`dst: ${prefix.error}`);
  const gw = optionalText(item, 'gw');
  if (!gw.ok) return gw;
  if (gw.value === undefined) return ok({ dst: formatPrefix(prefix.value) });
  const gateway = parseIp(gw.value);
  if (!gateway.ok) return fail(`gw: ${gateway.error}`);
  return ok({ dst: formatPrefix(prefix.value), gw: formatIp(gateway.value) });
}

/** `dns` of an ipam section. */
export function parseDns(config: JsonObject): Result<DnsSettings, string> {
  const value = field(config, 'dns');
  if (value === undefined || value === null) return ok({});
  const object = asObject(value);
  if (object === undefined) return fail('dns must be an object');
  const domain = optionalText(object, 'domain');
  if (!domain.ok) return fail(`dns.${domain.error}`);
  const lists: Record<string, readonly string[]> = {};
  for (const name of ['nameservers', 'search', 'options']) {
    const list = textList(object, name);
    if (!list.ok) return fail(`dns.${list.error}`);
    if (list.value.length > 0) lists[name] = list.value;
  }
  return ok({ ...lists, ...(domain.value === undefined ? {} : { domain: domain.value }) });
}

/** What a resolv.conf(5) file says, as far as CNI reports it. Later `domain` and `search` lines win, as the resolver has it. */
export function parseResolvConf(text: string): DnsSettings {
  const nameservers: string[] = [];
  const options: string[] = [];
  let search: readonly string[] = [];
  let domain: string | undefined;
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (words.length === 0) continue;
    if (keyword === 'nameserver') nameservers.push(words[0]!);
    else if (keyword === 'domain') domain = words[0]!;
    else if (keyword === 'search') search = words;
    else if (keyword === 'options') options.push(...words);
  }
  return {
    ...(nameservers.length > 0 ? { nameservers } : {}),
    ...(domain === undefined ? {} : { domain }),
    ...(search.length > 0 ? { search } : {}),
    ...(options.length > 0 ? { options } : {}),
  };
}
