import type { Clock, DeleteOptions, Kube, KubeObject, ListOptions, ListPage, ObjectKey, Patch, Resource, Subscription, WatchOptions, WatchSink, WriteOptions } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { pods } from '../api/resources.ts';

/** Verbs as the API server's authorizer names them, with `apply` apart from other patches. */
export type ApiVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'apply' | 'delete';

/** One request to the API, as it ended. A watch counts when its stream ends. */
export interface ApiCall {
  readonly verb: ApiVerb;
  readonly resource: Resource;
  /** `status`, `eviction`, `binding`; empty for the object itself. */
  readonly subresource: string;
  /** `2xx`; the HTTP status of a refusal; `none` where no answer arrived. */
  readonly code: string;
  readonly tookMs: number;
}

/** Passes everything on and tells of each request when it has ended; for metrics. */
export class ObservedKube implements Kube {
  readonly #kube: Kube;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #ended: (call: ApiCall) => void;

  constructor(kube: Kube, clock: Pick<Clock, 'monotonicMs'>, ended: (call: ApiCall) => void) {
    this.#kube = kube;
    this.#clock = clock;
    this.#ended = ended;
  }

  get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type> {
    return this.#observe('get', resource, '', () => this.#kube.get(resource, key));
  }

  list<Type extends KubeObject>(resource: Resource<Type>, options?: ListOptions): Promise<ListPage<Type>> {
    return this.#observe('list', resource, '', () => this.#kube.list(resource, options));
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    const startedMs = this.#clock.monotonicMs();
    let isOver = false;
    const over = (code: string) => {
      if (isOver) return;
      isOver = true;
      this.#ended({ verb: 'watch', resource, subresource: '', code, tookMs: this.#clock.monotonicMs() - startedMs });
    };
    const subscription = this.#kube.watch(resource, options, {
      event: (event) => sink.event(event),
      end: (error) => {
        over(error === undefined ? '2xx' : codeOf(error));
        sink.end(error);
      },
    });
    return {
      stop: () => {
        over('2xx');
        subscription.stop();
      },
    };
  }

  create<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions): Promise<Type> {
    return this.#observe('create', resource, '', () => this.#kube.create(resource, object, options));
  }

  update<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions & { readonly subresource?: 'status' | 'finalize' }): Promise<Type> {
    return this.#observe('update', resource, options?.subresource ?? '', () => this.#kube.update(resource, object, options));
  }

  patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type> {
    return this.#observe(patch.type === 'apply' ? 'apply' : 'patch', resource, options?.subresource ?? '', () => this.#kube.patch(resource, key, patch, options));
  }

  delete(resource: Resource, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#observe('delete', resource, '', () => this.#kube.delete(resource, key, options));
  }

  evict(key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#observe('create', pods, 'eviction', () => this.#kube.evict(key, options));
  }

  bind(key: ObjectKey, nodeName: string): Promise<void> {
    return this.#observe('create', pods, 'binding', () => this.#kube.bind(key, nodeName));
  }

  async #observe<Value>(verb: ApiVerb, resource: Resource, subresource: string, request: () => Promise<Value>): Promise<Value> {
    const startedMs = this.#clock.monotonicMs();
    let code = '2xx';
    try {
      return await request();
    } catch (error) {
      code = codeOf(error);
      throw error;
    } finally {
      this.#ended({ verb, resource, subresource, code, tookMs: this.#clock.monotonicMs() - startedMs });
    }
  }
}

function codeOf(error: unknown): string {
  return isKubeError(error) && error.code > 0 ? String(error.code) : 'none';
}
