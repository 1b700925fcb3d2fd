import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import { asObject, field, isJsonArray } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { optionalText, parseDns, parseRoutes } from './config.ts';
import { formatIp, formatPrefix, parseIp, parsePrefix } from './ip.ts';
import { invalidIpam } from './ipam.ts';
import type { AssignedIp, Ipam, IpamError, IpamRequest, IpamResult } from './ipam.ts';

/**
 * Addresses written down in the configuration, or asked for by the pod, which replaces those of the configuration (static plugin
 * of the CNI project). Nothing is reserved, so nothing is released.
 */
export class StaticIpam implements Ipam {
  async allocate(request: IpamRequest): Promise<Result<IpamResult, IpamError>> {
    const routes = parseRoutes(request.config);
    if (!routes.ok) return invalidIpam(`static: ${routes.error}`);
    const dns = parseDns(request.config);
    if (!dns.ok) return invalidIpam(`static: ${dns.error}`);
    const ips = request.requestedIps.length > 0 ? requestedAddresses(request.requestedIps) : configuredAddresses(request.config);
    if (!ips.ok) return invalidIpam(`static: ${ips.error}`);
    return ok({ ips: ips.value, routes: routes.value, dns: dns.value });
  }

  async release(): Promise<Result<void, IpamError>> {
    return ok(undefined);
  }

  async check(): Promise<Result<void, IpamError>> {
    return ok(undefined);
  }
}

function requestedAddresses(texts: readonly string[]): Result<readonly AssignedIp[], string> {
  const ips: AssignedIp[] = [];
  for (const text of texts) {
    const prefix = parsePrefix(text);
    if (!prefix.ok) return fail(`a requested address needs its prefix length here: ${prefix.error}`);
    ips.push({ address: formatPrefix(prefix.value) });
  }
  return ok(ips);
}

function configuredAddresses(config: JsonObject): Result<readonly AssignedIp[], string> {
  const list = field(config, 'addresses');
  if (!isJsonArray(list) || list.length === 0) return fail('"addresses" names no address, and the pod asks for none');
  const ips: AssignedIp[] = [];
  for (const [index, item] of list.entries()) {
    const object = asObject(item);
    const ip = object === undefined ? fail('must be an object with "address"') : configuredAddress(object);
    if (!ip.ok) return fail(`addresses[${index}]: ${ip.error}`);
    ips.push(ip.value);
  }
  return ok(ips);
}

function configuredAddress(item: JsonObject): Result<AssignedIp, string> {
  const address = optionalText(item, 'address');
  if (!address.ok) return address;
  const prefix = parsePrefix(address.value ?? '');
  if (!prefix.ok) return prefix;
  const gateway = optionalText(item, 'gateway');
  if (!gateway.ok) return gateway;
  if (gateway.value === undefined) return ok({ address: formatPrefix(prefix.value) });
  const parsed = parseIp(gateway.value);
  return parsed.ok ? ok({ address: formatPrefix(prefix.value), gateway: formatIp(parsed.value) }) : fail(`gateway: ${parsed.error}`);
}
