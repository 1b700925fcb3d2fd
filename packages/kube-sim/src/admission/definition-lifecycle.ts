import { forbiddenError } from '../errors/status.ts';
import type { Store } from '../store/store.ts';
import { findCondition } from '../values/conditions.ts';
import type { AdmissionPlugin } from './admission.ts';

/** No custom resource is made while its definition is being deleted with all of them (apiextensions-apiserver forbidCreateAdmission). */
export function definitionLifecycle(store: Store): AdmissionPlugin {
  return {
    name: 'DefinitionLifecycle',
    admit({ operation, resource, name }) {
      if (!resource.custom || operation !== 'CREATE') return undefined;
      const definition = store.collection('customresourcedefinitions.apiextensions.k8s.io').get(resource.storage);
      if (findCondition(definition?.['status'], 'Terminating')?.['status'] !== 'True') return undefined;
      throw forbiddenError(resource, name, 'create not allowed while custom resource definition is terminating');
    },
  };
}
