import { isObject, withFields } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';

/** The object with `values` for the fields it lacks; the same object when it lacks none. */
export function fill(object: JsonObject, values: JsonObject): JsonObject {
  let missing: Record<string, unknown> | undefined;
  for (const key of Object.keys(values)) if (object[key] === undefined) (missing ??= {})[key] = values[key];
  return missing === undefined ? object : withFields(object, missing);
}

/** The object with one field replaced by what `change` makes of it, where it is an object. */
export function within(object: JsonObject, key: string, change: (inner: JsonObject) => JsonObject): JsonObject {
  const inner = object[key];
  if (!isObject(inner)) return object;
  const changed = change(inner);
  return changed === inner ? object : withFields(object, { [key]: changed });
}

/** The object with every item of a list of objects changed. */
export function each(object: JsonObject, key: string, change: (item: JsonObject) => JsonObject): JsonObject {
  const items = object[key];
  if (!Array.isArray(items)) return object;
  const changed = items.map((item: unknown) => (isObject(item) ? change(item) : item));
  return changed.every((item, index) => item === items[index]) ? object : withFields(object, { [key]: Object.freeze(changed) });
}
