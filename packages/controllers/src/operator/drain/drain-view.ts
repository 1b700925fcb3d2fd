import type { DrainProgress, DrainRequest } from '@vfleet/core';
import { GROUP, nodeAnnotations, nodeStateAnnotations } from '@vfleet/core';
import type { Node, SriovNetworkNodeState } from '@vfleet/kube';
import { IDLE } from '../pools/pool-ledger.ts';
import type { DrainView } from '../pools/pool-ledger.ts';

/**
 * On Node, written in the same patch as the cordon: the operator cordoned this node, and may uncordon it. A node that was
 * unschedulable before has no such annotation, and stays unschedulable.
 */
export const CORDONED_ANNOTATION = `${GROUP}/cordoned-for-drain`;

/**
 * What the three annotations say: the daemon asks on the Node; the operator answers on the node state with how far it is, and copies
 * there the request that it answers to. Absent or unknown values are Idle.
 */
export function drainView(node: Node | undefined, state: SriovNetworkNodeState | undefined): DrainView {
  if (state === undefined) return IDLE;
  const annotations = state.metadata.annotations ?? {};
  return {
    wants: requestOf(node?.metadata.annotations?.[nodeAnnotations.state]) ?? 'Idle',
    progress: progressOf(annotations[nodeStateAnnotations.currentState]) ?? 'Idle',
    external: annotations[nodeStateAnnotations.useExternalDrainer] === 'true',
  };
}

/** The request that the progress on a node state is the answer to; undefined when it does not say. */
export function answeredRequest(state: SriovNetworkNodeState): DrainRequest | undefined {
  return requestOf(state.metadata.annotations?.[nodeStateAnnotations.desiredState]);
}

function requestOf(text: string | undefined): DrainRequest | undefined {
  return text === 'Idle' || text === 'Drain_Required' || text === 'Reboot_Required' ? text : undefined;
}

function progressOf(text: string | undefined): DrainProgress | undefined {
  return text === 'Idle' || text === 'Draining' || text === 'DrainComplete' ? text : undefined;
}
