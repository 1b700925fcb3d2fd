import type { Kube } from '@vfleet/core';
import { nodeStateAnnotations } from '@vfleet/core';
import type { Node, SriovNetworkNodeState } from '@vfleet/kube';
import { nodeStates, nodes } from '@vfleet/kube';
import { CORDONED_ANNOTATION } from '../operator/drain/drain-view.ts';
import type { Removal } from '../uninstall/removal.ts';
import { listEvery, patchNewest } from '../uninstall/requests.ts';

/**
 * Whether the cordon of a node is the Go operator's, of a drain under way: it cordons between Draining and the Idle after DrainComplete
 * (its controllers/drain_controller.go), and at the end uncordons whoever cordoned.
 */
export function isCordonOfDrain({ metadata: { annotations }, spec }: Node, state: SriovNetworkNodeState | undefined): boolean {
  const marks = state?.metadata.annotations ?? {};
  const progress = marks[nodeStateAnnotations.currentState];
  const isUnderWay = progress === 'Draining' || progress === 'DrainComplete';
  return isUnderWay && marks[nodeStateAnnotations.useExternalDrainer] !== 'true' && spec?.unschedulable === true && annotations?.[CORDONED_ANNOTATION] === undefined;
}

/** Notes on each Node that its cordon belongs to the drain under way, so that our operator goes on with the drain and takes it off. To be done once the Go operator has ended. */
export async function takeDrainsOver(removal: Removal, kube: Kube, namespace: string): Promise<void> {
  const states = new Map((await listEvery(kube, nodeStates, { namespace })).map((state) => [state.metadata.name, state]));
  for (const node of await listEvery(kube, nodes)) {
    const state = states.get(node.metadata.name);
    if (!isCordonOfDrain(node, state)) continue;
    await removal.change(`the Go operator's hold on the cordon of Node ${node.metadata.name}: our operator goes on with the drain`, () => patchNewest(kube, nodes, node, (current) => (isCordonOfDrain(current, state)
      ? { type: 'merge', patch: { metadata: { resourceVersion: current.metadata.resourceVersion, annotations: { [CORDONED_ANNOTATION]: 'true' } } } }
      : undefined)));
  }
}
