import { isObject, LONG, setOwn } from '../values/json.ts';
import { mapArray } from './prune.ts';
import type { SchemaNode } from './structural.ts';

/** Fills in the schema's defaults, from the outside in. Returns the same value when there was nothing to fill. */
export function applyDefaults(value: unknown, node: SchemaNode): unknown {
  if (!node.hasDefaults) return value;
  if (Array.isArray(value)) {
    const { items, known: { filled } } = node;
    if (items === undefined || filled.has(value)) return value;
    const after = mapArray(value, (item) => applyDefaults(item, items));
    if (after === value && value.length >= LONG && Object.isFrozen(value)) filled.add(value);
    return after;
  }
  if (!isObject(value)) return value;
  let copy: Record<string, unknown> | undefined;
  for (const [name, property] of node.properties) {
    if (!property.hasDefaults) continue;
    const before = Object.hasOwn(value, name) ? value[name] : undefined;
    const filled = before === undefined ? property.defaultValue : before;
    if (filled === undefined) continue;
    const after = applyDefaults(filled, property);
    if (after !== before) setOwn((copy ??= { ...value }), name, after);
  }
  if (typeof node.additional === 'object' && node.additional.hasDefaults) {
    for (const key of Object.keys(value)) {
      if (node.properties.has(key)) continue;
      const after = applyDefaults(value[key], node.additional);
      if (after !== value[key]) setOwn((copy ??= { ...value }), key, after);
    }
  }
  return copy ?? value;
}
