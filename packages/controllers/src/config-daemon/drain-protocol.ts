import type { DrainProgress, DrainRequest } from '@vfleet/core';
import { nodeAnnotations, nodeStateAnnotations } from '@vfleet/core';
import type { Node, SriovNetworkNodeState } from '@vfleet/kube';

/**
 * The three annotations through which daemon and operator agree on a drain. The daemon writes `requested` on the Node; the operator
 * copies it to `desired` on the node state and reports with `current`.
 */
export interface DrainView {
  readonly requested: DrainRequest;
  readonly desired?: string;
  readonly current: DrainProgress;
}

export function requestedOf(node: Pick<Node, 'metadata'>): DrainRequest {
  const text = node.metadata.annotations?.[nodeAnnotations.state];
  return text === 'Drain_Required' || text === 'Reboot_Required' ? text : 'Idle';
}

export function drainView(requested: DrainRequest, state: Pick<SriovNetworkNodeState, 'metadata'> | undefined): DrainView {
  const annotations = state?.metadata.annotations ?? {};
  const desired = annotations[nodeStateAnnotations.desiredState];
  const current = annotations[nodeStateAnnotations.currentState];
  return { requested, ...(desired === undefined ? {} : { desired }), current: current === 'Draining' || current === 'DrainComplete' ? current : 'Idle' };
}

/**
 * What the node allows just now. A `DrainComplete` counts only for the request that still stands: one that is left over from a
 * request that was taken back means that pods are on their way again.
 */
export function permissionOf(view: DrainView): 'none' | 'drain' | 'reboot' {
  const answered = view.current === 'DrainComplete' && (view.desired === undefined || view.desired === view.requested);
  if (!answered || view.requested === 'Idle') return 'none';
  return view.requested === 'Reboot_Required' ? 'reboot' : 'drain';
}

/**
 * What to write on the Node to have `wanted` granted; undefined when there is nothing to write now. A new request begins only
 * from Idle + Idle, and a drain that turns into a reboot goes back to Idle first, so that the operator never mixes two. So does a reboot that is
 * permitted and no longer wanted, where its permission is not enough for the drain: see {@link DrainClient.permission}.
 */
export function nextRequest(view: DrainView, wanted: Exclude<DrainRequest, 'Idle'>): DrainRequest | undefined {
  if (view.requested === wanted) return undefined;
  if (view.requested === 'Reboot_Required') return view.current === 'DrainComplete' ? 'Idle' : undefined;
  if (view.requested === 'Drain_Required') return 'Idle';
  return view.current === 'Idle' ? wanted : undefined;
}

/** The node is given back: nothing is asked for, and the operator has finished with what was. */
export function isReleased(view: DrainView): boolean {
  return view.requested === 'Idle' && view.current === 'Idle';
}
