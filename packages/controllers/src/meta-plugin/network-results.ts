import type { NetworkStatus } from '@vfleet/core';
import { emptyResult } from '../cni/spec/result.ts';
import type { SpecResult } from '../cni/spec/result.ts';
import { field } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';

/** The entry of the network status for the cluster's own network, as Multus has it. */
export function statusOfResult(network: string, ifname: string, { interfaces, ips, routes, dns }: SpecResult): NetworkStatus {
  // Others in a result, a bridge or a veth's end on the host, have no sandbox.
  const own = interfaces.findLastIndex((one) => field(one, 'name') === ifname && hasText(one, 'sandbox'));
  const [mac, mtu] = own < 0 ? [] : [field(interfaces[own]!, 'mac'), field(interfaces[own]!, 'mtu')];
  const addresses = ips.flatMap((ip) => (field(ip, 'interface') === undefined || field(ip, 'interface') === own ? [String(field(ip, 'address'))] : []));
  const gateway = routes.flatMap((route) => (isDefault(route) ? gatewayOf(route, ips) : []));
  return {
    name: network, interface: ifname,
    ...(addresses.length === 0 ? {} : { ips: addresses }),
    ...(typeof mac === 'string' && mac !== '' ? { mac } : {}),
    ...(typeof mtu === 'number' ? { mtu } : {}),
    default: true, dns: { ...dns },
    ...(gateway.length === 0 ? {} : { gateway }),
  };
}

/** What the runtime is told of a pod whose eth0 is of a network of its own. */
export function resultOfStatus(status: NetworkStatus | undefined, sandbox: string): SpecResult {
  if (status?.interface === undefined) return emptyResult;
  const { interface: name, mac, mtu, ips = [], gateway = [] } = status;
  const gatewayFor = (address: string) => gateway.find((one) => one.includes(':') === address.includes(':'));
  return {
    interfaces: [{ name, ...(mac === undefined ? {} : { mac }), ...(mtu === undefined ? {} : { mtu }), sandbox }],
    ips: ips.map((address) => ({ interface: 0, address, ...(gatewayFor(address) === undefined ? {} : { gateway: gatewayFor(address)! }) })),
    routes: gateway.map((gw) => ({ dst: gw.includes(':') ? '::/0' : '0.0.0.0/0', gw })),
    dns: {},
  };
}

function isDefault(route: JsonObject): boolean {
  return ['0.0.0.0/0', '::/0'].includes(String(field(route, 'dst')));
}

/** A route without a next hop goes to the gateway of an address of its family. */
function gatewayOf(route: JsonObject, ips: readonly JsonObject[]): readonly string[] {
  if (hasText(route, 'gw')) return [String(field(route, 'gw'))];
  const isSix = field(route, 'dst') === '::/0';
  const ip = ips.find((one) => hasText(one, 'gateway') && String(field(one, 'gateway')).includes(':') === isSix);
  return ip === undefined ? [] : [String(field(ip, 'gateway'))];
}

function hasText(object: JsonObject, name: string): boolean {
  const value = field(object, name);
  return typeof value === 'string' && value !== '';
}
