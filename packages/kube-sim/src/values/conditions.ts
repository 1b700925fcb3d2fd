import { arrayAt, equalJson, isObject, withFields } from './json.ts';
import type { JsonObject } from './json.ts';

/** A status with one condition set; lastTransitionTime changes only with the condition's status. */
export function withCondition(status: JsonObject, condition: JsonObject & { readonly type: string; readonly status: string }, now: string): JsonObject {
  const conditions = arrayAt(status, 'conditions');
  const index = conditions.findIndex((other) => isObject(other) && other['type'] === condition.type);
  const before = conditions[index];
  const since = isObject(before) && before['status'] === condition.status ? (before['lastTransitionTime'] ?? now) : now;
  const next = Object.freeze({ ...condition, lastTransitionTime: since });
  if (equalJson(before, next)) return status;
  return withFields(status, { conditions: Object.freeze(index < 0 ? [...conditions, next] : conditions.with(index, next)) });
}

export function findCondition(status: unknown, type: string): JsonObject | undefined {
  return arrayAt(status, 'conditions').find((condition): condition is JsonObject => isObject(condition) && condition['type'] === type);
}
