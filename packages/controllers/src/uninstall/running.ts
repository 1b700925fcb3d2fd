import type { Clock, Kube } from '@vfleet/core';
import { parseRfc3339 } from '@vfleet/core';
import type { Lease } from '@vfleet/kube';
import { leases, pods } from '@vfleet/kube';
import { podLabelsOf } from '../installation/workloads.ts';
import { LEASE_NAME } from '../operator/operator.ts';
import type { Removal } from './removal.ts';
import { find } from './requests.ts';

interface Awaited {
  readonly namespace: string;
  readonly component: 'operator' | 'node';
  /** An operator may run outside of the cluster, where only its Lease shows it. */
  readonly byLease: boolean;
  readonly waitMs: number;
}

/** Waits until no pod of a component runs and, of the operator, nobody leads. Whoever is there afterwards is a problem, and no end: a node that is gone never ends its pods. */
export async function componentGone(removal: Removal, { kube, clock }: { readonly kube: Kube; readonly clock: Clock }, { namespace, component, byLease, waitMs }: Awaited): Promise<void> {
  await removal.awaitNothing(async () => [...(await podsOf(kube, namespace, component)), ...(byLease ? await leaders(kube, clock, namespace) : [])], waitMs);
}

async function podsOf(kube: Kube, namespace: string, component: 'operator' | 'node'): Promise<readonly string[]> {
  const labelSelector = Object.entries(podLabelsOf(component)).map(([key, value]) => `${key}=${value}`).join(',');
  const { items } = await kube.list(pods, { namespace, labelSelector });
  return items.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed').map(({ metadata: { name }, spec }) => `pod ${namespace}/${name} has not ended${spec?.nodeName === undefined ? '' : `; is the node ${spec.nodeName} reachable?`}`);
}

async function leaders(kube: Kube, clock: Clock, namespace: string): Promise<readonly string[]> {
  const lease = await find(kube, leases, { namespace, name: LEASE_NAME });
  const holder = leaderOf(lease, clock.now());
  return holder === undefined ? [] : [`an operator still leads: ${holder}; end the one that runs outside of the cluster`];
}

/** Who leads; undefined when the Lease was given up, or was not renewed for as long as it is good. */
export function leaderOf(lease: Lease | undefined, nowMs: number): string | undefined {
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 15 } = lease?.spec ?? {};
  const renewedMs = parseRfc3339(renewTime);
  return holderIdentity === '' || renewedMs === undefined || nowMs - renewedMs > leaseDurationSeconds * 1_000 ? undefined : holderIdentity;
}
