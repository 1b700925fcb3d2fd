import type { Journal } from '../storage/journal.ts';
import { restore } from '../storage/restore.ts';
import type { Storage } from '../storage/storage.ts';
import type { ApiObject } from '../values/json.ts';
import { withMeta } from '../values/json.ts';
import type { Change } from './change.ts';
import { History } from './history.ts';
import { emptySortedMap, sortedDelete, sortedGet, sortedSet } from './sorted-map.ts';
import type { SortedMap } from './sorted-map.ts';

/** The objects of one resource: the newest state, and enough history for watches and older snapshots. */
export class Collection {
  /** For example `pods` or `leases.coordination.k8s.io`. */
  readonly name: string;
  readonly history: History;
  #objects: SortedMap<ApiObject> = emptySortedMap();
  /** The snapshot rebuilt last: pages of one list ask for the same revision again and again. */
  #past: { readonly revision: number; readonly objects: SortedMap<ApiObject> } | undefined;

  constructor(name: string, historyLimit: number, revision: number, onDrop?: (change: Change) => void) {
    this.name = name;
    this.history = new History(historyLimit, revision, onDrop);
  }

  get objects(): SortedMap<ApiObject> {
    return this.#objects;
  }

  get(key: string): ApiObject | undefined {
    return sortedGet(this.#objects, key);
  }

  /** For {@link Store} only. */
  apply(change: Change): void {
    this.#objects = change.type === 'DELETED' ? sortedDelete(this.#objects, change.key) : sortedSet(this.#objects, change.key, change.object);
    this.history.append(change);
  }

  /** For restoring from durable storage only: no event, no history. */
  restore(key: string, object: ApiObject): void {
    this.#objects = sortedSet(this.#objects, key, object);
  }

  /** The objects as they were at `revision`; undefined when that has been compacted away. */
  at(revision: number): SortedMap<ApiObject> | undefined {
    if (revision < this.history.compactedRevision) return undefined;
    if (this.#past?.revision === revision) return this.#past.objects;
    const changes = this.history.after(revision);
    let objects = this.#objects;
    for (const change of changes.toReversed()) {
      objects = change.previous === undefined ? sortedDelete(objects, change.key) : sortedSet(objects, change.key, change.previous);
    }
    this.#past = { revision, objects };
    return objects;
  }
}

export interface StoreOptions {
  /** Changes kept per resource for watches and snapshots. */
  readonly historyLimit: number;
  /** Keeps what is committed beyond the life of the process; without one nothing is kept. */
  readonly journal?: Journal;
}

/** Told of every change right after it was committed, in order, synchronously. */
export type CommitListener = (collection: Collection, change: Change) => void;

/**
 * All objects, under one revision counter as etcd has it. Writes are compare-and-swap on the identity of the object read
 * before: objects are frozen and replaced whole, so identity says whether somebody else wrote meanwhile.
 */
export class Store {
  readonly #options: StoreOptions;
  readonly #collections = new Map<string, Collection>();
  readonly #listeners: CommitListener[] = [];
  #revision = 1;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** The revision of the newest change of anything. */
  get revision(): number {
    return this.#revision;
  }

  collection(name: string): Collection {
    let collection = this.#collections.get(name);
    if (collection === undefined) {
      const { historyLimit, journal } = this.#options;
      collection = new Collection(name, historyLimit, 0, journal === undefined ? undefined : (change) => journal.dropped(name, change));
      this.#collections.set(name, collection);
    }
    return collection;
  }

  onCommit(listener: CommitListener): void {
    this.#listeners.push(listener);
  }

  /** Takes what a storage kept into this empty store; nobody is told. Throws StorageError when it cannot be read. */
  load(storage: Storage): void {
    const newest = restore(storage, {
      get: (name, key) => this.collection(name).get(key),
      object: (name, key, object) => this.collection(name).restore(key, object),
      change: (name, change) => this.collection(name).apply(change),
      horizon: (name, revision) => this.collection(name).history.compact(revision),
    });
    this.#revision = Math.max(this.#revision, newest);
    this.#options.journal?.startAt(this.#revision);
  }

  /** All that is committed is on disk; always true without a journal. */
  get isDurable(): boolean {
    return this.#options.journal?.isDurable ?? true;
  }

  /** Undefined when all that is committed is durable (always, without a journal); else resolves when it is. Rejects with a StatusError (500) when it cannot be, unless `patient`. */
  durable(options: { readonly patient?: boolean } = {}): Promise<void> | undefined {
    return this.#options.journal?.durable(options.patient === true);
  }

  /** Throws a StatusError (500) while nothing can be kept: a write would only be lost. */
  requireWritable(): void {
    const failure = this.#options.journal?.failure;
    if (failure !== undefined) throw failure;
  }

  /**
   * Writes `object` where `expected` is still the newest (undefined: where nothing is yet) and returns it with its new
   * resourceVersion; undefined when somebody else was faster.
   */
  put(collection: Collection, key: string, object: ApiObject, expected: ApiObject | undefined): ApiObject | undefined {
    if (collection.get(key) !== expected) return undefined;
    const revision = ++this.#revision;
    const stored = withMeta(object, { resourceVersion: String(revision) });
    this.#commit(collection, expected === undefined
      ? { type: 'ADDED', key, revision, object: stored }
      : { type: 'MODIFIED', key, revision, object: stored, previous: expected });
    return stored;
  }

  /**
   * Removes `expected` and returns its last state at the revision of the removal; undefined when it is not the newest any
   * more. `lastState` is what watchers see where the removing request changed something on the way out (its finalizers).
   */
  remove(collection: Collection, key: string, expected: ApiObject, lastState: ApiObject = expected): ApiObject | undefined {
    if (collection.get(key) !== expected) return undefined;
    const revision = ++this.#revision;
    const last = withMeta(lastState, { resourceVersion: String(revision) });
    this.#commit(collection, { type: 'DELETED', key, revision, object: last, previous: expected });
    return last;
  }

  /** Forgets the history of every resource up to `revision`: older watches and snapshots get 410 from now on. */
  compact(revision: number): void {
    const upTo = Math.min(revision, this.#revision);
    for (const collection of this.#collections.values()) {
      collection.history.compact(upTo);
      this.#options.journal?.compacted(collection.name, upTo);
    }
  }

  /** A resource is served anew: nothing before now can be resumed from. */
  beginHistory(name: string): void {
    this.collection(name).history.compact(this.#revision);
    this.#options.journal?.compacted(name, this.#revision);
  }

  #commit(collection: Collection, change: Change): void {
    collection.apply(change);
    this.#options.journal?.committed(collection.name, change);
    for (const listener of this.#listeners) listener(collection, change);
  }
}
