type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The smallest JSON merge patch (RFC 7386) that turns `before` into `after`; undefined when they are equal, so that nothing
 * needs to be written. Properties that are `undefined` are absent. Arrays and scalars are replaced as a whole. A merge patch
 * cannot set a property to null; null in `after` removes it.
 */
export function mergePatchOf(before: object, after: object): JsonObject | undefined {
  return patchBetween(before as JsonObject, after as JsonObject);
}

function patchBetween(before: JsonObject, after: JsonObject): JsonObject | undefined {
  const patch: Record<string, Json> = {};
  for (const [name, value] of Object.entries(after)) {
    if (value === undefined) continue;
    const old = Object.hasOwn(before, name) ? before[name] : undefined;
    if (value === null) {
      if (old !== undefined && old !== null) put(patch, name, null);
    } else if (isObject(value) && isObject(old)) {
      const inner = patchBetween(old, value);
      if (inner !== undefined) put(patch, name, inner);
    } else if (!equalJson(old, value)) {
      put(patch, name, value);
    }
  }
  for (const [name, old] of Object.entries(before)) {
    if (old !== undefined && old !== null && (!Object.hasOwn(after, name) || after[name] === undefined)) put(patch, name, null);
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Applies a JSON merge patch without changing `target`; parts that the patch does not name are shared with it. */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: Record<string, Json> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else put(result, name, applyMergePatch(Object.hasOwn(result, name) ? result[name] : undefined, value));
  }
  return result;
}

/** Deep equality of JSON values; a property that is `undefined` equals an absent one. */
export function equalJson(a: Json, b: Json): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => equalJson(item, b[index]));
  if (!isObject(a) || !isObject(b)) return a === b;
  const has = (object: JsonObject, name: string) => Object.hasOwn(object, name) && object[name] !== undefined;
  return (
    Object.keys(a).every((name) => a[name] === undefined || (has(b, name) && equalJson(a[name], b[name]))) &&
    Object.keys(b).every((name) => b[name] === undefined || has(a, name))
  );
}

/** An assignment that cannot reach a prototype: `__proto__` in a document is a property like any other. */
function put(object: Record<string, Json>, name: string, value: Json): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  else object[name] = value;
}
