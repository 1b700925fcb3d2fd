import type { KubeObject, ObjectKey, Resource, Subscription } from '@vfleet/core';
import { keyText, objectKeyText } from '../helpers/object-key.ts';
import type { Indexers } from './object-cache.ts';
import { ObjectCache } from './object-cache.ts';
import type { ReflectorCounts, ReflectorPorts, ReflectorTarget, ReflectorTuning, Scope } from './reflector.ts';
import { Reflector, reflectorDefaults } from './reflector.ts';
import { isNewer } from './resource-version.ts';

export interface InformerOptions<Type extends KubeObject> extends Scope {
  /** Applied to every object before it is kept and handed on. The default drops `managedFields`, half of many objects. */
  readonly transform?: (object: Type) => Type;
  readonly indexers?: Indexers<Type>;
  readonly tuning?: Partial<ReflectorTuning>;
}

/** What a subscriber wants to be told. `old` and `object` are frozen or must be treated so: others hold them too. */
export interface InformerHandlers<Type> {
  added?(object: Type): void;
  updated?(old: Type, object: Type): void;
  /** With the last state that was seen, which may miss what happened just before the deletion. */
  deleted?(object: Type): void;
}

/**
 * A cache of a resource that follows the API server, and handlers that hear of each change. Handlers are called synchronously
 * and in the order of events, after the cache has changed; every subscriber first gets `added` for what is already there.
 * An object deleted and created again under the same name (another uid) is one `deleted` and one `added`.
 *
 * 10,000 of them in one process are fine: an idle informer is a few small objects, one timer and one watch.
 */
export class Informer<Type extends KubeObject> {
  /** What it follows. */
  readonly resource: Resource;
  readonly #reflector: Reflector<Type>;
  readonly #cache: ObjectCache<Type>;
  readonly #transform: (object: Type) => Type;
  /** Replaced on change, so that a handler may subscribe or unsubscribe while events are handed out. */
  #handlers: readonly InformerHandlers<Type>[] = [];
  #hasSynced = false;
  #synced: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(ports: ReflectorPorts, resource: Resource<Type>, options: InformerOptions<Type> = {}) {
    const { transform, indexers, tuning, ...scope } = options;
    this.resource = resource;
    this.#cache = new ObjectCache(indexers);
    this.#transform = transform ?? withoutManagedFields;
    const target: ReflectorTarget<Type> = { replace: (objects, olderHistory) => this.#replace(objects, olderHistory), event: (type, object) => this.#event(type, object) };
    this.#reflector = new Reflector(ports, resource, scope, target, tuning === undefined ? reflectorDefaults : { ...reflectorDefaults, ...tuning });
  }

  /** Begins to follow. Starting twice does nothing. */
  start(): void {
    this.#reflector.start();
  }

  /** Ends following; the cache stays as it is. `synced` of an informer that never synced stays pending. */
  stop(): void {
    this.#reflector.stop();
  }

  /** The first list is in the cache, and its handlers have been called. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when {@link hasSynced} becomes true. */
  get synced(): Promise<void> {
    if (this.#hasSynced) return Promise.resolve();
    this.#synced ??= Promise.withResolvers<void>();
    return this.#synced.promise;
  }

  get counts(): Readonly<ReflectorCounts> {
    return this.#reflector.counts;
  }

  /** The newest version that the cache contains; undefined before the first list. */
  get resourceVersion(): string | undefined {
    return this.#reflector.resourceVersion;
  }

  get size(): number {
    return this.#cache.size;
  }

  get(key: ObjectKey | string): Type | undefined {
    return this.#cache.get(typeof key === 'string' ? key : keyText(key));
  }

  /** All objects, those that were cached first first. A new array each time: on hot paths use an index or {@link values}. */
  list(): readonly Type[] {
    return [...this.#cache.values()];
  }

  values(): IterableIterator<Type> {
    return this.#cache.values();
  }

  byIndex(name: string, value: string): readonly Type[] {
    return this.#cache.byIndex(name, value);
  }

  subscribe(handlers: InformerHandlers<Type>): Subscription {
    this.#handlers = [...this.#handlers, handlers];
    if (handlers.added !== undefined) for (const object of this.list()) handlers.added(object);
    return {
      stop: () => {
        this.#handlers = this.#handlers.filter((other) => other !== handlers);
      },
    };
  }

  #replace(objects: readonly Type[], olderHistory: boolean): void {
    const listed = new Map<string, Type>();
    for (const object of objects) listed.set(objectKeyText(object), object);
    if (this.#cache.size > 0) for (const key of [...this.#cache.keys()]) if (!listed.has(key)) this.#remove(key, this.#cache.get(key)!);
    for (const [key, object] of listed) this.#store(key, object, olderHistory);
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    this.#synced?.resolve();
    this.#synced = undefined;
  }

  #event(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Type): void {
    const key = objectKeyText(object);
    if (type !== 'DELETED') this.#store(key, object, false);
    else if (this.#cache.get(key) !== undefined) this.#remove(key, this.#transform(object));
  }

  #store(key: string, received: Type, olderHistory: boolean): void {
    const old = this.#cache.get(key);
    const sameObject = old !== undefined && old.metadata.uid === received.metadata.uid;
    if (sameObject && old.metadata.resourceVersion === received.metadata.resourceVersion) return;
    if (old !== undefined && !olderHistory && !isNewer(received.metadata.resourceVersion!, old.metadata.resourceVersion)) return;
    const object = this.#transform(received);
    if (old !== undefined && !sameObject) this.#remove(key, old);
    this.#cache.set(key, object);
    for (const handlers of this.#handlers) {
      if (sameObject) handlers.updated?.(old, object);
      else handlers.added?.(object);
    }
  }

  #remove(key: string, last: Type): void {
    this.#cache.delete(key);
    for (const handlers of this.#handlers) handlers.deleted?.(last);
  }
}

/** The object without `metadata.managedFields`; the same object where there are none. */
export function withoutManagedFields<Type extends KubeObject>(object: Type): Type {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return Object.freeze({ ...object, metadata: Object.freeze(metadata) });
}
