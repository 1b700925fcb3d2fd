import type { KubeObject, OwnerReference } from '@vfleet/core';

/** An owner reference to `owner`, as stored (it needs a uid). Owner and owned must share the namespace, or the owner have none. */
export function ownerReferenceTo(owner: KubeObject, options: { readonly controller?: boolean; readonly blockOwnerDeletion?: boolean } = {}): OwnerReference {
  const { name, uid } = owner.metadata;
  if (uid === undefined) throw new Error(`${owner.kind} ${name} has no uid: only what is stored can own`);
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, ...options };
}

/** The references with `reference` in place of the one with its uid, or at the end; the same array when it is there already. */
export function withOwner(references: readonly OwnerReference[] | undefined, reference: OwnerReference): readonly OwnerReference[] {
  const before = references?.find(({ uid }) => uid === reference.uid);
  if (before === undefined) return [...(references ?? []), reference];
  const same = before.apiVersion === reference.apiVersion && before.kind === reference.kind && before.name === reference.name && before.controller === reference.controller && before.blockOwnerDeletion === reference.blockOwnerDeletion;
  return same ? references! : references!.map((other) => (other === before ? reference : other));
}

export function isOwnedBy(object: KubeObject, owner: KubeObject): boolean {
  return object.metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) ?? false;
}

/** The reference of the one owner that manages the object, if there is one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true);
}
