import type { FieldError } from '../errors/field-error.ts';
import { equalJson, getOwn, isObject } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';

/**
 * Validation ratcheting (KEP-4008): what was wrong before and is not touched by this update does not make it fail. A missing
 * field counts as touched when the object that should have it changed.
 */
export function withoutRatcheted(errors: readonly FieldError[], next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return errors.filter(({ field, reason }) => {
    const path = steps(field);
    const where = reason === 'FieldValueRequired' ? path.slice(0, -1) : path;
    const before = read(previous, where);
    return before === undefined || where.length === 0 || !equalJson(read(next, where), before);
  });
}

function steps(field: string): readonly string[] {
  return field === '<nil>' ? [] : [...field.matchAll(/[^.[\]]+/g)].map(([step]) => step);
}

function read(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const step of path) at = Array.isArray(at) ? at[Number(step)] : isObject(at) ? getOwn(at, step) : undefined;
  return at;
}
