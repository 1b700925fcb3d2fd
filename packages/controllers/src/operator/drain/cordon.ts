import type { Node } from '@vfleet/kube';
import { nodes } from '@vfleet/kube';
import type { OperatorContext } from '../context.ts';
import { writeKey } from '../context.ts';
import { CORDONED_ANNOTATION } from './drain-view.ts';

/** Whether this operator cordoned the node. */
export function isCordonedByUs(node: Node): boolean {
  return node.metadata.annotations?.[CORDONED_ANNOTATION] !== undefined;
}

/** Keeps new pods off the node. One that somebody else cordoned is left as it is, and will be left so. Returns whether it wrote. */
export async function cordon(context: OperatorContext, node: Node): Promise<boolean> {
  if (node.spec?.unschedulable === true) return false;
  const { name, resourceVersion } = node.metadata;
  // With the version: a cordon of an administrator that arrives at the same moment must not be taken for ours.
  const patch = { metadata: { resourceVersion, annotations: { [CORDONED_ANNOTATION]: 'true' } }, spec: { unschedulable: true } };
  context.writes.wrote(writeKey(nodes, undefined, name), await context.ports.kube.patch(nodes, { name }, { type: 'merge', patch }));
  return true;
}

/** Undoes our own cordon; nobody else's. Returns whether it wrote. */
export async function uncordon(context: OperatorContext, node: Node): Promise<boolean> {
  if (!isCordonedByUs(node)) return false;
  const { name, resourceVersion } = node.metadata;
  const patch = { metadata: { resourceVersion, annotations: { [CORDONED_ANNOTATION]: null } }, spec: { unschedulable: null } };
  context.writes.wrote(writeKey(nodes, undefined, name), await context.ports.kube.patch(nodes, { name }, { type: 'merge', patch }));
  return true;
}
