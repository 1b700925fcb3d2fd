import type { MergeSchema } from '../patch/merge-schema.ts';
import { getOwn, isObject, setOwn } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import { below, FieldSetBuilder, hasMember, isEmptySet } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { fieldElement, fieldSchema, itemElement, itemSchema, shapeOf } from './path-elements.ts';

/** The fields that a configuration states (structured-merge-diff typed/tofieldset.go). */
export function fieldsOf(value: unknown, schema: MergeSchema): FieldSet {
  const builder = new FieldSetBuilder();
  collect(value, schema, [], builder);
  return builder.build();
}

function collect(value: unknown, schema: MergeSchema, path: readonly string[], set: FieldSetBuilder): void {
  switch (shapeOf(value, schema)) {
    case 'leaf':
      set.insert(path);
      return;
    case 'object':
      for (const [key, inner] of Object.entries(value as JsonObject)) {
        const where = [...path, fieldElement(key)];
        collect(inner, fieldSchema(schema, key), where, set);
        // Keys of maps are owned themselves; fields of structs only through what is in them.
        if (isEmptyObject(inner) || schema.field(key) === undefined) set.insert(where);
      }
      return;
    case 'list': {
      const seen = new Map<string, number>();
      const items = value as readonly unknown[];
      for (const item of items) seen.set(itemElement(item, schema), (seen.get(itemElement(item, schema)) ?? 0) + 1);
      for (const item of items) {
        const element = itemElement(item, schema);
        if (seen.get(element) === 1) collect(item, itemSchema(schema), [...path, element], set);
        set.insert([...path, element]);
      }
    }
  }
}

function isEmptyObject(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

/** The live object with a configuration merged over it (structured-merge-diff typed/merge.go). */
export function mergeConfiguration(live: unknown, configuration: unknown, schema: MergeSchema): unknown {
  if (live === undefined) return configuration;
  if (configuration === undefined) return live;
  const shape = shapeOf(configuration, schema);
  if (shape === 'leaf' || shapeOf(live, schema) !== shape) return configuration;
  return shape === 'object' ? mergeObjects(live as JsonObject, configuration as JsonObject, schema) : mergeLists(live as readonly unknown[], configuration as readonly unknown[], schema);
}

function mergeObjects(live: JsonObject, configuration: JsonObject, schema: MergeSchema): JsonObject {
  const result: Record<string, unknown> = { ...live };
  for (const key of Object.keys(configuration)) {
    const merged = mergeConfiguration(getOwn(live, key), configuration[key], fieldSchema(schema, key));
    setOwn(result, key, merged);
  }
  return result;
}

/** Items of both stand in the order of the configuration; the others keep their place among the live ones. */
function mergeLists(live: readonly unknown[], configuration: readonly unknown[], schema: MergeSchema): readonly unknown[] {
  const items = itemSchema(schema);
  const left = live.map((item) => ({ element: itemElement(item, schema), item }));
  const right = configuration.map((item) => ({ element: itemElement(item, schema), item }));
  const liveByElement = new Map(left.map(({ element, item }) => [element, item]));
  const wanted = new Set(right.map(({ element }) => element));
  const shared = right.map(({ element }) => element).filter((element) => liveByElement.has(element));
  const merged: unknown[] = [];
  const done = new Set<string>();
  const take = ({ element, item }: { readonly element: string; readonly item: unknown }) => {
    merged.push(mergeConfiguration(liveByElement.get(element), item, items));
    done.add(element);
    if (shared[0] === element) shared.shift();
  };
  let at = 0;
  let next = 0;
  while (at < left.length || next < right.length) {
    const ours = left[at];
    const theirs = right[next];
    if (ours !== undefined && theirs !== undefined) {
      if (ours.element === theirs.element) {
        take(theirs);
        at++;
        next++;
        continue;
      }
      if (wanted.has(ours.element) && shared[0] !== undefined && shared[0] !== ours.element) {
        at++;
        continue;
      }
    }
    if (ours !== undefined) {
      if (!wanted.has(ours.element)) {
        merged.push(ours.item);
        at++;
        continue;
      }
      if (done.has(ours.element)) at++;
    }
    if (theirs !== undefined) {
      take(theirs);
      next++;
    }
  }
  return merged;
}

/** The value without the members of `set` (structured-merge-diff typed/remove.go). Undefined when nothing is left. */
export function withoutFields(value: unknown, set: FieldSet, schema: MergeSchema): unknown {
  if (isEmptySet(set)) return value;
  switch (shapeOf(value, schema)) {
    case 'leaf': return isObject(value) || Array.isArray(value) ? undefined : value;
    case 'object': {
      const result: Record<string, unknown> = {};
      for (const [key, inner] of Object.entries(value as JsonObject)) {
        const element = fieldElement(key);
        if (hasMember(set, element)) continue;
        const kept = withoutFields(inner, below(set, element), fieldSchema(schema, key));
        if (kept !== undefined) setOwn(result, key, kept);
        // A part that loses all it had is null, and no empty object (structured-merge-diff typed/remove.go, doMap).
        else if (inner !== null) setOwn(result, key, null);
      }
      return Object.keys(result).length === 0 ? undefined : result;
    }
    case 'list': {
      const items = (value as readonly unknown[]).flatMap((item) => {
        const element = itemElement(item, schema);
        if (hasMember(set, element)) return [];
        return [withoutFields(item, below(set, element), itemSchema(schema))];
      });
      return items.length === 0 ? undefined : items;
    }
  }
}

/** Fields of structs count as members as soon as anything below them is one, so that they can be removed as a whole. */
export function withNamedFields(set: FieldSet, schema: MergeSchema): FieldSet {
  const builder: Record<string, FieldSet> = {};
  for (const [element, node] of Object.entries(set)) {
    if (element === '.') {
      builder[element] = node;
      continue;
    }
    const name = element.startsWith('f:') ? element.slice(2) : undefined;
    const inner = name === undefined ? itemSchema(schema) : fieldSchema(schema, name);
    const children = withNamedFields(below(set, element), inner);
    const isNamed = name !== undefined && schema.field(name) !== undefined;
    const member = hasMember(set, element) || isNamed;
    builder[element] = isEmptySet(children) ? {} : member ? { '.': {}, ...children } : children;
  }
  return builder;
}
