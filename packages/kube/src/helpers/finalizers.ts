import type { KubeObject, Patch } from '@vfleet/core';

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * A patch that adds the finalizer; undefined when it is there, or the object is being deleted (the API server refuses new
 * finalizers then). It carries the resourceVersion, so that a finalizer added meanwhile by somebody else is not overwritten:
 * a merge patch replaces the whole list.
 */
export function addFinalizerPatch(object: KubeObject, finalizer: string): Patch | undefined {
  if (hasFinalizer(object, finalizer) || object.metadata.deletionTimestamp !== undefined) return undefined;
  return finalizersPatch(object, [...(object.metadata.finalizers ?? []), finalizer]);
}

/** A patch that removes the finalizer; undefined when it is not there. */
export function removeFinalizerPatch(object: KubeObject, finalizer: string): Patch | undefined {
  if (!hasFinalizer(object, finalizer)) return undefined;
  return finalizersPatch(object, object.metadata.finalizers!.filter((other) => other !== finalizer));
}

function finalizersPatch(object: KubeObject, finalizers: readonly string[]): Patch {
  return { type: 'merge', patch: { metadata: { finalizers: finalizers.length === 0 ? null : finalizers, resourceVersion: object.metadata.resourceVersion } } };
}
