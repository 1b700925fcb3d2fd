import type { Kube } from '@vfleet/core';
import { KubeError } from '@vfleet/core';

/** What becomes of the n-th write, from 1: lost on the way there, or its answer on the way back. */
export type Fault = (write: number) => 'before' | 'after' | undefined;

/** A client whose creates, updates and deletes get lost as `fault` says at that moment, and how many there were. */
export function lossyKubeOf(kube: Kube, fault: { readonly of: Fault }): { readonly lossyKube: Kube; writes(): number } {
  let writes = 0;
  const lossy = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    const at = fault.of(++writes);
    if (at === 'before') throw new KubeError('Unreachable', 0, 'connection refused');
    const value = await work();
    if (at === 'after') throw new KubeError('Unreachable', 0, 'connection reset');
    return value;
  };
  const lossyKube: Kube = {
    get: (resource, key) => kube.get(resource, key), list: (resource, options) => kube.list(resource, options), watch: (resource, options, sink) => kube.watch(resource, options, sink),
    patch: (resource, key, patch, options) => kube.patch(resource, key, patch, options), evict: (...given) => kube.evict(...given), bind: (...given) => kube.bind(...given),
    create: (resource, object, options) => lossy(() => kube.create(resource, object, options)),
    update: (resource, object, options) => lossy(() => kube.update(resource, object, options)),
    delete: (resource, key, options) => lossy(() => kube.delete(resource, key, options)),
  };
  return { lossyKube, writes: () => writes };
}
