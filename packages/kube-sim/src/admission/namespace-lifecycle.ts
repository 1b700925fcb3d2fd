import { forbiddenError, notFoundError } from '../errors/status.ts';
import type { Store } from '../store/store.ts';
import { stringAt } from '../values/json.ts';
import type { AdmissionPlugin } from './admission.ts';

const NAMESPACES = { group: '', plural: 'namespaces' };
const IMMORTAL: readonly string[] = ['default', 'kube-system', 'kube-public'];

/** The API server's NamespaceLifecycle: nothing is made in a namespace that is missing or going, and three never go. */
export function namespaceLifecycle(store: Store): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    admit({ operation, resource, namespace, name, subresource }) {
      if (resource.group === '' && resource.plural === 'namespaces') {
        if (operation === 'DELETE' && IMMORTAL.includes(name)) throw forbiddenError(NAMESPACES, name, 'this namespace may not be deleted');
        return undefined;
      }
      if (operation !== 'CREATE' || subresource !== '' || !resource.namespaced || namespace === undefined) return undefined;
      const found = store.collection('namespaces').get(namespace);
      if (found === undefined) throw notFoundError(NAMESPACES, namespace);
      if (found.metadata.deletionTimestamp === undefined && stringAt(found['status'], 'phase') !== 'Terminating') return undefined;
      throw forbiddenError(resource, name, `unable to create new content in namespace ${namespace} because it is being terminated`, [
        { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' },
      ]);
    },
  };
}
