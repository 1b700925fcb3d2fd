import type { KubeObject, OwnerReference, Resource } from '@vfleet/core';

/** Finalizers by which the API server asks the garbage collector for something (apimachinery pkg/apis/meta/v1/types.go). */
export const ORPHAN = 'orphan';
export const FOREGROUND = 'foregroundDeletion';

export interface Entry {
  readonly resource: Resource;
  readonly object: KubeObject;
}

const NO_OWNERS: readonly OwnerReference[] = [];

export function ownersOf({ metadata }: KubeObject): readonly OwnerReference[] {
  return metadata.ownerReferences ?? NO_OWNERS;
}

function isBeingDeletedWith(object: KubeObject, finalizer: string): boolean {
  return object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers?.includes(finalizer) ?? false);
}

/** Waits for its dependents to go first. */
export const isDeletingDependents = (object: KubeObject): boolean => isBeingDeletedWith(object, FOREGROUND);
/** Waits for its dependents to be let go. */
export const isOrphaning = (object: KubeObject): boolean => isBeingDeletedWith(object, ORPHAN);

/** Every object by uid, and who names whom as an owner. */
export class OwnershipGraph {
  readonly #entries = new Map<string, Entry>();
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): Entry | undefined {
    return this.#entries.get(uid);
  }

  dependentsOf(ownerUid: string): readonly Entry[] {
    return [...(this.#dependents.get(ownerUid) ?? [])].map((uid) => this.#entries.get(uid)!);
  }

  set(resource: Resource, object: KubeObject): void {
    const uid = object.metadata.uid!;
    const before = this.#entries.get(uid)?.object;
    this.#entries.set(uid, { resource, object });
    if (before !== undefined && before.metadata.ownerReferences === object.metadata.ownerReferences) return;
    const owners = new Set(ownersOf(object).map((owner) => owner.uid));
    for (const { uid: owner } of before === undefined ? [] : ownersOf(before)) if (!owners.has(owner)) this.#unlink(owner, uid);
    for (const owner of owners) {
      const dependents = this.#dependents.get(owner);
      if (dependents === undefined) this.#dependents.set(owner, new Set([uid]));
      else dependents.add(uid);
    }
  }

  delete(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    for (const owner of ownersOf(entry.object)) this.#unlink(owner.uid, uid);
  }

  #unlink(owner: string, uid: string): void {
    const dependents = this.#dependents.get(owner);
    dependents?.delete(uid);
    if (dependents?.size === 0) this.#dependents.delete(owner);
  }
}
