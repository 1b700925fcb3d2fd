import type { CelLibrary } from './library.ts';

/** Values of types of our own compare themselves. */
export interface Comparable {
  equals(other: unknown): boolean;
}

export function isComparable(value: unknown): value is Comparable {
  return typeof value === 'object' && value !== null && 'equals' in value && typeof value.equals === 'function';
}

/** CEL's == on values of any type (cel-spec langdef, Equality). Numbers of different types are equal when their values are. */
export function equalCel(library: CelLibrary, a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return a == b; // eslint-disable-line eqeqeq -- an int of 1 equals a double of 1
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isComparable(a)) return a.equals(b);
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof library.Duration) return b instanceof library.Duration && a.seconds === b.seconds && a.nanos === b.nanos;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && a.length === b.length && a.every((byte, index) => byte === b[index]);
  if (isList(a)) return isList(b) && equalLists(library, [...a], [...b]);
  const [left, right] = [entriesOf(a), new Map(entriesOf(b))];
  return left.length === right.size && left.every(([key, value]) => right.has(key) && equalCel(library, value, right.get(key)));
}

export function isList(value: unknown): value is readonly unknown[] | ReadonlySet<unknown> {
  return Array.isArray(value) || value instanceof Set;
}

/** Entries of a map, which the library has as a Map or, where a rule writes one down, as an object. */
export function entriesOf(map: object): readonly (readonly [unknown, unknown])[] {
  return map instanceof Map ? [...(map as ReadonlyMap<unknown, unknown>)] : Object.entries(map);
}

function equalLists(library: CelLibrary, a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => equalCel(library, item, b[index]));
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
