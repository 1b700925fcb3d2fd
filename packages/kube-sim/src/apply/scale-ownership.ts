import { apiVersionOf } from '../registry/definition.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { RequestContext } from '../registry/request.ts';
import { equalJson, getOwn, isObject } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { difference, hasPath, isEmptySet, setOfPath } from './field-set.ts';
import type { ManagerEntry } from './managed-fields.ts';

/**
 * Who owns an object's number of replicas after a write through scale (apimachinery pkg/util/managedfields/scalehandler.go).
 * The entries that have it are looked at as entries of the Scale, and translated back. Appliers that keep it stay as they
 * are; every other one comes back as an entry of its own, without a time. Where nobody has it, nobody gets it.
 */
export function entriesThroughScale(resource: ResourceDefinition, next: ApiObject, previous: ApiObject, entries: readonly ManagerEntry[], { fieldManager }: Pick<RequestContext, 'fieldManager'>): readonly ManagerEntry[] {
  const steps = resource.scale?.specPath ?? [];
  const path = steps.map((step) => `f:${step}`);
  const owners = entries.filter(({ fields }) => hasPath(fields, path));
  if (owners.length === 0) return entries;
  const replicasNow = valueAt(next, steps);
  const isChanged = !equalJson(replicasNow, valueAt(previous, steps));
  const self = { manager: fieldManager, operation: 'Update', subresource: 'scale' } as const;
  // None is nothing in a Scale, and so nobody's.
  const afterwards: readonly Pick<ManagerEntry, 'manager' | 'operation' | 'subresource'>[] = isChanged ? (replicasNow === 0 ? [] : [self]) : owners;
  const keepers = isChanged ? [] : owners.filter(({ operation }) => operation === 'Apply');
  const replicas = setOfPath(path);
  const rest = entries.flatMap((entry) => {
    if (!owners.includes(entry) || keepers.includes(entry)) return [entry];
    const fields = difference(entry.fields, replicas);
    return isEmptySet(fields) ? [] : [{ ...entry, fields }];
  });
  const added = afterwards.filter(({ operation }) => operation === 'Update').map(({ manager, operation, subresource }): ManagerEntry => ({ manager, operation, subresource, apiVersion: apiVersionOf(resource), time: undefined, fields: replicas }));
  return [...rest, ...added];
}

function valueAt(object: ApiObject, steps: readonly string[]): unknown {
  return steps.reduce<unknown>((at, step) => (isObject(at) ? getOwn(at, step) : undefined), object) ?? null;
}
