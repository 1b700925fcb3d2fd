import { rfc3339 } from '@vfleet/core';
import type { Clock } from '@vfleet/core';
import { apiVersionOf } from '../registry/definition.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { Ownership } from '../registry/ownership.ts';
import type { RequestContext } from '../registry/request.ts';
import { withMeta } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { compareValues } from './compare.ts';
import type { Comparison } from './compare.ts';
import { difference, EMPTY_SET, isEmptySet, recursiveDifference, setOfPath, union } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { cappedEntries, isReset, isSameManager, readEntries, withoutFieldsOf, writeEntries } from './managed-fields.ts';
import type { ManagerEntry } from './managed-fields.ts';
import { PathElementError } from './path-elements.ts';
import { entriesThroughScale } from './scale-ownership.ts';

/** Never owned by anybody: identity, and what the server sets (managedfields stripmeta.go). */
const STRIPPED = ['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion']
  .map((name) => ['f:metadata', `f:${name}`])
  .concat([['f:apiVersion'], ['f:kind'], ['f:metadata']])
  .map(setOfPath)
  .reduce(union);

export function withoutServerFields(fields: FieldSet): FieldSet {
  return difference(fields, STRIPPED);
}

export function withoutReset(comparison: Comparison, reset: FieldSet): Comparison {
  if (isEmptySet(reset)) return comparison;
  return {
    added: recursiveDifference(comparison.added, reset),
    removed: recursiveDifference(comparison.removed, reset),
    modified: recursiveDifference(comparison.modified, reset),
  };
}

/** Keeps metadata.managedFields for ordinary writes, as the real server does for every object. */
export function trackOwnership(clock: Clock): Ownership {
  return {
    afterWrite(resource, subresource, next, previous, context) {
      if (previous !== undefined && subresource === 'scale') return withEntries(next, entriesThroughScale(resource, next, previous, readEntries(previous), context));
      const entries = subresource === '' && next.metadata.managedFields !== undefined ? entriesOfRequest(next, previous) : readEntries(previous);
      // Objects that nobody's fields are known of stay so, until somebody applies.
      if (entries.length === 0 && previous !== undefined) return withEntries(next, undefined);
      return withEntries(next, updatedEntries(clock, resource, subresource, next, previous, entries, context));
    },
  };
}

function entriesOfRequest(next: ApiObject, previous: ApiObject | undefined): readonly ManagerEntry[] {
  if (isReset(next)) return [];
  const said = readEntries(next);
  return said.length === 0 ? readEntries(previous) : said;
}

export function withEntries(object: ApiObject, entries: readonly ManagerEntry[] | undefined): ApiObject {
  const written = entries === undefined ? undefined : writeEntries(entries);
  return object.metadata.managedFields === undefined && written === undefined ? object : withMeta(object, { managedFields: written });
}

/** The entries after an update: what changed goes to the writer, what is gone goes from everybody. */
export function updatedEntries(
  clock: Clock, resource: ResourceDefinition, subresource: string, next: ApiObject, previous: ApiObject | undefined, entries: readonly ManagerEntry[], context: Pick<RequestContext, 'fieldManager'>,
): readonly ManagerEntry[] | undefined {
  try {
    const reset = resource.resetFields(subresource);
    const comparison = withoutReset(compareContent(resource, previous, next), reset);
    const taken = union(comparison.modified, comparison.added);
    const self = { manager: context.fieldManager, operation: 'Update', apiVersion: apiVersionOf(resource), subresource } as const;
    const rest = entries.map((entry) => (isSameManager(entry, self) ? withoutFieldsOf(entry, comparison.removed) : withoutFieldsOf(withoutFieldsOf(entry, taken), comparison.removed)));
    const owned = withoutServerFields(recursiveDifference(taken, reset));
    if (isEmptySet(owned)) return rest;
    const known = rest.find((entry) => isSameManager(entry, self));
    const updated: ManagerEntry = { ...self, time: rfc3339(clock.now()), fields: union(owned, known?.fields ?? EMPTY_SET) };
    return cappedEntries([...rest.filter((entry) => entry !== known), updated]);
  } catch (error) {
    // An object that its schema cannot make sense of keeps no record, as on the real server.
    if (error instanceof PathElementError) return undefined;
    throw error;
  }
}

/** Compares two states but for the record itself. */
export function compareContent(resource: ResourceDefinition, previous: ApiObject | undefined, next: ApiObject): Comparison {
  return compareValues(previous ?? resource.emptyObject(), next, resource.mergeSchema);
}

export function withoutRecord(object: ApiObject): ApiObject {
  return object.metadata.managedFields === undefined ? object : withMeta(object, { managedFields: undefined });
}
