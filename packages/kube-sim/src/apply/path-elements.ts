import type { MergeSchema } from '../patch/merge-schema.ts';
import { unknownMergeSchema } from '../patch/merge-schema.ts';
import { getOwn, isObject } from '../values/json.ts';

/** How a value is walked: a leaf, an object whose fields are owned one by one, or a list whose items are. */
export type Shape = 'leaf' | 'object' | 'list';

export function shapeOf(value: unknown, schema: MergeSchema): Shape {
  if (Array.isArray(value)) return schema.listType === 'map' || schema.listType === 'set' ? 'list' : 'leaf';
  if (!isObject(value)) return 'leaf';
  return schema.mapType === 'atomic' ? 'leaf' : 'object';
}

export const fieldElement = (name: string) => `f:${name}`;

/** The schema of a field, or of a map's value. */
export function fieldSchema(schema: MergeSchema, name: string): MergeSchema {
  return schema.field(name) ?? schema.items ?? unknownMergeSchema;
}

export function itemSchema(schema: MergeSchema): MergeSchema {
  return schema.items ?? unknownMergeSchema;
}

/** Why a list item cannot be told from others; the text is structured-merge-diff's. */
export class PathElementError extends Error {}

/** What a list item is known by: the values of its keys, or the item itself in a set. */
export function itemElement(item: unknown, schema: MergeSchema): string {
  if (schema.listType === 'set') {
    if (isObject(item)) throw new PathElementError("associative list without keys has an element that's a map type");
    if (Array.isArray(item)) throw new PathElementError('not supported: associative list with lists as elements');
    return `v:${JSON.stringify(item)}`;
  }
  if (item === null) throw new PathElementError('associative list with keys may not have a null element');
  if (!isObject(item)) throw new PathElementError('associative list with keys may not have non-map elements');
  const keys: Record<string, unknown> = {};
  for (const key of [...schema.listMapKeys].sort()) {
    const value = getOwn(item, key) ?? schema.items?.field(key)?.defaultValue;
    if (value !== undefined) keys[key] = value;
  }
  if (Object.keys(keys).length === 0) {
    throw new PathElementError(`associative list with keys has an element that omits all key fields [${schema.listMapKeys.map((key) => JSON.stringify(key)).join(' ')}] (and doesn't have default values for any key fields)`);
  }
  return `k:${JSON.stringify(keys)}`;
}
