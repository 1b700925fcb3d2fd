import { isJsonObject } from '@vfleet/core';
import type { JsonValue } from '@vfleet/core';
import { childPath } from './paths.ts';

/** A place where two values are not the same; `undefined` where there is nothing. */
export interface ValueDifference {
  readonly path: string;
  readonly real: JsonValue | undefined;
  readonly ours: JsonValue | undefined;
}

/** The differences of two JSON values, deepest paths first found, in the order of the names. */
export function differences(real: JsonValue | undefined, ours: JsonValue | undefined, path = ''): readonly ValueDifference[] {
  if (real === ours) return [];
  if (real === undefined || ours === undefined) return [{ path, real, ours }];
  if (Array.isArray(real) && Array.isArray(ours)) return arrayDifferences(real, ours, path);
  if (isJsonObject(real) && isJsonObject(ours)) {
    const names = [...new Set([...Object.keys(real), ...Object.keys(ours)])].toSorted();
    return names.flatMap((name) => differences(own(real, name), own(ours, name), childPath(path, name)));
  }
  return [{ path, real, ours }];
}

function arrayDifferences(real: readonly JsonValue[], ours: readonly JsonValue[], path: string): readonly ValueDifference[] {
  const length = Math.max(real.length, ours.length);
  return Array.from({ length }, (_, index) => differences(real[index], ours[index], childPath(path, index))).flat();
}

function own(value: { readonly [key: string]: JsonValue }, name: string): JsonValue | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** JSON with the names of every object in order, so that equal values have equal texts. */
export function canonical(value: JsonValue | undefined): string {
  return JSON.stringify(value, (_name, inner: JsonValue) =>
    isJsonObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  ) ?? 'nothing';
}
