import type {
  DeleteOptions, Kube, KubeObject, ListOptions, ListPage, ObjectKey, Patch, Resource, Subscription, WatchOptions, WatchSink, WriteOptions,
} from '@vfleet/core';
import { KubeError } from '@vfleet/core';
import { pods } from '../api/resources.ts';
import type { Connection } from './connection.ts';
import { HttpWatch } from './http-watch.ts';
import { freezeDeep, withKind } from './objects.ts';
import type { ApiRequest } from './request.ts';
import { bindRequest, createRequest, deleteRequest, evictRequest, getRequest, listRequest, patchRequest, updateRequest, watchRequest } from './request.ts';
import { errorOfAnswer } from './status-error.ts';
import type { TransportLimits } from './transport.ts';
import { send } from './transport.ts';

export interface HttpKubeOptions extends TransportLimits {
  readonly userAgent: string;
  /** Longest event of a watch. */
  readonly eventBytesMax: number;
}

export const httpKubeDefaults: HttpKubeOptions = {
  userAgent: 'vfleet',
  requestTimeoutMs: 30_000,
  answerBytesMax: 256 * 2 ** 20,
  eventBytesMax: 16 * 2 ** 20,
};

/** The Kube port over HTTP. Objects are frozen. */
export class HttpKube implements Kube {
  readonly #connection: Connection;
  readonly #options: HttpKubeOptions;

  constructor(connection: Connection, options: Partial<HttpKubeOptions> = {}) {
    this.#connection = connection;
    this.#options = { ...httpKubeDefaults, ...options };
  }

  /** Closes all connections; what is under way ends as Unreachable. */
  close(): void {
    this.#connection.close();
  }

  async get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type> {
    return this.#object<Type>(getRequest(resource, key));
  }

  async list<Type extends KubeObject>(resource: Resource<Type>, options: ListOptions = {}): Promise<ListPage<Type>> {
    const list = await this.#json(listRequest(resource, options));
    const { metadata, items } = list as { readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string; readonly remainingItemCount?: number }; readonly items?: readonly Type[] | null };
    return {
      resourceVersion: metadata?.resourceVersion ?? '',
      items: (items ?? []).map((item) => freezeDeep(withKind(resource, item))),
      ...(metadata?.continue === undefined || metadata.continue === '' ? {} : { continue: metadata.continue }),
      ...(metadata?.remainingItemCount === undefined ? {} : { remainingItemCount: metadata.remainingItemCount }),
    };
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    return new HttpWatch(this.#connection, watchRequest(resource, options), this.#options, sink);
  }

  async create<Type extends KubeObject>(resource: Resource<Type>, object: Type, options: WriteOptions = {}): Promise<Type> {
    return this.#object<Type>(createRequest(resource, object, options));
  }

  async update<Type extends KubeObject>(resource: Resource<Type>, object: Type, options: WriteOptions & { readonly subresource?: 'status' } = {}): Promise<Type> {
    return this.#object<Type>(updateRequest(resource, object, options));
  }

  async patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options: WriteOptions & { readonly subresource?: 'status' } = {}): Promise<Type> {
    return this.#object<Type>(patchRequest(resource, key, patch, options));
  }

  async delete(resource: Resource, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await this.#json(deleteRequest(resource, key, options));
  }

  async evict(key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await this.#json(evictRequest(pods, key, options));
  }

  async bind(key: ObjectKey, nodeName: string): Promise<void> {
    await this.#json(bindRequest(pods, key, nodeName));
  }

  async #object<Type extends KubeObject>(request: ApiRequest): Promise<Type> {
    // The server answers with the object that the path names; its schema is the server's to keep.
    return freezeDeep(await this.#json(request)) as Type;
  }

  async #json(request: ApiRequest): Promise<object> {
    const answer = await send(this.#connection, request, this.#options.userAgent, this.#options);
    if (answer.code < 200 || answer.code > 299) throw errorOfAnswer(answer.code, answer.body, answer.retryAfter);
    try {
      const parsed: unknown = JSON.parse(answer.body);
      if (typeof parsed === 'object' && parsed !== null) return parsed;
    } catch {
      // Said below, with what came instead.
    }
    throw new KubeError('Unknown', answer.code, `the answer is no JSON object: ${answer.body.slice(0, 200)}`);
  }
}
