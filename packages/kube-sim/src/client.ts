import type {
  DeleteOptions, Kube, KubeObject, ListOptions, ListPage, ObjectKey, Patch, Resource, Subscription, WatchOptions, WatchSink, WriteOptions,
} from '@vfleet/core';
import { unknownPathError, StatusError } from './errors/status.ts';
import type { Core, ObjectTarget, Target } from './registry/core.ts';
import { createObject } from './registry/creation.ts';
import type { ResourceDefinition } from './registry/definition.ts';
import { deleteObject } from './registry/deletion.ts';
import { applyObject, patchObject } from './registry/patching.ts';
import { getObject, listObjects } from './registry/reading.ts';
import type { RequestContext, User } from './registry/request.ts';
import { updateObject } from './registry/updating.ts';
import { watchObjects } from './registry/watching.ts';
import { bindPod } from './subresources/binding.ts';
import { evictPod } from './subresources/eviction.ts';

/**
 * The Kube port without a wire: the same operations as HTTP requests reach, on the same frozen objects. What a method
 * resolves with is shared and must not be changed.
 */
export class InProcessKube implements Kube {
  readonly #core: Core;
  readonly #context: RequestContext;

  constructor(core: Core, who: { readonly user: User; readonly fieldManager: string }) {
    this.#core = core;
    this.#context = { ...who, dryRun: false, fieldValidation: 'Ignore', warn: () => undefined };
  }

  async get<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey): Promise<Type> {
    return typed<Type>(getObject(this.#core, this.#object(resource, key)));
  }

  async list<Type extends KubeObject>(resource: Resource<Type>, options: ListOptions = {}): Promise<ListPage<Type>> {
    const page = listObjects(this.#core, this.#target(resource, options.namespace), options);
    return { ...page, items: page.items as unknown as readonly Type[] };
  }

  watch<Type extends KubeObject>(resource: Resource<Type>, options: WatchOptions, sink: WatchSink<Type>): Subscription {
    try {
      return watchObjects(this.#core, this.#target(resource, options.namespace), options, {
        event: (event) => sink.event(event.type === 'BOOKMARK' ? { type: event.type, resourceVersion: event.resourceVersion } : { type: event.type, object: typed<Type>(event.object) }),
        end: (error) => sink.end(error),
      });
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return endedWatch(sink, error);
    }
  }

  async create<Type extends KubeObject>(resource: Resource<Type>, object: Type, options: WriteOptions = {}): Promise<Type> {
    return typed<Type>(await createObject(this.#core, this.#target(resource, object.metadata.namespace), object, this.#with(options)));
  }

  async update<Type extends KubeObject>(resource: Resource<Type>, object: Type, options: WriteOptions & { readonly subresource?: string } = {}): Promise<Type> {
    const target = this.#object(resource, object.metadata);
    const subresource = this.#subresource(target.resource, options.subresource);
    return typed<Type>((await updateObject(this.#core, target, subresource, object, this.#with(options))).object);
  }

  async patch<Type extends KubeObject>(resource: Resource<Type>, key: ObjectKey, patch: Patch, options: WriteOptions & { readonly subresource?: string } = {}): Promise<Type> {
    const target = this.#object(resource, key);
    const subresource = this.#subresource(target.resource, options.subresource);
    if (patch.type === 'apply') {
      const context = { ...this.#with(options), fieldManager: patch.fieldManager };
      return typed<Type>((await applyObject(this.#core, target, subresource, { body: patch.patch, force: patch.force === true }, context)).object);
    }
    const body = patch.type === 'json' ? patch.operations : patch.patch;
    return typed<Type>(await patchObject(this.#core, target, subresource, { type: patch.type, body }, this.#with(options)));
  }

  async delete(resource: Resource, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await deleteObject(this.#core, this.#object(resource, key), options, this.#with(options));
  }

  async evict(key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const { dryRun, ...rest } = options;
    await evictPod(this.#core, this.#object(POD, key), { metadata: key, deleteOptions: rest }, this.#with({ ...(dryRun === undefined ? {} : { dryRun }) }));
  }

  async bind(key: ObjectKey, nodeName: string): Promise<void> {
    await bindPod(this.#core, this.#object(POD, key), { metadata: key, target: { kind: 'Node', name: nodeName } }, this.#context);
  }

  #with(options: Pick<WriteOptions, 'fieldManager' | 'dryRun'>): RequestContext {
    if (options.fieldManager === undefined && options.dryRun !== true) return this.#context;
    return { ...this.#context, fieldManager: options.fieldManager ?? this.#context.fieldManager, dryRun: options.dryRun === true };
  }

  #definition(resource: Resource): ResourceDefinition {
    const definition = this.#core.registry.find(resource.group, resource.version, resource.plural);
    if (definition === undefined) throw unknownPathError();
    return definition;
  }

  #target(resource: Resource, namespace: string | undefined): Target {
    const definition = this.#definition(resource);
    return definition.namespaced && namespace !== undefined ? { resource: definition, namespace } : { resource: definition };
  }

  #object(resource: Resource, key: ObjectKey): ObjectTarget {
    return { ...this.#target(resource, key.namespace), name: key.name };
  }

  #subresource(resource: ResourceDefinition, name: string | undefined): string {
    if (name === undefined) return '';
    if (resource.subresourceStrategies[name] === undefined) throw unknownPathError();
    return name;
  }
}

const POD: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };

/** The caller names the type with the resource; the server has checked the object against that resource's schema. */
function typed<Type extends KubeObject>(object: KubeObject): Type {
  return object as Type;
}

/** Over HTTP a refused watch is a refused request, which the port reports as its end. */
function endedWatch<Type>(sink: WatchSink<Type>, error: StatusError): Subscription {
  let isStopped = false;
  void Promise.resolve().then(() => {
    if (!isStopped) sink.end(error);
  });
  return { stop: () => void (isStopped = true) };
}
