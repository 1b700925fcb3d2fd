import { dnsSubdomainProblems } from '../values/names.ts';
import { equalJson, withFields, withMeta } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import type { Strategy } from './strategy.ts';

/** What kinds with an ordinary spec and status share; kinds overlay what is theirs. */
export const plainStrategy: Strategy = {
  prepareForCreate: (object) => object,
  validateCreate: () => [],
  prepareForUpdate: (next) => next,
  validateUpdate: () => [],
  warnings: () => [],
  nameProblems: (name) => dnsSubdomainProblems(name),
  checksMetaOnCreate: true,
  metaChecksOnUpdate: ['change', 'whole'],
  needsQualifiedFinalizers: true,
  allowCreateOnUpdate: false,
  allowUnconditionalUpdate: true,
  hasGeneration: false,
  returnsDeletedObject: false,
};

/** Status is kept from what is stored; the generation grows when the spec changes. */
export const specStrategy: Strategy = {
  ...plainStrategy,
  metaChecksOnUpdate: ['change'],
  hasGeneration: true,
  prepareForCreate: (object) => withoutStatus(object),
  prepareForUpdate: (next, previous) => withNextGeneration(keepingStatus(next, previous), previous),
};

/** For the `status` subresource: everything but status and the metadata a status update may touch stays. */
export const statusStrategy: Strategy = {
  ...plainStrategy,
  metaChecksOnUpdate: ['change'],
  prepareForUpdate: (next, previous) => withStatusOf(next, previous),
};

export function withoutStatus(object: ApiObject): ApiObject {
  return object['status'] === undefined ? object : withFields(object, { status: undefined });
}

export function keepingStatus(next: ApiObject, previous: ApiObject): ApiObject {
  return next['status'] === previous['status'] ? next : withFields(next, { status: previous['status'] });
}

/** `previous` with the status, and the metadata, of `next`. */
export function withStatusOf(next: ApiObject, previous: ApiObject): ApiObject {
  return withFields(previous, { metadata: next.metadata, status: next['status'] });
}

/** Counts a change of `spec` in metadata.generation. */
export function withNextGeneration(next: ApiObject, previous: ApiObject): ApiObject {
  if (equalJson(next['spec'], previous['spec'])) return next;
  return withMeta(next, { generation: (previous.metadata.generation ?? 0) + 1 });
}
