import type { DeleteOptions, Kube, KubeObject, ListOptions, ListPage, ObjectKey, Patch, Resource, Subscription, WatchOptions, WatchSink, WriteOptions } from '@vfleet/core';

/**
 * The API as a process sees it that may be killed: from then on nothing is sent and nothing is heard, not even a failure. What was under way may
 * have reached the server or not.
 */
export class MortalKube implements Kube {
  readonly #kube: Kube;
  readonly #watches = new Set<Subscription>();
  #isDead = false;

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  die(): void {
    this.#isDead = true;
    for (const watch of this.#watches) watch.stop();
  }

  get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type> {
    return this.#alive(() => this.#kube.get(resource, key));
  }

  list<Type extends KubeObject>(resource: Resource<Type>, options?: ListOptions): Promise<ListPage<Type>> {
    return this.#alive(() => this.#kube.list(resource, options));
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    if (this.#isDead) return { stop: () => {} };
    const watch = this.#kube.watch(resource, options, {
      event: (event) => {
        if (!this.#isDead) sink.event(event);
      },
      end: (error) => {
        this.#watches.delete(watch);
        if (!this.#isDead) sink.end(error);
      },
    });
    this.#watches.add(watch);
    return watch;
  }

  create<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions): Promise<Type> {
    return this.#alive(() => this.#kube.create(resource, object, options));
  }

  update<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type> {
    return this.#alive(() => this.#kube.update(resource, object, options));
  }

  patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type> {
    return this.#alive(() => this.#kube.patch(resource, key, patch, options));
  }

  delete(resource: Resource, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#alive(() => this.#kube.delete(resource, key, options));
  }

  evict(key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#alive(() => this.#kube.evict(key, options));
  }

  bind(key: ObjectKey, nodeName: string): Promise<void> {
    return this.#alive(() => this.#kube.bind(key, nodeName));
  }

  async #alive<Value>(call: () => Promise<Value>): Promise<Value> {
    const never = new Promise<Value>(() => {});
    if (this.#isDead) return never;
    return call().then((value) => (this.#isDead ? never : value), (error: unknown) => {
      if (this.#isDead) return never;
      throw error;
    });
  }
}
