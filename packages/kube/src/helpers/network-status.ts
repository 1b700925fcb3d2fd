import type { NetworkStatus } from '@vfleet/core';

/** The order of the fields of nettypes.NetworkStatus, in which Multus marshals them. */
const FIELDS = ['name', 'interface', 'ips', 'mac', 'mtu', 'default', 'dns', 'device-info', 'gateway'] as const;

/** The annotation as Multus writes it (pkg/k8sclient, SetNetworkStatus): each entry indented by 4 spaces, joined by bare commas. */
export function networkStatusText(networks: readonly NetworkStatus[]): string {
  return `[${networks.map((network) => JSON.stringify(ordered(network), undefined, 4)).join(',')}]`;
}

/** Addresses without their prefix length, which attachments may carry. */
function ordered(network: NetworkStatus): Readonly<Record<string, unknown>> {
  const entries = FIELDS.flatMap((field): (readonly [string, unknown])[] => {
    const value = field === 'ips' ? network.ips?.map(withoutPrefix) : network[field];
    return value === undefined ? [] : [[field, value]];
  });
  return Object.fromEntries(entries);
}

export function withoutPrefix(address: string): string {
  const slash = address.indexOf('/');
  return slash < 0 ? address : address.slice(0, slash);
}

/** The message of Multus' AddedInterface Event. */
export function addedInterfaceMessage(network: NetworkStatus): string {
  return `Add ${network.interface ?? ''} [${(network.ips ?? []).join(' ')}] from ${network.name}`;
}
