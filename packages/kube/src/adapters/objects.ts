import type { KubeObject, Resource } from '@vfleet/core';

/** Freezes a tree of JSON values, so that caches can hand it to many. Returns it. */
export function freezeDeep<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freezeDeep(inner);
  }
  return value;
}

/** The object with apiVersion and kind: items of a list of built-in types come without. */
export function withKind<Type extends KubeObject>({ group, version, kind }: Resource<Type>, object: Type): Type {
  const { kind: given }: { readonly kind?: string } = object;
  if (given !== undefined) return object;
  const said = { apiVersion: group === '' ? version : `${group}/${version}`, kind };
  return { ...said, ...object };
}
