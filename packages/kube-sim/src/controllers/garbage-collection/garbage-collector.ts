import type { Clock, Kube, KubeObject, Log, OwnerReference, Random, Resource } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { Controller, Informer, objectKey, removeFinalizerPatch } from '@vfleet/kube';
import type { ResourceCatalog } from '../catalog.ts';
import { resourceKey } from '../catalog.ts';
import type { Entry } from './ownership-graph.ts';
import { FOREGROUND, isDeletingDependents, isOrphaning, ORPHAN, OwnershipGraph, ownersOf } from './ownership-graph.ts';

export interface GarbageCollectorOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly catalog: ResourceCatalog;
  readonly onBug?: (error: unknown, key: string) => void;
}

/** Events own nothing and are many (kube-controller-manager leaves them out too). */
const IGNORED = new Set(['events.', 'events.events.k8s.io']);

type OwnerState = 'solid' | 'dangling' | 'waiting';

/**
 * Deletes what nobody owns any more, and carries out foreground deletion and orphaning (kubernetes
 * pkg/controller/garbagecollector). Works on events alone: an object is looked at when it, an owner or a dependent changes.
 */
export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;
  readonly #graph = new OwnershipGraph();
  readonly #controller: Controller;
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
    this.#controller = new Controller(options, {
      name: 'garbage-collector', workers: 10, reconcile: (uid) => this.#reconcile(uid), ...(options.onBug !== undefined && { onBug: options.onBug }),
    });
  }

  start(): void {
    this.resourcesChanged();
    this.#controller.start();
  }

  async stop(): Promise<void> {
    for (const informer of this.#informers.values()) informer.stop();
    await this.#controller.stop();
  }

  /** The catalog may have other resources now: follow the new ones, forget those that are gone. */
  resourcesChanged(): void {
    const served = new Map(this.#options.catalog.all().map((resource) => [resourceKey(resource), resource]));
    for (const [key, informer] of this.#informers) {
      if (served.has(key)) continue;
      informer.stop();
      this.#informers.delete(key);
      for (const object of informer.values()) this.#removed(object);
    }
    for (const [key, resource] of served) if (!this.#informers.has(key) && !IGNORED.has(key)) this.#follow(key, resource);
  }

  #follow(key: string, resource: Resource): void {
    const informer = new Informer(this.#options, resource);
    this.#informers.set(key, informer);
    informer.subscribe({
      added: (object) => this.#changed(resource, undefined, object),
      updated: (old, object) => this.#changed(resource, old, object),
      deleted: (object) => this.#removed(object),
    });
    informer.start();
  }

  #look(uid: string): void {
    this.#controller.queue.add(uid);
  }

  #changed(resource: Resource, old: KubeObject | undefined, object: KubeObject): void {
    const { uid, ownerReferences, deletionTimestamp, finalizers } = object.metadata;
    this.#graph.set(resource, object);
    if (ownerReferences !== old?.metadata.ownerReferences) {
      // Objects whose owners are all here and well need no look.
      if (ownersOf(object).some((owner) => !this.#isSolid(owner, object))) this.#look(uid!);
      for (const owner of old === undefined ? [] : ownersOf(old)) this.#lookAtWaiting(owner);
    }
    if (deletionTimestamp === undefined || (old?.metadata.deletionTimestamp !== undefined && old.metadata.finalizers === finalizers)) return;
    if (isOrphaning(object)) this.#look(uid!);
    if (!isDeletingDependents(object)) return;
    this.#look(uid!);
    for (const dependent of this.#graph.dependentsOf(uid!)) this.#look(dependent.object.metadata.uid!);
  }

  #removed(object: KubeObject): void {
    const uid = object.metadata.uid!;
    const owners = ownersOf(this.#graph.get(uid)?.object ?? object);
    this.#graph.delete(uid);
    for (const dependent of this.#graph.dependentsOf(uid)) this.#look(dependent.object.metadata.uid!);
    for (const owner of owners) this.#lookAtWaiting(owner);
  }

  /** An owner that waits for its dependents may be free to go. */
  #lookAtWaiting({ uid }: OwnerReference): void {
    const owner = this.#graph.get(uid)?.object;
    if (owner !== undefined && isDeletingDependents(owner)) this.#look(uid);
  }

  #isSolid({ uid }: OwnerReference, dependent: KubeObject): boolean {
    const owner = this.#graph.get(uid)?.object;
    return owner !== undefined && canOwn(owner, dependent) && !isDeletingDependents(owner);
  }

  async #reconcile(uid: string): Promise<void> {
    const entry = this.#graph.get(uid);
    if (entry === undefined) return;
    try {
      if (isOrphaning(entry.object)) await this.#orphan(entry);
      else if (isDeletingDependents(entry.object)) await this.#deleteDependents(entry);
      else if (entry.object.metadata.deletionTimestamp === undefined) await this.#judge(entry);
    } catch (error) {
      if (!isKubeError(error, 'NotFound')) throw error;
    }
  }

  /** Takes the owner out of its dependents, then lets it go. */
  async #orphan({ resource, object }: Entry): Promise<void> {
    for (const dependent of this.#graph.dependentsOf(object.metadata.uid!)) await this.#disown(dependent, ({ uid }) => uid === object.metadata.uid);
    await this.#removeFinalizer(resource, object, ORPHAN);
  }

  /** Lets the owner go once no dependent blocks it. */
  async #deleteDependents({ resource, object }: Entry): Promise<void> {
    const uid = object.metadata.uid!;
    const blocking = this.#graph.dependentsOf(uid).filter((dependent) => ownersOf(dependent.object).some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true));
    if (blocking.length === 0) {
      await this.#removeFinalizer(resource, object, FOREGROUND);
      return;
    }
    for (const dependent of blocking) if (!isDeletingDependents(dependent.object)) this.#look(dependent.object.metadata.uid!);
  }

  async #removeFinalizer(resource: Resource, object: KubeObject, finalizer: string): Promise<void> {
    const patch = removeFinalizerPatch(object, finalizer);
    if (patch !== undefined) await this.#options.kube.patch(resource, objectKey(object), patch);
  }

  /** Deletes an object that has owners but none that is there to stay (attemptToDeleteItem). */
  async #judge(entry: Entry): Promise<void> {
    const owners = ownersOf(entry.object);
    if (owners.length === 0) return;
    const states = new Map<string, OwnerState>();
    for (const owner of owners) states.set(owner.uid, await this.#stateOf(owner, entry.object));
    const has = (state: OwnerState) => [...states.values()].includes(state);
    if (has('solid')) {
      if (has('dangling') || has('waiting')) await this.#disown(entry, ({ uid }) => states.get(uid) !== 'solid');
      return;
    }
    const dependents = this.#graph.dependentsOf(entry.object.metadata.uid!);
    if (has('waiting') && dependents.length > 0) {
      // Two that wait for each other would wait for ever.
      if (dependents.some(({ object }) => isDeletingDependents(object))) await this.#unblock(entry);
      await this.#delete(entry, 'Foreground');
      return;
    }
    const { finalizers = [] } = entry.object.metadata;
    await this.#delete(entry, finalizers.includes(ORPHAN) ? 'Orphan' : finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background');
  }

  async #stateOf(owner: OwnerReference, dependent: KubeObject): Promise<OwnerState> {
    const found = this.#graph.get(owner.uid)?.object ?? (await this.#fetch(owner, dependent));
    if (found === 'unknown') return 'solid';
    if (found === undefined || found.metadata.uid !== owner.uid) return 'dangling';
    if (!canOwn(found, dependent)) return 'dangling';
    return isDeletingDependents(found) ? 'waiting' : 'solid';
  }

  /** Asks the API server, since caches lag. 'unknown' for kinds that are not served: nothing is deleted for their sake. */
  async #fetch(owner: OwnerReference, dependent: KubeObject): Promise<KubeObject | undefined | 'unknown'> {
    const resource = this.#options.catalog.find(owner.apiVersion, owner.kind);
    if (resource === undefined) return 'unknown';
    const { namespace } = dependent.metadata;
    // What has no namespace cannot be owned by what has one: such a reference can never be resolved.
    if (resource.namespaced && namespace === undefined) return 'unknown';
    try {
      return await this.#options.kube.get(resource, resource.namespaced ? { namespace: namespace!, name: owner.name } : { name: owner.name });
    } catch (error) {
      if (isKubeError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Removes owner references from an object, if it is still as it was seen. */
  async #disown({ resource, object }: Entry, drops: (owner: OwnerReference) => boolean): Promise<void> {
    const kept = ownersOf(object).filter((owner) => !drops(owner));
    if (kept.length === ownersOf(object).length) return;
    await this.#patchOwners({ resource, object }, kept);
  }

  async #unblock(entry: Entry): Promise<void> {
    await this.#patchOwners(entry, ownersOf(entry.object).map((owner) => ({ ...owner, blockOwnerDeletion: false })));
  }

  async #patchOwners({ resource, object }: Entry, owners: readonly OwnerReference[]): Promise<void> {
    const { uid, resourceVersion } = object.metadata;
    const patch = { metadata: { uid, resourceVersion, ownerReferences: owners.length === 0 ? null : owners } };
    await this.#options.kube.patch(resource, objectKey(object), { type: 'merge', patch });
  }

  async #delete({ resource, object }: Entry, propagationPolicy: 'Foreground' | 'Background' | 'Orphan'): Promise<void> {
    const { uid } = object.metadata;
    await this.#options.kube.delete(resource, objectKey(object), { propagationPolicy, preconditions: { uid: uid! } });
  }
}

/** References do not cross namespaces: an owner elsewhere is none. */
function canOwn(owner: KubeObject, dependent: KubeObject): boolean {
  return owner.metadata.namespace === undefined || owner.metadata.namespace === dependent.metadata.namespace;
}
