import { isJsonObject } from '@vfleet/core';
import type { JsonValue } from '@vfleet/core';
import { asObject } from './fields.ts';
import type { JsonObject } from './fields.ts';

// Exact keys, as the Kubernetes API has them; `field` is for configurations that Go read without minding the case.

/** An own field of an object that came from outside; undefined for anything inherited. */
export function own(object: JsonObject | undefined, name: string): JsonValue | undefined {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

export function textOf(object: JsonObject | undefined, name: string): string {
  const value = own(object, name);
  return typeof value === 'string' ? value : '';
}

/** The texts of a map such as labels or annotations; what is no text is left out. */
export function textsOf(object: JsonObject | undefined, name: string): ReadonlyMap<string, string> {
  const value = own(object, name);
  const texts = new Map<string, string>();
  if (value !== undefined && isJsonObject(value)) for (const [key, text] of Object.entries(value)) if (typeof text === 'string') texts.set(key, text);
  return texts;
}

/** The objects of a list. Entries that are none count as empty ones, so that an index means the same as in the document. */
export function objectsOf(object: JsonObject | undefined, name: string): readonly JsonObject[] {
  const list = own(object, name);
  return Array.isArray(list) ? list.map((item: JsonValue) => asObject(item) ?? {}) : [];
}
