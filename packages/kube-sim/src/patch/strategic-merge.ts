import { equalJson, getOwn, isObject, setOwn } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import { goPrint, goPrintText, goTypeOf } from '../values/go-print.ts';
import type { MergeSchema } from './merge-schema.ts';
import { unknownMergeSchema } from './merge-schema.ts';
import { inSpecifiedOrder } from './list-order.ts';

/** Why a strategic merge patch cannot be applied, in the words of the API server. */
export class StrategicMergeError extends Error {
  /** The format of a directive is wrong, which is the client's fault; the rest the server answers with 500. */
  readonly isBadFormat: boolean;

  constructor(message: string, isBadFormat = false) {
    super(message);
    this.isBadFormat = isBadFormat;
  }
}

const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM = '$deleteFromPrimitiveList';
const SET_ORDER = '$setElementOrder';

/**
 * Strategic merge patch as apimachinery pkg/util/strategicpatch does it: maps merge, lists merge by their key where the
 * schema says so, and directives ($patch, $retainKeys, $deleteFromPrimitiveList, $setElementOrder) steer it. Neither
 * argument is changed; unchanged parts are shared with the result.
 */
export function applyStrategicMerge(target: JsonObject | undefined, patch: JsonObject, schema: MergeSchema): JsonObject {
  const directive = getOwn(patch, PATCH);
  if (directive === 'replace') return withoutKey(patch, PATCH);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw badDirective(directive, patch);
  const result: Record<string, unknown> = retained({ ...target }, patch);
  const ordered = new Set<string>();
  for (const key of Object.keys(patch)) {
    if (key.startsWith(SET_ORDER)) applyOrdered(result, patch, key, schema, ordered);
  }
  for (const key of Object.keys(patch)) {
    if (key === PATCH || key === RETAIN_KEYS || key.startsWith(SET_ORDER) || ordered.has(key)) continue;
    if (key.startsWith(DELETE_FROM)) applyDeleteList(result, fieldOf(key, DELETE_FROM), patch[key]);
    else applyField(result, key, patch[key], schema.field(key) ?? unknownMergeSchema);
  }
  return result;
}

/** What follows a directive and a slash. */
function fieldOf(key: string, directive: typeof DELETE_FROM | typeof SET_ORDER): string {
  if (key.startsWith(`${directive}/`)) return key.slice(directive.length + 1);
  throw new StrategicMergeError(`invalid patch format of ${directive === DELETE_FROM ? 'primitive list' : 'setElementOrder list'}`, true);
}

function applyField(result: Record<string, unknown>, key: string, change: unknown, schema: MergeSchema): void {
  const before = getOwn(result, key);
  if (change === null) {
    delete result[key];
  } else if (isObject(before) && isObject(change)) {
    setOwn(result, key, strategyOf(schema) === 'replace' ? change : applyStrategicMerge(before, change, schema));
  } else if (Array.isArray(before) && Array.isArray(change)) {
    setOwn(result, key, strategyOf(schema) === 'merge' ? mergeLists(before, change, schema) : change);
  } else {
    const taken = taking(change);
    if (taken === undefined) delete result[key];
    else setOwn(result, key, taken);
  }
}

function strategyOf(schema: MergeSchema): string {
  return schema.patchStrategy.find((strategy) => strategy !== 'retainKeys') ?? '';
}

/** Keys that $retainKeys does not name go. */
function retained(target: Record<string, unknown>, patch: JsonObject): Record<string, unknown> {
  const keys = getOwn(patch, RETAIN_KEYS);
  if (keys === undefined) return target;
  if (!Array.isArray(keys)) throw new StrategicMergeError('invalid patch format of retainKeys', true);
  for (const key of Object.keys(patch)) {
    if (key === RETAIN_KEYS || patch[key] === null || key.startsWith(DELETE_FROM) || key.startsWith(SET_ORDER)) continue;
    if (!keys.includes(key)) throw new StrategicMergeError('invalid patch format of retainKeys', true);
  }
  return Object.fromEntries(Object.entries(target).filter(([key]) => keys.includes(key)));
}

/** A new part as it is taken over: without directives and nulls. Undefined when it says to be deleted. */
function taking(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(taking).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, PATCH)) return undefined;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const taken = value[key] === null ? undefined : taking(value[key]);
    if (taken !== undefined) setOwn(copy, key, taken);
  }
  return copy;
}

function applyDeleteList(result: Record<string, unknown>, key: string, toDelete: unknown): void {
  const before = getOwn(result, key);
  if (!Array.isArray(before) || !Array.isArray(toDelete)) return;
  result[key] = before.filter((item) => !toDelete.some((other) => equalJson(item, other)));
}

/** A list together with its $setElementOrder. */
function applyOrdered(result: Record<string, unknown>, patch: JsonObject, orderKey: string, parent: MergeSchema, ordered: Set<string>): void {
  const order = patch[orderKey];
  requireList(order);
  const key = fieldOf(orderKey, SET_ORDER);
  const schema = parent.field(key) ?? unknownMergeSchema;
  const before = getOwn(result, key);
  const change = getOwn(patch, key);
  if (before !== undefined) requireList(before);
  if (change !== undefined) requireList(change);
  const deletions = getOwn(patch, `${DELETE_FROM}/${key}`);
  const original = before ?? [];
  checkOrder(change ?? [], order, schema.patchMergeKey);
  if (before === undefined && change === undefined) return;
  const merged = change === undefined
    ? original
    : before === undefined
      ? (taking(change) as readonly unknown[])
      : strategyOf(schema) === 'merge' ? mergeLists(original, change, schema) : change;
  const kept = Array.isArray(deletions) ? merged.filter((item) => !deletions.some((other) => equalJson(item, other))) : merged;
  setOwn(result, key, inSpecifiedOrder(kept, order, original, schema.patchMergeKey));
  ordered.add(key);
}

function requireList(value: unknown): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) throw new StrategicMergeError(`expected a []interface {}, but received a ${goTypeOf(value)}`);
}

/** The items of a patch must stand in the order they ask for. */
function checkOrder(change: readonly unknown[], order: readonly unknown[], mergeKey: string | undefined): void {
  if (order.length === 0) return;
  let at = 0;
  for (const item of change) {
    if (isObject(item) && Object.hasOwn(item, PATCH)) continue;
    const wanted = keyOf(item, mergeKey);
    while (at < order.length && !equalJson(keyOf(order[at], mergeKey), wanted)) at++;
    if (at === order.length) {
      throw new StrategicMergeError(`The order in patch list:\n${goPrint(change)}\n doesn't match $setElementOrder list:\n${goPrint(order)}\n`);
    }
    at++;
  }
}

function mergeLists(original: readonly unknown[], change: readonly unknown[], schema: MergeSchema): readonly unknown[] {
  if (original.length === 0 && change.length === 0) return original;
  const types = new Set([...original, ...change].map(goTypeOf));
  if (types.size > 1) throw new StrategicMergeError(`list element types are not identical: ${goPrint([original, change])}`);
  if (!types.has('map[string]interface {}')) {
    const merged = [...original];
    for (const item of change) if (!merged.some((other) => equalJson(other, item))) merged.push(item);
    return inSpecifiedOrder(merged, change, original, undefined);
  }
  const mergeKey = schema.patchMergeKey;
  if (mergeKey === undefined) throw new StrategicMergeError('cannot merge lists without merge key');
  return mergeObjectLists(original as readonly JsonObject[], change as readonly JsonObject[], mergeKey, schema.items ?? unknownMergeSchema);
}

function mergeObjectLists(original: readonly JsonObject[], change: readonly JsonObject[], mergeKey: string, items: MergeSchema): readonly unknown[] {
  let merged = [...original];
  const additions: JsonObject[] = [];
  let replaces = false;
  for (const item of change) {
    const directive = getOwn(item, PATCH);
    if (directive === undefined) additions.push(item);
    else if (directive === 'replace') replaces = true;
    else if (directive === 'delete') merged = merged.filter((other) => !equalJson(getOwn(other, mergeKey), keyOf(item, mergeKey)));
    else if (directive === 'merge') throw new StrategicMergeError('merging lists cannot yet be specified in the patch');
    else throw badDirective(directive, item);
  }
  if (replaces) return additions;
  for (const item of additions) {
    const wanted = keyOf(item, mergeKey);
    const index = merged.findIndex((other) => equalJson(keyOf(other, mergeKey), wanted));
    if (index < 0) merged.push(taking(item) as JsonObject);
    else merged[index] = applyStrategicMerge(merged[index], item, items);
  }
  return inSpecifiedOrder(merged, additions, original, mergeKey);
}

/** What identifies an item: its merge key, or the item itself in lists of scalars. */
function keyOf(item: unknown, mergeKey: string | undefined): unknown {
  if (mergeKey === undefined) return item;
  if (!isObject(item) || !Object.hasOwn(item, mergeKey)) throw new StrategicMergeError(`map: ${goPrint(item)} does not contain declared merge key: ${mergeKey}`);
  return item[mergeKey];
}

function badDirective(directive: unknown, patch: unknown): StrategicMergeError {
  return new StrategicMergeError(`unknown patch type: ${goPrintText(directive)} in map: ${goPrint(patch)}`);
}

function withoutKey(object: JsonObject, key: string): JsonObject {
  const { [key]: _dropped, ...rest } = object;
  return rest;
}
