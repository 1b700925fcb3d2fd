import type { SriovNetworkNodeState } from '@vfleet/kube';

/**
 * Whether the config daemon may still be changing VFs (feature gate blockDevicePluginUntilConfigured): it says so, or it has not
 * yet answered to the newest spec. A node without node state, or with an empty spec, has nothing to wait for.
 */
export function isBeingConfigured(state: SriovNetworkNodeState | undefined): boolean {
  if (state === undefined || state.metadata.deletionTimestamp !== undefined) return false;
  const { status } = state;
  if (status?.syncStatus === 'InProgress') return true;
  const observed = status?.conditions?.find(({ type }) => type === 'Ready')?.observedGeneration;
  const isBehind = observed !== undefined && state.metadata.generation !== undefined && observed < state.metadata.generation;
  const isEmpty = (state.spec.interfaces ?? []).length === 0;
  // A daemon that failed tries again and stays Failed until it succeeds: VFs that come into being meanwhile are still its own, and it
  // may be in the middle of that when the spec becomes empty.
  if (status?.syncStatus === 'Failed' && (!isEmpty || isBehind)) return true;
  if (isEmpty) return false;
  return status?.syncStatus === undefined || status.syncStatus === '' || isBehind;
}
