import type { DeleteOptions, Kube, KubeObject, ListOptions, ListPage, ObjectKey, Patch, Resource, Subscription, WatchOptions, WatchSink, WriteOptions } from '@vfleet/core';
import { KubeError, isKubeError } from '@vfleet/core';
import { accessText, grantFor } from '@vfleet/controllers/installation/access.ts';
import type { AccessRequest, Component } from '@vfleet/controllers/installation/access.ts';
import { pods } from '@vfleet/kube';

const OWN_NAMESPACE = 'sriov-network-operator';

/** The one object that a list or watch is restricted to, as the API server's authorizer sees it (apiserver pkg/endpoints/request/requestinfo.go). */
function nameOf(fieldSelector: string | undefined): { readonly name?: string } {
  const name = /^metadata\.name=([^,]+)$/.exec(fieldSelector ?? '')?.[1];
  return name === undefined ? {} : { name };
}

/**
 * The API as a component's service account may use it: what is not granted gets 403, and what is granted and used is remembered. RBAC as
 * the real authorizer has it, over an API server that lets one user do everything.
 */
export class AuthorizedKube implements Kube {
  readonly used = new Set<string>();
  /** Requests that were refused. */
  readonly refused: string[] = [];
  readonly #component: Component;
  readonly #kube: Kube;
  /** Called before each request, for what somebody else may do at that moment. */
  before: ((request: AccessRequest) => Promise<void>) | undefined;

  constructor(component: Component, kube: Kube) {
    this.#component = component;
    this.#kube = kube;
  }

  async get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type> {
    await this.#ask('get', resource, key);
    return this.#kube.get(resource, key);
  }

  async list<Type extends KubeObject>(resource: Resource<Type>, options: ListOptions = {}): Promise<ListPage<Type>> {
    await this.#ask('list', resource, { ...namespaceOf(options), ...nameOf(options.fieldSelector) });
    return this.#kube.list(resource, options);
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    try {
      this.#authorize({ verb: 'watch', resource, subresource: '', ...namespaceOf(options), ...nameOf(options.fieldSelector) });
    } catch (error) {
      if (!isKubeError(error)) throw error;
      queueMicrotask(() => sink.end(error));
      return { stop() {} };
    }
    return this.#kube.watch(resource, options, sink);
  }

  async create<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions): Promise<Type> {
    await this.#ask('create', resource, namespaceOf(object.metadata));
    return this.#kube.create(resource, object, options);
  }

  async update<Type extends KubeObject>(resource: Resource<Type>, object: Type, options?: WriteOptions & { readonly subresource?: 'status' | 'finalize' }): Promise<Type> {
    await this.#ask('update', resource, object.metadata, options?.subresource);
    return this.#kube.update(resource, object, options);
  }

  async patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options?: WriteOptions & { readonly subresource?: 'status' }): Promise<Type> {
    await this.#ask('patch', resource, key, options?.subresource);
    // Apply makes what is not there, for which it has to be allowed too (apiserver pkg/endpoints/handlers/patch.go, withAuthorization).
    if (patch.type === 'apply' && !(await this.#isThere(resource, key))) await this.#ask('create', resource, key);
    return this.#kube.patch(resource, key, patch, options);
  }

  async delete(resource: Resource, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    await this.#ask('delete', resource, key);
    return this.#kube.delete(resource, key, options);
  }

  async evict(key: ObjectKey, options?: DeleteOptions): Promise<void> {
    await this.#ask('create', pods, key, 'eviction');
    return this.#kube.evict(key, options);
  }

  async bind(key: ObjectKey, nodeName: string): Promise<void> {
    await this.#ask('create', pods, key, 'binding');
    return this.#kube.bind(key, nodeName);
  }

  async #ask(verb: AccessRequest['verb'], resource: Resource, { namespace, name }: { readonly namespace?: string; readonly name?: string }, subresource = ''): Promise<void> {
    const request: AccessRequest = { verb, resource, subresource, ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
    await this.before?.(request);
    this.#authorize(request);
  }

  #authorize(request: AccessRequest): void {
    const grant = grantFor(this.#component, OWN_NAMESPACE, request);
    if (grant === undefined) {
      const { verb, resource, subresource, namespace = '', name = '' } = request;
      const text = `${this.#component} may not ${verb} ${resource.plural}${subresource === '' ? '' : `/${subresource}`} ${namespace}/${name}`;
      this.refused.push(text);
      throw new KubeError('Forbidden', 403, text);
    }
    this.used.add(accessText({ ...grant, verb: request.verb, name: grant.names === undefined ? '' : request.name! }));
  }

  async #isThere(resource: Resource, key: ObjectKey): Promise<boolean> {
    try {
      await this.#kube.get(resource, key);
      return true;
    } catch (error) {
      if (isKubeError(error, 'NotFound')) return false;
      throw error;
    }
  }
}

function namespaceOf({ namespace }: { readonly namespace?: string }): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}
