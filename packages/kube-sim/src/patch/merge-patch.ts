import { getOwn, isObject, setOwn } from '../values/json.ts';

/** RFC 7396: null removes, objects merge, anything else replaces. Unchanged parts are shared with the result. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const key of Object.keys(patch)) {
    const change = patch[key];
    if (change === null) delete result[key];
    else if (change !== undefined) setOwn(result, key, applyMergePatch(getOwn(result, key), change));
  }
  return result;
}
