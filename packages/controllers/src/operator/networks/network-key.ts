import type { NetworkKind, NetworkObject } from '@vfleet/core';
import type { OvsNetwork, SriovIbNetwork, SriovNetwork } from '@vfleet/kube';

/** Any of the three kinds of network, as stored. */
export type StoredNetwork = SriovNetwork | SriovIbNetwork | OvsNetwork;

/** `Kind/namespace/name`: how queues know a network. */
export function networkKey(kind: NetworkKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

export function parseNetworkKey(key: string): { readonly kind: NetworkKind; readonly namespace: string; readonly name: string } {
  const [kind, namespace, name] = key.split('/') as [NetworkKind, string, string];
  return { kind, namespace, name };
}

/** A stored network as rendering takes it. */
export function networkObject(network: StoredNetwork): NetworkObject {
  const { namespace = '', name } = network.metadata;
  switch (network.kind) {
    case 'SriovNetwork':
      return { kind: network.kind, namespace, name, spec: network.spec };
    case 'SriovIBNetwork':
      return { kind: network.kind, namespace, name, spec: network.spec };
    case 'OVSNetwork':
      return { kind: network.kind, namespace, name, spec: network.spec };
  }
}
