import type { Kube, KubeObject, Resource } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import * as api from '@vfleet/kube';

const KINDS: readonly Resource[] = [
  api.pods, api.nodes, api.namespaces, api.configMapResource, api.podDisruptionBudgets, api.nodePolicies, api.sriovNetworks, api.sriovIbNetworks, api.ovsNetworks,
  api.poolConfigs, api.operatorConfigs, api.nodeStates, api.networkAttachmentDefinitions,
];

/** Kinds that a scenario may apply. */
export const kindNames: readonly string[] = KINDS.map(({ kind }) => kind);

export function resourceOfKind(kind: string): Resource | undefined {
  return KINDS.find((resource) => resource.kind === kind);
}

/** What a person at kubectl does: tries once, and again after a moment while the server does not answer. */
export async function applyObject(kube: Kube, object: KubeObject): Promise<void> {
  const resource = resourceOfKind(object.kind);
  if (resource === undefined) throw new TypeError(`a scenario applies a ${object.kind}, which is not one of ${kindNames.join(', ')}`);
  try {
    await kube.create(resource, object);
  } catch (error) {
    if (!isKubeError(error, 'AlreadyExists')) throw error;
    const { namespace, name } = object.metadata;
    // An object of a scenario is plain data.
    await kube.patch(resource, { ...(namespace === undefined ? {} : { namespace }), name }, { type: 'merge', patch: { ...object } });
  }
}
