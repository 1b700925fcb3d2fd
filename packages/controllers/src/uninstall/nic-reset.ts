import type { Clock, Kube } from '@vfleet/core';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import { findCondition, leases, nodePolicies, nodeStates } from '@vfleet/kube';
import { LEASE_NAME } from '../operator/operator.ts';
import type { Removal } from './removal.ts';
import { find, listEvery } from './requests.ts';
import { leaderOf } from './running.ts';

/** Without policies every NIC is given back by its daemon, after a drain by the operator: both must be alive. */
export async function nicsReset(removal: Removal, { kube, clock }: { readonly kube: Kube; readonly clock: Clock }, namespace: string, waitMs: number): Promise<void> {
  if (leaderOf(await find(kube, leases, { namespace, name: LEASE_NAME }), clock.now()) === undefined) {
    removal.problems.push('no operator leads, so that no node would be drained and no NIC given back: start one, or leave the NICs as they are');
    return;
  }
  for (const { metadata: { name } } of await listEvery(kube, nodePolicies, { namespace })) await removal.remove(nodePolicies, { namespace, name });
  await removal.awaitNothing(async () => (await listEvery(kube, nodeStates, { namespace })).flatMap((state) => (isGivenBack(state) ? [] : [`the NICs of node ${state.metadata.name} are not given back: ${why(state)}`])), waitMs);
}

function isGivenBack({ metadata: { generation }, spec, status }: SriovNetworkNodeState): boolean {
  const reached = findCondition(status?.conditions, 'Ready');
  return (spec.interfaces ?? []).length === 0 && status?.syncStatus === 'Succeeded' && reached?.status === 'True' && reached.observedGeneration === generation;
}

function why({ spec, status }: SriovNetworkNodeState): string {
  if ((spec.interfaces ?? []).length > 0) return 'the operator has not rendered its node state';
  const ready = findCondition(status?.conditions, 'Ready');
  return status?.lastSyncError ?? ready?.message ?? 'its daemon has said nothing';
}
