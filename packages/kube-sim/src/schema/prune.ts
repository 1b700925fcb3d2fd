import { isObject, LONG, setOwn } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import type { SchemaNode } from './structural.ts';

const RESOURCE_FIELDS: readonly string[] = ['apiVersion', 'kind', 'metadata'];

/** Told the path of every dropped field; with `keepsNulls`, nulls that are not allowed go only where a default takes their place. */
export interface Pruning {
  unknown(path: string): void;
  readonly keepsNulls?: boolean;
}

/** Drops what the schema does not know, and nulls where they are not allowed. Returns the same value when nothing had to go. */
export function prune(value: unknown, node: SchemaNode, path: string, pruning: Pruning, isRoot = false): unknown {
  if (Array.isArray(value)) {
    const { items, known: { pruned } } = node;
    if (items === undefined || pruned.has(value)) return value;
    const after = mapArray(value, (item, index) => prune(item, items, `${path}[${index}]`, pruning));
    if (after === value && pruning.keepsNulls !== true && value.length >= LONG && Object.isFrozen(value)) pruned.add(value);
    return after;
  }
  if (!isObject(value)) return value;
  return pruneObject(value, node, path, pruning, isRoot || node.isEmbeddedResource);
}

function pruneObject(value: JsonObject, node: SchemaNode, path: string, pruning: Pruning, isResource: boolean): JsonObject {
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(value)) {
    const before = value[key];
    if (isResource && RESOURCE_FIELDS.includes(key)) continue;
    const property = node.properties.get(key) ?? (typeof node.additional === 'object' ? node.additional : undefined);
    const isKnown = property !== undefined || node.additional === true || node.preservesUnknown;
    const where = path === '' ? key : `${path}.${key}`;
    const isForbiddenNull = before === null && property !== undefined && !property.isNullable && (pruning.keepsNulls !== true || property.defaultValue !== undefined);
    if (!isKnown) pruning.unknown(where);
    if (!isKnown || isForbiddenNull) {
      copy ??= { ...value };
      delete copy[key];
      continue;
    }
    const after = property === undefined ? before : prune(before, property, where, pruning);
    if (after !== before) setOwn((copy ??= { ...value }), key, after);
  }
  return copy ?? value;
}

export function mapArray(items: readonly unknown[], change: (item: unknown, index: number) => unknown): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < items.length; index++) {
    const after = change(items[index], index);
    if (after !== items[index]) (copy ??= items.slice())[index] = after;
  }
  return copy ?? items;
}
