import type { KubeObject } from '@vfleet/core';

/** A JSON object as it is stored: frozen, and never shared with a caller's mutable value. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A stored or served API object. */
export type ApiObject = KubeObject & JsonObject;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a JSON value is, as errors of Go's encoding/json say it. */
export function jsonTypeName(value: unknown): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value;
}

/** The object at `key`, or an empty one: for reading optional parts without a chain of questions. */
export function objectAt(value: unknown, key: string): JsonObject {
  const inner = isObject(value) ? value[key] : undefined;
  return isObject(inner) ? inner : EMPTY_OBJECT;
}

export function arrayAt(value: unknown, key: string): readonly unknown[] {
  const inner = isObject(value) ? value[key] : undefined;
  return Array.isArray(inner) ? inner : EMPTY_ARRAY;
}

export function stringAt(value: unknown, key: string): string {
  const inner = isObject(value) ? value[key] : undefined;
  return typeof inner === 'string' ? inner : '';
}

export const EMPTY_OBJECT: JsonObject = Object.freeze({});
export const EMPTY_ARRAY: readonly never[] = Object.freeze([]);

/**
 * A deeply frozen equal of `value`. Parts that are deeply frozen already are shared, so handing back what came from the
 * store costs a walk and no copies, and parts that `known`, which is deeply frozen, has in the same place cost nothing. Properties
 * that are undefined count as absent, as JSON has no such value.
 */
export function frozen<Type>(value: Type, known?: unknown): Type;
export function frozen(value: unknown, known?: unknown): unknown {
  if (typeof value !== 'object' || value === null || value === known) return value;
  if (Object.isFrozen(value) && isDeeplyFrozen(value)) return value;
  if (Array.isArray(value)) return Object.freeze(value.map((item: unknown, index) => (item === undefined ? null : frozen(item, Array.isArray(known) ? known[index] : undefined))));
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = (value as JsonObject)[key];
    if (item !== undefined) setOwn(copy, key, frozen(item, isObject(known) ? getOwn(known, key) : undefined));
  }
  return Object.freeze(copy);
}

/** From how many items on it is worth to remember what was found of a list: short ones are looked at sooner than remembered. */
export const LONG = 16;

/** Long lists that are deeply frozen: what is frozen stays so, and lists are what makes objects large. */
const frozenLists = new WeakMap<readonly unknown[], true>();

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value !== undefined;
  if (!Object.isFrozen(value)) return false;
  if (Array.isArray(value)) {
    if (value.length < LONG) return value.every(isDeeplyFrozen);
    if (frozenLists.has(value)) return true;
    if (!value.every(isDeeplyFrozen)) return false;
    frozenLists.set(value, true);
    return true;
  }
  for (const key in value) if (!isDeeplyFrozen((value as JsonObject)[key])) return false;
  return true;
}

/** Sets an own property whatever its name: plain assignment of `__proto__` would change the prototype instead. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

/** Reads an own property only, so that `constructor` and friends are not found on the prototype. */
export function getOwn(target: JsonObject, key: string): unknown {
  return Object.hasOwn(target, key) ? target[key] : undefined;
}

/** A shallow frozen copy with `changes` laid over; a change to undefined removes the property. */
export function withFields<Type extends JsonObject>(object: Type, changes: JsonObject): Type {
  // No delete: it would turn the copy into a slow dictionary.
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    const value = Object.hasOwn(changes, key) ? changes[key] : object[key];
    if (value !== undefined) setOwn(copy, key, value);
  }
  for (const key of Object.keys(changes)) if (changes[key] !== undefined && !Object.hasOwn(object, key)) setOwn(copy, key, changes[key]);
  // The caller says which fields change; their types are its responsibility.
  return Object.freeze(copy) as Type;
}

/** A frozen copy whose metadata has `changes` laid over. */
export function withMeta<Type extends ApiObject>(object: Type, changes: JsonObject): Type {
  return withFields(object, { metadata: withFields(object.metadata as unknown as JsonObject, changes) });
}

/** Deep equality of JSON values; shared parts are recognised at once. Absent and undefined are the same. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) if (!equalJson(a[index], b[index])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const left = a as JsonObject;
  const right = b as JsonObject;
  for (const key in left) if (left[key] !== right[key] && !equalJson(left[key], getOwn(right, key))) return false;
  for (const key in right) if (right[key] !== undefined && getOwn(left, key) === undefined) return false;
  return true;
}
