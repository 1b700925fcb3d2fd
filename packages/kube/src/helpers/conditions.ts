import type { Clock, Condition } from '@vfleet/core';
import { rfc3339 } from '@vfleet/core';

/** What to say about an object. The time is filled in by {@link setCondition}. */
export type ConditionUpdate = Omit<Condition, 'lastTransitionTime'>;

/**
 * The conditions with `update` in place of the one of its type, or at the end. `lastTransitionTime` changes only with `status`
 * (apimachinery pkg/api/meta/conditions.go). The same array comes back when nothing changed, so that nothing is written.
 */
export function setCondition(conditions: readonly Condition[] | undefined, update: ConditionUpdate, clock: Clock): readonly Condition[] {
  const before = findCondition(conditions, update.type);
  if (before === undefined) return [...(conditions ?? []), { ...update, lastTransitionTime: rfc3339(clock.now()) }];
  const same = before.status === update.status && before.reason === update.reason && before.message === update.message && before.observedGeneration === update.observedGeneration;
  if (same) return conditions!;
  const lastTransitionTime = before.status === update.status ? before.lastTransitionTime : rfc3339(clock.now());
  return conditions!.map((condition) => (condition === before ? { ...update, lastTransitionTime } : condition));
}

/** The conditions without those of `type`; the same array when there is none. */
export function removeCondition(conditions: readonly Condition[], type: string): readonly Condition[] {
  return findCondition(conditions, type) === undefined ? conditions : conditions.filter((condition) => condition.type !== type);
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition of `type` is there and "True". */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}
