import type { MergeSchema } from '../patch/merge-schema.ts';
import { equalJson, getOwn, isObject } from '../values/json.ts';
import { EMPTY_SET, FieldSetBuilder } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { fieldElement, fieldSchema, itemElement, itemSchema, shapeOf } from './path-elements.ts';

/** Which fields two states of an object differ in (structured-merge-diff typed/compare.go). */
export interface Comparison {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}

const SAME: Comparison = { added: EMPTY_SET, removed: EMPTY_SET, modified: EMPTY_SET };

/** The record of who owns what is owned by nobody. */
const [METADATA, RECORD] = ['f:metadata', 'managedFields'];

/** Compares two values, but for metadata.managedFields; undefined stands for one that is not there. Shared parts cost nothing. */
export function compareValues(before: unknown, after: unknown, schema: MergeSchema): Comparison {
  if (before === after) return SAME;
  const walk = new Walk();
  walk.compare(before, after, schema, []);
  return { added: walk.added.build(), removed: walk.removed.build(), modified: walk.modified.build() };
}

class Walk {
  readonly added = new FieldSetBuilder();
  readonly removed = new FieldSetBuilder();
  readonly modified = new FieldSetBuilder();

  compare(before: unknown, after: unknown, schema: MergeSchema, path: readonly string[]): void {
    if (before === after) return;
    // null is there, but takes the shape of the other side.
    const left = before === undefined || before === null ? undefined : shapeOf(before, schema);
    const right = after === undefined || after === null ? undefined : shapeOf(after, schema);
    if (left === 'leaf' || right === 'leaf' || (left !== undefined && right !== undefined && left !== right) || (isHollow(before) && isHollow(after))) {
      this.#leaf(before, after, path);
      return;
    }
    if ((left ?? right) === 'object') this.#fields(before, after, schema, path);
    else this.#items(before, after, schema, path);
    if (path.length === 0) return;
    if (before === undefined) this.added.insert(path);
    else if (after === undefined) this.removed.insert(path);
  }

  #leaf(before: unknown, after: unknown, path: readonly string[]): void {
    if (before === undefined) this.added.insert(path);
    else if (after === undefined) this.removed.insert(path);
    else if (!equalJson(before, after)) this.modified.insert(path);
  }

  #fields(before: unknown, after: unknown, schema: MergeSchema, path: readonly string[]): void {
    const left = isObject(before) ? before : {};
    const right = isObject(after) ? after : {};
    const isMetadata = path.length === 1 && path[0] === METADATA;
    for (const key of Object.keys(left)) {
      const other = getOwn(right, key);
      if (left[key] !== other && !(isMetadata && key === RECORD)) this.compare(left[key], other, fieldSchema(schema, key), [...path, fieldElement(key)]);
    }
    for (const key of Object.keys(right)) if (getOwn(left, key) === undefined && !(isMetadata && key === RECORD)) this.compare(undefined, right[key], fieldSchema(schema, key), [...path, fieldElement(key)]);
  }

  #items(before: unknown, after: unknown, schema: MergeSchema, path: readonly string[]): void {
    if (isSameItems(before, after)) return;
    const left = grouped(before, schema);
    const right = grouped(after, schema);
    for (const element of new Set([...left.keys(), ...right.keys()])) this.#item(left.get(element) ?? [], right.get(element) ?? [], schema, [...path, element]);
  }

  /** Items that are there several times are compared as a whole. */
  #item(left: readonly unknown[], right: readonly unknown[], schema: MergeSchema, path: readonly string[]): void {
    const items = itemSchema(schema);
    if (left.length <= 1 && right.length <= 1) this.compare(left[0], right[0], items, path);
    else if (left.length >= 2 && right.length >= 2) {
      if (!equalJson(left, right)) this.modified.insert(path);
    } else if (left.length >= 2) {
      if (right.length > 0) this.compare(undefined, right[0], items, path);
      this.removed.insert(path);
    } else {
      if (left.length > 0) this.compare(left[0], undefined, items, path);
      this.added.insert(path);
    }
  }
}

function isHollow(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0);
}

/** Lists made anew of the very same items. */
function isSameItems(before: unknown, after: unknown): boolean {
  return Array.isArray(before) && Array.isArray(after) && before.length === after.length && before.every((item, index) => item === after[index]);
}

function grouped(list: unknown, schema: MergeSchema): Map<string, unknown[]> {
  const groups = new Map<string, unknown[]>();
  for (const item of Array.isArray(list) ? list : []) {
    const element = itemElement(item, schema);
    const group = groups.get(element);
    if (group === undefined) groups.set(element, [item]);
    else group.push(item);
  }
  return groups;
}
