import type { Kube, KubeObject, Resource } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import * as api from '@vfleet/kube';

const rbac = (plural: string, kind: string, namespaced: boolean): Resource => ({ group: 'rbac.authorization.k8s.io', version: 'v1', plural, kind, namespaced });

/** All that an installation could touch, but Events, which end by themselves. */
const RESOURCES: readonly Resource[] = [
  api.namespaces, api.nodes, api.pods, api.customResourceDefinitionResource, api.serviceAccounts, api.secrets, api.configMapResource, api.services, api.deployments, api.daemonSets, api.leases, api.podDisruptionBudgets,
  api.mutatingWebhookConfigurations, api.validatingWebhookConfigurations, rbac('roles', 'Role', true), rbac('rolebindings', 'RoleBinding', true), rbac('clusterroles', 'ClusterRole', false), rbac('clusterrolebindings', 'ClusterRoleBinding', false),
  api.networkAttachmentDefinitions, ...api.customResourceDefinitions().map(({ spec: { group, names, scope, versions } }) => ({ group, version: versions[0]!.name, plural: names.plural, kind: names.kind, namespaced: scope === 'Namespaced' })),
];

/** Every object of the cluster, by what it is, with all that it says but versions and bookkeeping. Leases are renewed by whoever holds them: they count by name. */
export async function snapshot(kube: Kube): Promise<ReadonlyMap<string, object>> {
  const found = new Map<string, object>();
  for (const resource of RESOURCES) {
    const { items } = await kube.list(resource).catch((error: unknown) => {
      // No such kind: no objects of it.
      if (isKubeError(error, 'NotFound')) return { items: [] as readonly KubeObject[] };
      throw error;
    });
    for (const object of items) {
      const { resourceVersion: _, managedFields: __, generation: ___, ...metadata } = object.metadata;
      found.set(`${resource.plural} ${metadata.namespace ?? ''}/${metadata.name}`, resource === api.leases ? {} : { ...object, metadata });
    }
  }
  return found;
}
