import type { ApiObject } from '../values/json.ts';
import type { RequestContext } from './request.ts';
import type { ResourceDefinition } from './definition.ts';

/** Keeps metadata.managedFields: who set which field, by which kind of request. */
export interface Ownership {
  /** `next` with managedFields after an ordinary write. `previous` is absent on create. */
  afterWrite(resource: ResourceDefinition, subresource: string, next: ApiObject, previous: ApiObject | undefined, context: RequestContext): ApiObject;
}

/** Keeps nothing: for simulations that never ask. */
export const noOwnership: Ownership = { afterWrite: (_resource, _subresource, next) => next };
