import type { Kube, Patch } from '@vfleet/core';
import { nodeAnnotations, nodeLabels } from '@vfleet/core';
import type { Node } from '@vfleet/kube';
import { nodes } from '@vfleet/kube';
import { CORDONED_ANNOTATION } from '../operator/drain/drain-view.ts';
import type { Removal } from './removal.ts';
import { listEvery, patchNewest } from './requests.ts';

/** Our annotations and our label go from every Node, and with them a cordon that a drain set; one that a person set stays. */
export async function nodesGivenBack(removal: Removal, kube: Kube): Promise<void> {
  for (const node of await listEvery(kube, nodes)) {
    if (unmarked(node) === undefined) continue;
    const cordoned = node.metadata.annotations?.[CORDONED_ANNOTATION] !== undefined;
    await removal.change(`marks of Node ${node.metadata.name}${cordoned ? ', and the cordon of an unfinished drain' : ''}`, () => patchNewest(kube, nodes, node, unmarked));
  }
}

/** What takes our marks off it, and with them a cordon that a drain set. Undefined when there are none. */
export function unmarked(node: Node): Patch | undefined {
  const { annotations = {}, labels = {}, resourceVersion } = node.metadata;
  const own = [nodeAnnotations.state, CORDONED_ANNOTATION].filter((name) => Object.hasOwn(annotations, name));
  const isLabelled = Object.hasOwn(labels, nodeLabels.devicePlugin);
  if (own.length === 0 && !isLabelled) return undefined;
  return {
    type: 'merge',
    patch: {
      metadata: { resourceVersion, ...(own.length === 0 ? {} : { annotations: Object.fromEntries(own.map((name) => [name, null])) }), ...(isLabelled ? { labels: { [nodeLabels.devicePlugin]: null } } : {}) },
      ...(own.includes(CORDONED_ANNOTATION) ? { spec: { unschedulable: null } } : {}),
    },
  };
}
