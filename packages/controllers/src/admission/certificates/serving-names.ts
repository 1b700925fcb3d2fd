import { webhookNames } from '@vfleet/core';
import type { ServingNames } from '@vfleet/kube';

/**
 * `service`: the webhooks run in the cluster, behind the Services of the operator. `url`: they run beside the API server, which reaches them at this
 * address of the loopback interface and the port that they listen on.
 */
export type ReachedBy = { readonly kind: 'service' } | { readonly kind: 'url'; readonly address: string };

/** What the serving certificate of the webhooks has to be for. */
export function servingNames(reachedBy: ReachedBy, namespace: string): ServingNames {
  if (reachedBy.kind === 'url') return { addresses: [reachedBy.address], dnsNames: ['localhost'] };
  return { addresses: [], dnsNames: [webhookNames.operatorService, webhookNames.injectorService].flatMap((service) => [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`]) };
}
