import type { NodeStateSpec } from '@vfleet/core';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import { findCondition } from '@vfleet/kube';

/** How far a node is with what its node state asks. */
export type NodeOutcome =
  | { readonly kind: 'undiscovered' }
  | { readonly kind: 'inProgress' }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'succeeded' };

/**
 * What the status of a node state says about its present spec. A status may be older than the spec: a config daemon that states
 * the generation is taken at its word; of one that does not, the number of VFs is compared.
 */
export function nodeOutcome(state: SriovNetworkNodeState): NodeOutcome {
  const { status } = state;
  if (!status?.interfaces?.length) return { kind: 'undiscovered' };
  const generation = state.metadata.generation;
  const observed = findCondition(status.conditions, 'Ready')?.observedGeneration;
  if (observed !== undefined && generation !== undefined && observed < generation) return { kind: 'inProgress' };
  if (status.syncStatus === 'Failed') return { kind: 'failed', error: status.lastSyncError || 'the config daemon gave no reason' };
  if (status.syncStatus !== 'Succeeded') return { kind: 'inProgress' };
  return observed !== undefined || hasWantedVfs(state.spec, status.interfaces) ? { kind: 'succeeded' } : { kind: 'inProgress' };
}

function hasWantedVfs(spec: NodeStateSpec, interfaces: NonNullable<NonNullable<SriovNetworkNodeState['status']>['interfaces']>): boolean {
  return (spec.interfaces ?? []).every((wanted) => {
    const actual = interfaces.find((nic) => nic.pciAddress === wanted.pciAddress)?.numVfs ?? 0;
    return wanted.externallyManaged ? actual >= (wanted.numVfs ?? 0) : actual === (wanted.numVfs ?? 0);
  });
}
