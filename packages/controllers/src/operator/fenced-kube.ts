import type { DeleteOptions, Kube, KubeObject, ListOptions, ListPage, ObjectKey, Patch, Resource, Subscription, WatchOptions, WatchSink, WriteOptions } from '@vfleet/core';
import { KubeError } from '@vfleet/core';

/**
 * Passes everything on while writes are allowed and it is not closed, and then refuses them: what is still under way in a process that has lost its
 * leadership must not change anything any more.
 */
export class FencedKube implements Kube {
  readonly #kube: Kube;
  readonly #mayWrite: () => boolean;
  #closed = false;

  constructor(kube: Kube, mayWrite: () => boolean) {
    this.#kube = kube;
    this.#mayWrite = mayWrite;
  }

  close(): void {
    this.#closed = true;
  }

  get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type> {
    return this.#kube.get(resource, key);
  }

  list<Type extends KubeObject>(resource: Resource<Type>, options?: ListOptions): Promise<ListPage<Type>> {
    return this.#kube.list(resource, options);
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    return this.#kube.watch(resource, options, sink);
  }

  async create<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions): Promise<Type> {
    this.#check();
    return this.#kube.create(resource, object, options);
  }

  async update<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type> {
    this.#check();
    return this.#kube.update(resource, object, options);
  }

  async patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type> {
    this.#check();
    return this.#kube.patch(resource, key, patch, options);
  }

  async delete(resource: Resource, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    this.#check();
    return this.#kube.delete(resource, key, options);
  }

  async evict(key: ObjectKey, options?: DeleteOptions): Promise<void> {
    this.#check();
    return this.#kube.evict(key, options);
  }

  async bind(key: ObjectKey, nodeName: string): Promise<void> {
    this.#check();
    return this.#kube.bind(key, nodeName);
  }

  #check(): void {
    if (this.#closed || !this.#mayWrite()) throw new KubeError('Unreachable', 0, 'this process no longer leads; nothing was written');
  }
}
