import type { KubeObject, Resource } from '@vfleet/core';
import { objectKey, removeFinalizerPatch } from '@vfleet/kube';
import type { OperatorContext } from './context.ts';
import { writeKey } from './context.ts';

/** Lets go of an object that is being deleted; nothing when the finalizer is not on it. */
export async function removeFinalizer<Type extends KubeObject>(context: OperatorContext, resource: Resource<Type>, cached: Type, finalizer: string): Promise<void> {
  const patch = removeFinalizerPatch(cached, finalizer);
  if (patch === undefined) return;
  const patched = await context.ports.kube.patch(resource, objectKey(cached), patch);
  context.writes.wrote(writeKey(resource, cached.metadata.namespace, cached.metadata.name), patched);
}
