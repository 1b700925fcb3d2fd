import { isJsonObject } from '@vfleet/core';
import type { JsonValue } from '@vfleet/core';

const everyElement = Symbol('every element');

/** A member's name, an index, every element, or the first element whose field has a value. */
type Part = string | number | typeof everyElement | { readonly field: string; readonly is: string };


/**
 * `metadata.labels["app.kubernetes.io/name"]`, `items[0].spec`, `resources[name=pods].verbs`, `items[*].metadata.name`; the empty path is the whole.
 * A path that cannot be read is a mistake in a case, and throws.
 */
export function parsePath(path: string): readonly Part[] {
  const parts: Part[] = [];
  const token = /\.?([^.[\]]+)|\["([^"]*)"\]|\[(\d+)\]|\[(\w+)=([^\]]*)\]|\[(\*)\]/y;
  while (token.lastIndex < path.length) {
    const match = token.exec(path);
    if (match === null) throw new Error(`This is no path: ${path}`);
    const [, name, quoted, index, field, is, every] = match;
    if (field !== undefined) parts.push({ field, is: is ?? '' });
    else if (every !== undefined) parts.push(everyElement);
    else parts.push(index === undefined ? (name ?? quoted ?? '') : Number(index));
  }
  return parts;
}

/** The value at a path; undefined when there is none. */
export function valueAt(value: JsonValue | undefined, path: string): JsonValue | undefined {
  return walk(value, parsePath(path));
}

function walk(value: JsonValue | undefined, parts: readonly Part[]): JsonValue | undefined {
  const [part, ...rest] = parts;
  if (part === undefined || value === undefined) return value;
  if (part === everyElement) return Array.isArray(value) ? value.map((item: JsonValue) => walk(item, rest) ?? null) : undefined;
  return walk(step(value, part), rest);
}

function step(value: JsonValue, part: Exclude<Part, typeof everyElement>): JsonValue | undefined {
  if (typeof part === 'object') return Array.isArray(value) ? value.find((item: JsonValue) => isJsonObject(item) && item[part.field] === part.is) : undefined;
  if (typeof part === 'number') return Array.isArray(value) ? (value[part] as JsonValue | undefined) : undefined;
  return isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
}

/** `parent.child`, quoted where the name would be read otherwise. */
export function childPath(parent: string, name: string | number): string {
  if (typeof name === 'number') return `${parent}[${name}]`;
  if (!/^[^.[\]"]+$/.test(name)) return `${parent}["${name}"]`;
  return parent === '' ? name : `${parent}.${name}`;
}
