import type { Kube, KubeError, KubeObject, ListOptions, Patch, Resource } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { objectKey, removeFinalizerPatch } from '@vfleet/kube';

/** Somebody else may write an object at the same time as we do; more often than this in a row it is somebody who undoes what we do. */
const TRIES_MAX = 20;
const PAGE = 500;

/** Every object, page by page; none where the API does not know the kind. */
export async function listEvery<Type extends KubeObject>(kube: Kube, resource: Resource<Type>, options: ListOptions = {}): Promise<readonly Type[]> {
  const items: Type[] = [];
  let next: string | undefined;
  do {
    const page = await kube.list(resource, { ...options, limit: PAGE, ...(next === undefined ? {} : { continue: next }) }).catch(unlessNotFound);
    items.push(...(page?.items ?? []));
    next = page?.continue;
  } while (next !== undefined && next !== '');
  return items;
}

/** Undefined where there is none, or where the API does not know the kind. */
export async function find<Type extends KubeObject>(kube: Kube, resource: Resource<Type>, key: { readonly namespace?: string; readonly name: string }): Promise<Type | undefined> {
  return kube.get(resource, key).catch(unlessNotFound);
}

/** Patches what the object is by the time it gets there; `patchOf` is asked again after a conflict. True when it wrote. */
export async function patchNewest<Type extends KubeObject>(kube: Kube, resource: Resource<Type>, object: Type, patchOf: (current: Type) => Patch | undefined): Promise<boolean> {
  let current: Type | undefined = object;
  for (let tries = 1; current !== undefined; tries++) {
    const patch = patchOf(current);
    if (patch === undefined) return false;
    const outcome: KubeError | 'done' = await kube.patch(resource, objectKey(current), patch).then(() => 'done' as const, (error: unknown) => {
      if (isKubeError(error, 'Conflict', 'NotFound') && tries < TRIES_MAX) return error;
      throw error;
    });
    if (outcome === 'done') return true;
    current = await find(kube, resource, objectKey(current));
  }
  return false;
}

/** Takes a finalizer off. True when it was there. */
export function release(kube: Kube, resource: Resource, object: KubeObject, finalizer: string): Promise<boolean> {
  return patchNewest(kube, resource, object, (current) => removeFinalizerPatch(current, finalizer));
}

export function unlessNotFound(error: unknown): undefined {
  if (!isKubeError(error, 'NotFound')) throw error;
  return undefined;
}
