import type { Resource } from '@vfleet/core';
import { nodePolicies, nodeStates, operatorConfigs } from '@vfleet/kube';
import { heldKinds } from '../installation/made-objects.ts';

/** Our kinds, in the order in which their objects are deleted: what owns others goes last. */
export interface OwnKind {
  readonly resource: Resource;
  /** That the operator puts on them, and nobody takes off when it is gone. */
  readonly finalizer?: string;
  /** Networks may be in any namespace. */
  readonly in: 'own' | 'everywhere';
}

export const ownKinds: readonly OwnKind[] = [
  ...heldKinds.filter(({ resource }) => resource !== operatorConfigs), { resource: nodePolicies, in: 'own' }, { resource: nodeStates, in: 'own' }, ...heldKinds.filter(({ resource }) => resource === operatorConfigs),
];
