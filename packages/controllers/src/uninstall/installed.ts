import type { KubeObject, Resource } from '@vfleet/core';
import { installationObjects } from '../installation/manifest.ts';

/** Of kinds that the manifest has and nothing else here names. */
const KINDS: Readonly<Record<string, Pick<Resource, 'plural' | 'namespaced'>>> = {
  ServiceAccount: { plural: 'serviceaccounts', namespaced: true }, ClusterRole: { plural: 'clusterroles', namespaced: false }, ClusterRoleBinding: { plural: 'clusterrolebindings', namespaced: false },
  Role: { plural: 'roles', namespaced: true }, RoleBinding: { plural: 'rolebindings', namespaced: true }, Service: { plural: 'services', namespaced: true },
  Deployment: { plural: 'deployments', namespaced: true }, DaemonSet: { plural: 'daemonsets', namespaced: true },
};

export interface InstalledObject {
  readonly resource: Resource<KubeObject>;
  readonly key: { readonly namespace?: string; readonly name: string };
}

/** The order in which the manifest's objects go: what makes others is first, what others need is last. Bindings go before roles: without them no copy of a component that is cut off can write. */
const ORDER = ['ClusterRoleBinding', 'RoleBinding', 'ClusterRole', 'Role', 'Service', 'ServiceAccount'] as const;

function objects(namespace: string): readonly KubeObject[] {
  // Which image ran there does not matter.
  return installationObjects({ namespace, image: '' }) as readonly KubeObject[];
}

function installed({ apiVersion, kind, metadata }: KubeObject): InstalledObject {
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  const known = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (known === undefined) throw new Error(`the manifest has the kind ${kind}, and nobody said how it is removed`);
  return { resource: { group, version, kind, ...known }, key: metadata.namespace === undefined ? { name: metadata.name } : { namespace: metadata.namespace, name: metadata.name } };
}

/** What runs: the operator's Deployment, the nodes' DaemonSet. */
export function workload(namespace: string, kind: 'Deployment' | 'DaemonSet'): readonly InstalledObject[] {
  return objects(namespace).filter((object) => object.kind === kind).map(installed);
}

/** All else of the manifest but the namespace and the CRDs. */
export function supports(namespace: string): readonly InstalledObject[] {
  const all = objects(namespace);
  return ORDER.flatMap((kind) => all.filter((object) => object.kind === kind).map(installed));
}

/** Names of the manifest's CustomResourceDefinitions. */
export function definitionNames(namespace: string): readonly string[] {
  return objects(namespace).filter(({ kind }) => kind === 'CustomResourceDefinition').map(({ metadata: { name } }) => name);
}

/** Kinds of the manifest that none of these functions gives: a test wants none but the namespace and the CRDs. */
export function uncoveredKinds(namespace: string): readonly string[] {
  const covered: readonly string[] = [...ORDER, 'Deployment', 'DaemonSet'];
  return [...new Set(objects(namespace).map(({ kind }) => kind))].filter((kind) => !covered.includes(kind));
}
