import { isObject } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import type { AdmissionRequest } from './admission.ts';

/** The pod and its spec, when a request creates a pod; undefined for all others. */
export function createdPod({ operation, resource, subresource, object }: AdmissionRequest): { readonly pod: ApiObject; readonly spec: JsonObject } | undefined {
  if (operation !== 'CREATE' || resource.plural !== 'pods' || resource.group !== '' || subresource !== '' || object === undefined) return undefined;
  return isObject(object['spec']) ? { pod: object, spec: object['spec'] } : undefined;
}
