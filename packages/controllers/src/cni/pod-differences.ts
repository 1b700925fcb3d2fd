import type { PodLink } from '@vfleet/core/ports/pod-links.ts';
import { formatIp, formatPrefix, networkOf, parseIp, parsePrefix } from '../ipam/ip.ts';
import type { VfRecord } from './vf-record.ts';

/**
 * What is not in the pod as ADD left it, as sentences. `mac` is what the end of the plugin chain answered: a plugin after ours may have set another.
 * Addresses and routes that are there beside ours are nobody's fault.
 */
export function podDifferences({ owner, config, result }: VfRecord, seen: PodLink | undefined, mac: string | undefined): readonly string[] {
  const { ifname, netns } = owner;
  if (seen === undefined) return [`the interface of ${config.device} is not in ${netns}`];
  const { netdev } = seen;
  const wantedMac = mac ?? result?.mac;
  const addresses = new Set(seen.addresses.map(normalPrefix));
  const routes = new Set(seen.routes.map(normalRoute));
  return [
    ...(netdev.name === ifname ? [] : [`the interface of ${config.device} is called ${netdev.name} and not ${ifname}`]),
    ...(netdev.adminState === 'up' ? [] : [`${ifname} is down`]),
    ...(wantedMac === undefined || netdev.mac === wantedMac ? [] : [`${ifname} has the MAC ${netdev.mac} and not ${wantedMac}`]),
    ...(result?.ips ?? []).filter(({ address }) => !addresses.has(normalPrefix(address))).map(({ address }) => `${ifname} has no address ${address}`),
    ...(result?.routes ?? []).filter((route) => !routes.has(normalRoute(route))).map(({ dst, gw }) => `the route to ${dst}${gw === undefined ? '' : ` by ${gw}`} is gone`),
  ];
}

function normalPrefix(text: string): string {
  const prefix = parsePrefix(text);
  return prefix.ok ? formatPrefix(prefix.value) : text;
}

/** The kernel clears the bits of a destination beyond its prefix. */
function normalRoute({ dst, gw }: { readonly dst: string; readonly gw?: string }): string {
  const prefix = parsePrefix(dst);
  const gateway = gw === undefined ? undefined : parseIp(gw);
  return `${prefix.ok ? formatPrefix({ ...prefix.value, address: networkOf(prefix.value) }) : dst} ${gateway?.ok ? formatIp(gateway.value) : (gw ?? '')}`;
}
