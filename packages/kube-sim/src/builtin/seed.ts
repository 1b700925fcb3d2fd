import { rfc3339 } from '@vfleet/core';
import type { Core } from '../registry/core.ts';
import type { ApiObject } from '../values/json.ts';
import { frozen } from '../values/json.ts';

const NAMESPACES: readonly string[] = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

/** The namespaces that an API server makes for itself when they are not there. */
export function seedNamespaces(core: Core): void {
  const collection = core.store.collection('namespaces');
  for (const name of NAMESPACES) {
    if (collection.get(name) !== undefined) continue;
    const namespace: ApiObject = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, uid: core.random.uuid(), creationTimestamp: rfc3339(core.clock.now()), labels: { 'kubernetes.io/metadata.name': name } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    };
    core.store.put(collection, name, frozen(namespace), undefined);
  }
}
