import type { Clock, Condition, Kube, KubeObject, Log, Random, Resource } from '@vfleet/core';
import type { ConditionUpdate } from '@vfleet/kube';
import { objectKey, setCondition } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import type { FleetModel } from './fleet-model.ts';
import type { OperatorInformers } from './informers.ts';
import type { OwnWrites } from './own-writes.ts';
import type { PoolLedger } from './pools/pool-ledger.ts';
import type { ResolvedSettings } from './settings.ts';

export interface OperatorPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What the operator's controllers share while one process leads. */
export interface OperatorContext {
  readonly ports: OperatorPorts;
  readonly settings: ResolvedSettings;
  readonly informers: OperatorInformers;
  readonly events: EventRecorder;
  readonly writes: OwnWrites;
  readonly fleet: FleetModel;
  readonly pools: PoolLedger;
}

type WithConditions = KubeObject & { readonly status?: { readonly conditions?: readonly Condition[] } };

/** The key of an object in {@link OwnWrites}: caches of different resources share it. */
export function writeKey(resource: Resource, namespace: string | undefined, name: string): string {
  return `${resource.plural}/${namespace ?? ''}/${name}`;
}

/**
 * Brings `status` of an object to what it should be, `conditions` merged by type; `more` replaces other fields. Writes only what
 * differs from the cached object, and nothing while an own write has not come back. Returns whether it wrote.
 */
export async function patchStatus<Type extends WithConditions>(
  context: OperatorContext, resource: Resource<Type>, cached: Type, updates: readonly ConditionUpdate[], more: Readonly<Record<string, unknown>> = {},
): Promise<boolean> {
  const before: Readonly<Record<string, unknown>> = { ...cached.status };
  let conditions = cached.status?.conditions;
  for (const update of updates) conditions = setCondition(conditions, update, context.ports.clock);
  const status: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(more)) if (before[field] !== value) status[field] = value;
  if (conditions !== cached.status?.conditions) status['conditions'] = conditions;
  if (Object.keys(status).length === 0) return false;
  // Conditions of other controllers are in the same list: their newer statements must not be overwritten.
  const metadata = 'conditions' in status ? { resourceVersion: cached.metadata.resourceVersion } : {};
  const written = await context.ports.kube.patch(resource, objectKey(cached), { type: 'merge', patch: { metadata, status } }, { subresource: 'status' });
  context.writes.wrote(writeKey(resource, cached.metadata.namespace, cached.metadata.name), written);
  return true;
}
