import { equalJson, getOwn, isObject, jsonTypeName, setOwn } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import { goQuote } from '../errors/field-error.ts';

/** One RFC 6902 operation, as it came. */
export type JsonPatchOperation = JsonObject;

/** Why a JSON patch does not apply; the text follows the library that the API server uses (gopkg.in/evanphx/json-patch). */
export class JsonPatchError extends Error {}

/** Copies made by one patch may not add more than this (apiserver: jsonpatch AccumulatedCopySizeLimit is the request limit). */
const COPY_LIMIT_BYTES = 3 * 1024 * 1024;

/** Applies RFC 6902 operations in order. The document is never changed; unchanged parts are shared with the result. */
export function applyJsonPatch(document: unknown, operations: readonly JsonPatchOperation[]): unknown {
  const budget = { copiedBytes: 0 };
  let result = document;
  for (const operation of operations) result = applyOne(result, operation, budget);
  return result;
}

function applyOne(document: unknown, operation: JsonPatchOperation, budget: { copiedBytes: number }): unknown {
  const kind = getOwn(operation, 'op');
  const path = pointerOf(operation, 'path');
  switch (kind) {
    case 'add': return add(document, path, valueOf(operation));
    case 'remove': return remove(document, path, 'remove');
    case 'replace': return replace(document, path, valueOf(operation));
    case 'move': {
      const from = pointerOf(operation, 'from');
      const value = read(document, from, 'move');
      return add(remove(document, from, 'move'), path, value);
    }
    case 'copy': {
      const value = readLeniently(document, pointerOf(operation, 'from'), 'copy');
      budget.copiedBytes += JSON.stringify(value)?.length ?? 0;
      if (budget.copiedBytes > COPY_LIMIT_BYTES) throw new JsonPatchError(`Unable to complete the copy, the accumulated size increase of copy is ${budget.copiedBytes}, exceeding the limit ${COPY_LIMIT_BYTES}`);
      return add(document, path, value);
    }
    case 'test': {
      if (!equalJson(readLeniently(document, path, 'test'), getOwn(operation, 'value') ?? null)) throw new JsonPatchError(`testing value ${pointerText(path)} failed: test failed`);
      return document;
    }
    default:
      throw new JsonPatchError(`Unexpected kind: ${typeof kind === 'string' ? kind : 'unknown'}`);
  }
}

function valueOf(operation: JsonPatchOperation): unknown {
  return Object.hasOwn(operation, 'value') ? operation['value'] : null;
}

function pointerOf(operation: JsonPatchOperation, key: 'path' | 'from'): readonly string[] {
  const text = getOwn(operation, key);
  if (typeof text !== 'string') throw new JsonPatchError(`${String(getOwn(operation, 'op'))} operation failed to decode ${key}: missing ${key}`);
  if (text === '') return [];
  if (!text.startsWith('/')) throw new JsonPatchError(`jsonpatch ${String(getOwn(operation, 'op'))} operation does not apply: doc is missing path: ${goQuote(text)}: missing value`);
  return text.slice(1).split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function pointerText(path: readonly string[]): string {
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function missing(path: readonly string[], action: string): JsonPatchError {
  return new JsonPatchError(`${action} operation does not apply: doc is missing path: ${goQuote(pointerText(path))}: missing value`);
}

/** Rebuilds the containers on the way to `path` around what `change` makes of the last one. */
function within(document: unknown, path: readonly string[], action: string, change: (container: unknown, key: string) => unknown, depth = 0): unknown {
  const key = path[depth]!;
  if (depth === path.length - 1) return change(document, key);
  if (Array.isArray(document)) {
    const index = existingIndex(document, key, path, action);
    return document.with(index, within(document[index], path, action, change, depth + 1));
  }
  if (!isObject(document) || !Object.hasOwn(document, key)) throw missing(path, action);
  return withProperty(document, key, within(document[key], path, action, change, depth + 1));
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  if (path.length === 0) throw missing(path, 'add');
  return within(document, path, 'add', (container, key) => {
    if (Array.isArray(container)) {
      const index = key === '-' ? container.length : signedIndex(key, container.length + 1);
      if (index === undefined) throw new JsonPatchError(`add operation does not apply: doc is missing path: ${goQuote(pointerText(path))}: Unable to access invalid index: ${key}: invalid index referenced`);
      return container.toSpliced(index, 0, value);
    }
    if (!isObject(container)) throw missing(path, 'add');
    return withProperty(container, key, value);
  });
}

function remove(document: unknown, path: readonly string[], action: string): unknown {
  if (path.length === 0) throw missing(path, action);
  return within(document, path, action, (container, key) => {
    if (Array.isArray(container)) return container.toSpliced(existingIndex(container, key, path, action), 1);
    if (!isObject(container) || !Object.hasOwn(container, key)) throw new JsonPatchError(`${action} operation does not apply: doc is missing key: ${pointerText(path)}: missing value`);
    const { [key]: _removed, ...rest } = container;
    return rest;
  });
}

function replace(document: unknown, path: readonly string[], value: unknown): unknown {
  // A whole that is neither an object nor a list is passed over: an error that is lost on the way (json-patch v4, replace).
  if (path.length === 0) return typeof value === 'object' && value !== null ? value : document;
  return within(document, path, 'replace', (container, key) => {
    if (Array.isArray(container)) return container.with(existingIndex(container, key, path, 'replace'), value);
    // What is not there is added: the real server's library does not look (json-patch v4, replace).
    if (!isObject(container)) throw missing(path, 'replace');
    return withProperty(container, key, value);
  });
}

function read(document: unknown, path: readonly string[], action: string): unknown {
  let value = document;
  for (const key of path) {
    if (Array.isArray(value)) value = value[existingIndex(value, key, path, action)];
    else if (isObject(value) && Object.hasOwn(value, key)) value = value[key];
    else throw missing(path, action);
  }
  return value;
}

/** The same where an absent last step reads as null. */
function readLeniently(document: unknown, path: readonly string[], action: 'copy' | 'test'): unknown {
  if (path.length === 0) return document;
  const container = read(document, path.slice(0, -1), action);
  const key = path.at(-1)!;
  if (isObject(container)) return getOwn(container, key) ?? null;
  return read(document, path, action);
}

function existingIndex(container: readonly unknown[], key: string, path: readonly string[], action: string): number {
  const index = signedIndex(key, container.length);
  if (index === undefined) throw new JsonPatchError(`${action} operation does not apply: doc is missing path: ${goQuote(pointerText(path))}: Unable to access invalid index: ${key}: invalid index referenced`);
  return index;
}

/** Negative indices count from the end, as the API server's library has it; a number is what Go's strconv.Atoi takes for one. */
function signedIndex(key: string, length: number): number | undefined {
  if (!/^[+-]?\d{1,15}$/.test(key)) return undefined;
  const index = Number(key) < 0 ? length + Number(key) : Number(key);
  return index >= 0 && index < length ? index : undefined;
}

function withProperty(container: JsonObject, key: string, value: unknown): JsonObject {
  const copy: Record<string, unknown> = { ...container };
  setOwn(copy, key, value);
  return copy;
}

/** A patch document as JSON: its operations, or what is wrong with it. Null stands for nothing where Go takes it so. */
export function parseJsonPatch(value: unknown): readonly JsonPatchOperation[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw new JsonPatchError(`json: cannot unmarshal ${jsonTypeName(value)} into Go value of type jsonpatch.Patch`);
  return value.map((operation: unknown) => {
    if (operation === null) return {};
    if (!isObject(operation)) throw new JsonPatchError(`json: cannot unmarshal ${jsonTypeName(operation)} into Go value of type jsonpatch.Operation`);
    return operation;
  });
}
