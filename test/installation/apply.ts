import type { Kube, KubeObject, Resource } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { readYamlDocuments } from '@vfleet/kube/yaml/documents.ts';

const PLURALS: Readonly<Record<string, string>> = {
  Namespace: 'namespaces', CustomResourceDefinition: 'customresourcedefinitions', ServiceAccount: 'serviceaccounts', ClusterRole: 'clusterroles', ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles', RoleBinding: 'rolebindings', Service: 'services', Deployment: 'deployments', DaemonSet: 'daemonsets',
};

/** The objects of a manifest. */
export function readManifest(text: string): readonly KubeObject[] {
  const read = readYamlDocuments(text);
  if (!read.ok) throw new Error(`line ${read.error.line}: ${read.error.cause}`);
  return (read.value as readonly KubeObject[]).filter((object) => object !== null);
}

/** What `kubectl apply --server-side` does with each object, in order; one whose kind is not served yet is tried again. */
export async function applyManifest(kube: Kube, objects: readonly KubeObject[]): Promise<readonly KubeObject[]> {
  const applied: KubeObject[] = [];
  for (const object of objects) applied.push(await applyOne(kube, resourceOf(object), object));
  return applied;
}

async function applyOne(kube: Kube, resource: Resource, object: KubeObject): Promise<KubeObject> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await kube.patch(resource, object.metadata, { type: 'apply', patch: { ...object }, fieldManager: 'installer', force: true });
    } catch (error) {
      if (!isKubeError(error, 'NotFound') || attempt > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** As an API server's discovery has it, for the kinds of the manifest. */
export function resourceOf({ apiVersion, kind, metadata }: KubeObject): Resource {
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  return { group, version, kind, plural: pluralOf(kind), namespaced: metadata.namespace !== undefined };
}

/** The plural of a kind that the manifest may have; a kind that is not here is a mistake of the manifest, and throws. */
function pluralOf(kind: string): string {
  const plural = Object.hasOwn(PLURALS, kind) ? PLURALS[kind] : undefined;
  if (plural === undefined) throw new Error(`the manifest has the kind ${kind}, which nobody expects there`);
  return plural;
}
