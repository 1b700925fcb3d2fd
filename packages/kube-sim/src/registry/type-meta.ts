import { isObject } from '../values/json.ts';

/** Why a body's apiVersion or kind cannot be read at all, as encoding/json says it; undefined when they can. Null is as good as absent. */
export function typeMetaProblem(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  for (const field of ['apiVersion', 'kind']) {
    const said = value[field];
    if (said !== undefined && said !== null && typeof said !== 'string') return `json: cannot unmarshal ${goKind(said)} into Go struct field .${field} of type string`;
  }
  return undefined;
}

function goKind(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
}
