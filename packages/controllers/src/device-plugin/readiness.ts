import type { SriovNetworkNodeState } from '@vfleet/kube';

/**
 * Whether the config daemon may still be changing VFs (feature gate blockDevicePluginUntilConfigured): it says so, or it has not
 * yet answered to the newest spec. A node without node state, or with an empty spec, has nothing to wait for.
 */
export function isBeingConfigured(state: SriovNetworkNodeState | undefined): boolean {
  if (state === undefined || state.metadata.deletionTimestamp !== undefined) return false;
  const { status } = state;
  if (status?.syncStatus === 'InProgress') return true;
  // A daemon that failed tries again and stays Failed until it succeeds: VFs that come into being meanwhile are still its own.
  if (status?.syncStatus === 'Failed' && (state.spec.interfaces ?? []).length > 0) return true;
  if ((state.spec.interfaces ?? []).length === 0) return false;
  if (status?.syncStatus === undefined || status.syncStatus === '') return true;
  const observed = status.conditions?.find(({ type }) => type === 'Ready')?.observedGeneration;
  return observed !== undefined && state.metadata.generation !== undefined && observed < state.metadata.generation;
}
