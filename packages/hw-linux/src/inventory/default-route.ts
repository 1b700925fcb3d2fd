import { decodeRoute, encodeGetRoutes, isDefaultRoute } from '../netlink/addresses.ts';
import { RTM } from '../netlink/link.ts';
import type { Link } from '../netlink/link.ts';
import type { KernelLinks } from '../links.ts';

/**
 * Indexes of the links that carry the host's default route: those it leaves by, and those underneath them (ports of a bond or bridge,
 * the lower link of a VLAN). Taking a VF from such a PF is fine; reconfiguring it cuts the node off.
 */
export async function defaultRouteLinks(links: KernelLinks, all: readonly Link[]): Promise<ReadonlySet<number>> {
  const routes = await links.ask('host', 'route', RTM.getRoute, encodeGetRoutes(), decodeRoute, true);
  const carriers = new Set<number>();
  const waiting = routes.ok ? routes.value.filter(isDefaultRoute).map((route) => route.outInterface!) : [];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (carriers.has(index)) continue;
    carriers.add(index);
    for (const link of all) {
      if (link.master === index) waiting.push(link.index);
      if (link.index === index && link.lower !== undefined) waiting.push(link.lower);
    }
  }
  return carriers;
}
