import { access } from './access.ts';
import type { Component, Grant } from './access.ts';

const GROUP = 'rbac.authorization.k8s.io';
const API_VERSION = `${GROUP}/v1`;

/** Names of service accounts, and of what is granted to them: those of the Go operator, so that an installation in its place takes over. */
export const componentNames: Readonly<Record<Component, string>> = { operator: 'sriov-network-operator', node: 'sriov-network-config-daemon' };

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** A component's roles and bindings: a ClusterRole for what is needed everywhere, a Role in each namespace for the rest. */
export function roleObjects(component: Component, ownNamespace: string): readonly object[] {
  const name = componentNames[component];
  const subjects = [{ kind: 'ServiceAccount', name, namespace: ownNamespace }];
  const of = (where: Grant['in']) => access[component].filter((grant) => grant.in === where).map(policyRule);
  const namespaced = (namespace: string, rules: readonly PolicyRule[]) => (rules.length === 0 ? [] : [
    { apiVersion: API_VERSION, kind: 'Role', metadata: { name, namespace }, rules },
    { apiVersion: API_VERSION, kind: 'RoleBinding', metadata: { name, namespace }, roleRef: { apiGroup: GROUP, kind: 'Role', name }, subjects },
  ]);
  return [
    { apiVersion: API_VERSION, kind: 'ClusterRole', metadata: { name }, rules: of('everywhere') },
    { apiVersion: API_VERSION, kind: 'ClusterRoleBinding', metadata: { name }, roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name }, subjects },
    ...namespaced(ownNamespace, of('own')), ...namespaced('kube-system', of('kube-system')),
  ];
}

function policyRule({ resource: { group, plural }, subresource, verbs, names }: Grant): PolicyRule {
  return { apiGroups: [group], resources: [subresource === undefined ? plural : `${plural}/${subresource}`], ...(names === undefined ? {} : { resourceNames: names }), verbs };
}
