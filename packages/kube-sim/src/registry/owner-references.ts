import type { ObjectMeta } from '@vfleet/core';
import { equalJson, withMeta } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import type { RequestContext } from './request.ts';

type OwnerReference = NonNullable<ObjectMeta['ownerReferences']>[number];

/** Drops owner references that are said twice, and tells the client (apiserver pkg/endpoints/handlers/rest.go, dedupOwnerReferencesAndAddWarning). */
export function withDistinctOwners(object: ApiObject, context: RequestContext, when: 'as sent' | 'after admission'): ApiObject {
  const references = object.metadata.ownerReferences ?? [];
  if (references.length < 2) return object;
  const distinct: OwnerReference[] = [];
  const repeated: string[] = [];
  for (const reference of references) {
    if (distinct.some((other) => equalJson(other, reference))) repeated.push(reference.uid);
    else distinct.push(reference);
  }
  if (repeated.length === 0) return object;
  const where = when === 'as sent' ? '' : ' after mutating admission happens';
  context.warn(`.metadata.ownerReferences contains duplicate entries${where}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(', ')}`);
  return withMeta(object, { ownerReferences: Object.freeze(distinct) });
}
