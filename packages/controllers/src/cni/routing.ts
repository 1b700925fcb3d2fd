import type { AssignedIp, IpRoute } from '../ipam/index.ts';
import { parseIp, parsePrefix } from '../ipam/index.ts';

/** What a pod asks of routes beyond its network's own configuration (multi-net specification v1.3 §4.1.2 `default-route`). */
export interface Routing {
  /** Gateways through which the pod's default routes shall go, by this interface. */
  readonly defaultGateways: readonly string[];
  /** Another interface of the pod has the default route of these families: this network's own is left out. */
  readonly withoutDefault: readonly (4 | 6)[];
}

export const ownRouting: Routing = { defaultGateways: [], withoutDefault: [] };

/** 4 or 6; texts come from parsers, so anything with a colon is IPv6. */
export function familyOf(text: string): 4 | 6 {
  return text.includes(':') ? 6 : 4;
}

export function isDefaultRoute({ dst }: IpRoute): boolean {
  const prefix = parsePrefix(dst);
  return prefix.ok && prefix.value.length === 0;
}

/**
 * The routes to set: those of the configuration, each with its next hop (a route without one goes to the gateway of the first
 * address of its family, as CNI's ipam.ConfigureIface has it), and the default routes that the pod asked for.
 */
export function routesOf(ips: readonly AssignedIp[], routes: readonly IpRoute[], routing: Routing): readonly IpRoute[] {
  const replaced = new Set([...routing.withoutDefault, ...routing.defaultGateways.map(familyOf)]);
  const kept = routes.filter((route) => !isDefaultRoute(route) || !replaced.has(familyOf(route.dst)));
  const requested = routing.defaultGateways.filter((gw) => parseIp(gw).ok).map((gw) => ({ dst: familyOf(gw) === 6 ? '::/0' : '0.0.0.0/0', gw }));
  return [...kept.map((route) => withNextHop(route, ips)), ...requested];
}

function withNextHop(route: IpRoute, ips: readonly AssignedIp[]): IpRoute {
  if (route.gw !== undefined) return route;
  const gw = ips.find((ip) => ip.gateway !== undefined && familyOf(ip.gateway) === familyOf(route.dst))?.gateway;
  return gw === undefined ? route : { ...route, gw };
}
