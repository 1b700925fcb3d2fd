import type {
  DeleteOptions, Kube, KubeObject, ListOptions, ListPage, ObjectKey, Patch, Resource, Subscription, WatchOptions, WatchSink, WriteOptions,
} from '@vfleet/core';
import type { Store } from '../store/store.ts';

/**
 * A client in the same process whose writes resolve once they are on disk, so that what its caller then does elsewhere never runs
 * ahead of what a restart finds. Reads see at once what is written: whoever reads here ends with the process.
 */
export class DurableKube implements Kube {
  readonly #kube: Kube;
  readonly #store: Store;

  constructor(kube: Kube, store: Store) {
    this.#kube = kube;
    this.#store = store;
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

  create<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions): Promise<Type> {
    return this.#kept(() => this.#kube.create(resource, object, options));
  }

  update<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: Parameters<Kube['update']>[2]): Promise<Type> {
    return this.#kept(() => this.#kube.update(resource, object, options));
  }

  patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options?: Parameters<Kube['patch']>[3]): Promise<Type> {
    return this.#kept(() => this.#kube.patch(resource, key, patch, options));
  }

  delete(resource: Resource, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#kept(() => this.#kube.delete(resource, key, options));
  }

  evict(key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#kept(() => this.#kube.evict(key, options));
  }

  bind(key: ObjectKey, nodeName: string): Promise<void> {
    return this.#kept(() => this.#kube.bind(key, nodeName));
  }

  async #kept<Value>(write: () => Promise<Value>): Promise<Value> {
    this.#store.requireWritable();
    const value = await write();
    await this.#store.durable();
    return value;
  }
}
