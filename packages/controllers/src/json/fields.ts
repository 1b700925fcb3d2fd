import { isJsonObject } from '@vfleet/core';
import type { JsonValue } from '@vfleet/core';

/** A JSON object whose fields have not been looked at yet. */
export type JsonObject = { readonly [key: string]: JsonValue };

/** The value as an object; undefined for anything else, so that a reader can go on with what it finds. */
export function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return value !== undefined && isJsonObject(value) ? value : undefined;
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/**
 * The value of a field as Go's encoding/json finds it: the exact key, else the first key that differs in case only. Existing
 * configurations were read by Go programs, so `"spoofChk"` has always worked where `spoofchk` is documented. Own fields only:
 * `__proto__` and `constructor` in a document are plain data.
 */
export function field(object: JsonObject, name: string): JsonValue | undefined {
  if (Object.hasOwn(object, name)) return object[name];
  const lower = name.toLowerCase();
  for (const key of Object.keys(object)) if (key.toLowerCase() === lower) return object[key];
  return undefined;
}

/** Which of `known` a key of a document names, ignoring case; undefined when none. */
export function knownKey(key: string, known: readonly string[]): string | undefined {
  const lower = key.toLowerCase();
  return known.find((name) => name.toLowerCase() === lower);
}

/** Appends a field or an index to a path such as `resourceList[0].selectors`. */
export function fieldPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}
