import type { KubeObject, Resource } from '@vfleet/core';
import { addFinalizerPatch, objectKey, removeFinalizerPatch } from '@vfleet/kube';
import type { OperatorContext } from './context.ts';
import { writeKey } from './context.ts';

/** Keeps an object, once it is deleted, until the operator has seen that. True when it wrote: the watch event of that comes back. */
export async function addFinalizer<Type extends KubeObject>(context: OperatorContext, resource: Resource<Type>, cached: Type, finalizer: string): Promise<boolean> {
  const patch = addFinalizerPatch(cached, finalizer);
  if (patch === undefined) return false;
  const patched = await context.ports.kube.patch(resource, objectKey(cached), patch);
  context.writes.wrote(writeKey(resource, cached.metadata.namespace, cached.metadata.name), patched);
  return true;
}

/** Lets go of an object that is being deleted; nothing when the finalizer is not on it. */
export async function removeFinalizer<Type extends KubeObject>(context: OperatorContext, resource: Resource<Type>, cached: Type, finalizer: string): Promise<void> {
  const patch = removeFinalizerPatch(cached, finalizer);
  if (patch === undefined) return;
  const patched = await context.ports.kube.patch(resource, objectKey(cached), patch);
  context.writes.wrote(writeKey(resource, cached.metadata.namespace, cached.metadata.name), patched);
}
