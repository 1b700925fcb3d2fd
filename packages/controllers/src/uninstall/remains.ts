import type { KubeObject, Resource } from '@vfleet/core';
import { webhookNames } from '@vfleet/core';
import { mutatingWebhookConfigurations, nodePolicies, nodeStates, operatorConfigs, validatingWebhookConfigurations } from '@vfleet/kube';
import { heldKinds } from '../installation/made.ts';

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

/** While these are there and nobody answers, API servers refuse pods and custom resources: their failure policy is Fail. */
export const webhookObjects: readonly { readonly resource: Resource<KubeObject>; readonly name: string }[] = [
  { resource: mutatingWebhookConfigurations, name: webhookNames.operatorConfiguration }, { resource: validatingWebhookConfigurations, name: webhookNames.operatorConfiguration },
  { resource: mutatingWebhookConfigurations, name: webhookNames.injectorConfiguration },
];
