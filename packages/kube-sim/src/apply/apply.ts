import { rfc3339 } from '@vfleet/core';
import { badRequestError, StatusError } from '../errors/status.ts';
import type { Core } from '../registry/core.ts';
import { apiVersionOf } from '../registry/definition.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { equalJson, frozen, getOwn, isObject, objectAt, stringAt, withFields } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { compareValues } from './compare.ts';
import { conflictError } from './conflicts.ts';
import type { FieldConflict } from './conflicts.ts';
import { lastAppliedFields, withLastApplied } from './last-applied.ts';
import { updatedEntries, withEntries, withoutRecord, withoutReset, withoutServerFields } from './field-ownership.ts';
import { difference, EMPTY_SET, forEachMember, hasPath, intersection, isEmptySet, recursiveDifference, union } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { isSameManager, readEntries, withoutFieldsOf } from './managed-fields.ts';
import type { ManagerEntry } from './managed-fields.ts';
import { PathElementError } from './path-elements.ts';
import { fieldsOf, mergeConfiguration, withNamedFields, withoutFields } from './typed-value.ts';
import { typeProblems } from './typed-validation.ts';

export interface ApplyRequest {
  readonly resource: ResourceDefinition;
  readonly subresource: string;
  /** The configuration: a partial object with the fields that the manager wants to have. */
  readonly patch: JsonObject;
  readonly manager: string;
  readonly force: boolean;
}

/**
 * Server-side apply (structured-merge-diff merge/update.go and apimachinery pkg/util/managedfields): merges a configuration
 * into the live object, removes what the manager applied before and nobody else has, and refuses to take from others what it
 * would change, unless forced. Returns the object with its new managedFields, not yet decoded.
 */
export function applyConfiguration(core: Core, request: ApplyRequest, live: ApiObject | undefined): ApiObject {
  const { resource, patch, manager } = request;
  checkIdentity(request);
  try {
    const problems = typeProblems(patch, resource.mergeSchema);
    if (problems.length > 0) throw untyped(request, problems);
    const entries = knownEntries(core, request, live);
    const applied = manager === 'kubectl' ? withClientSideApply(core, request, live, entries) : mergeAndOwn(core, request, live, entries, request.force);
    return manager === 'kubectl' ? withLastApplied(applied, patch) : applied;
  } catch (error) {
    if (error instanceof PathElementError) throw untyped(request, [error.message]);
    throw error;
  }
}

function checkIdentity({ resource, patch }: ApplyRequest): void {
  const [apiVersion, kind] = [stringAt(patch, 'apiVersion'), stringAt(patch, 'kind')];
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
  if (apiVersion !== apiVersionOf(resource) || kind !== resource.kind) throw badRequestError(`invalid object type: ${group}/${version}, Kind=${kind}`);
  if ((getOwn(objectAt(patch, 'metadata'), 'managedFields') ?? null) !== null) throw badRequestError('metadata.managedFields must be nil');
}

function untyped({ resource, patch }: ApplyRequest, problems: readonly string[]): StatusError {
  const metadata = objectAt(patch, 'metadata');
  const name = `${stringAt(metadata, 'namespace')}/${stringAt(metadata, 'name')}`;
  const gvk = `${resource.group}/${resource.version}, Kind=${resource.kind}`;
  const said = problems.length === 1 ? problems[0] : `errors:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
  return new StatusError('Unknown', 500, `failed to create typed patch object (${name}; ${gvk}): ${said}`);
}

/** An object that nobody's fields are recorded of belongs, until now, to whoever came before. */
function knownEntries(core: Core, { resource, subresource }: ApplyRequest, live: ApiObject | undefined): readonly ManagerEntry[] {
  const entries = readEntries(live);
  if (entries.length > 0 || live === undefined) return entries;
  return updatedEntries(core.clock, resource, subresource, live, undefined, [], { fieldManager: 'before-first-apply' }) ?? [];
}

/** kubectl's own earlier client-side applies do not stand in the way of its server-side ones. */
function withClientSideApply(core: Core, request: ApplyRequest, live: ApiObject | undefined, entries: readonly ManagerEntry[]): ApiObject {
  const conflicts: FieldConflict[] = [];
  const merged = mergeAndOwn(core, request, live, entries, request.force, conflicts);
  if (conflicts.length === 0 || live === undefined) return merged;
  const allowed = lastAppliedFields(request.resource, live);
  const left = allowed === undefined ? conflicts : conflicts.filter(({ path }) => !hasPath(allowed, path));
  if (left.length > 0) throw conflictError(left);
  return mergeAndOwn(core, request, live, entries, true);
}

function mergeAndOwn(
  core: Core, request: ApplyRequest, live: ApiObject | undefined, entries: readonly ManagerEntry[], force: boolean, conflictsFound?: FieldConflict[],
): ApiObject {
  const { resource, subresource, patch, manager } = request;
  const schema = resource.mergeSchema;
  const self = { manager, operation: 'Apply', apiVersion: apiVersionOf(resource), subresource } as const;
  const last = entries.find((entry) => isSameManager(entry, self));
  const before: JsonObject = live === undefined ? withFields(resource.emptyObject(), { apiVersion: self.apiVersion, kind: resource.kind }) : withoutRecord(live);
  const merged = mergeConfiguration(before, patch, schema);
  const reset = resource.resetFields(subresource);
  const stated = recursiveDifference(fieldsOf(patch, schema), reset);
  const mine: ManagerEntry = { ...self, time: last?.time, fields: stated };
  const others = entries.filter((entry) => entry !== last);
  const pruned = last === undefined ? merged : prune(merged, last.fields, [...others, mine], resource);
  const comparison = withoutReset(compareValues(before, pruned, schema), reset);
  const conflicts = conflictsOf(others, union(comparison.modified, comparison.added));
  if (conflicts.length > 0 && !force) {
    if (conflictsFound === undefined) throw conflictError(conflicts);
    conflictsFound.push(...conflicts);
  }
  const taken = union(comparison.modified, comparison.added);
  const kept = others.map((entry) => withoutFieldsOf(withoutFieldsOf(entry, taken), comparison.removed));
  // Who only states what is there already gets no time.
  const isNoChange = live !== undefined && equalJson(before, pruned);
  const owned: ManagerEntry = { ...mine, fields: withoutServerFields(stated), time: isNoChange ? last?.time : rfc3339(core.clock.now()) };
  return withEntries(frozen(pruned) as ApiObject, [...kept, owned]);
}

function conflictsOf(others: readonly ManagerEntry[], changed: FieldSet): readonly FieldConflict[] {
  return others.flatMap((entry) => {
    const conflicts: FieldConflict[] = [];
    forEachMember(intersection(entry.fields, changed), (path) => conflicts.push({ entry, path }));
    return conflicts;
  });
}

/** Takes out what this manager applied last time and states no more, unless somebody else has it. */
function prune(merged: unknown, last: FieldSet, managers: readonly ManagerEntry[], { mergeSchema: schema }: ResourceDefinition): unknown {
  if (isEmptySet(last)) return merged;
  const named = (set: FieldSet) => withNamedFields(set, schema);
  const removed = withoutFields(merged, named(last), schema) ?? {};
  const mergedFields = named(fieldsOf(merged, schema));
  const owned = managers.map((entry) => entry.fields).reduce(union, EMPTY_SET);
  const keep = union(named(fieldsOf(removed, schema)), named(owned));
  const withOwned = withoutFields(merged, difference(mergedFields, keep), schema) ?? {};
  // What nobody owns stays, unless it was this manager's.
  const gone = difference(mergedFields, named(fieldsOf(withOwned, schema)));
  const result = withoutFields(merged, intersection(gone, named(last)), schema);
  return isObject(result) ? result : {};
}

