import type { KubeError, Log } from '@vfleet/core';
import type { ApiObject } from '../values/json.ts';
import type { Change } from './change.ts';

export type HubEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: ApiObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd?: boolean };

/** What a watcher wants to see of one resource. */
export interface Interest {
  readonly namespace?: string;
  /** Exact name, from a field selector on metadata.name. */
  readonly name?: string;
  /** An indexed field that must have this value, for example spec.nodeName of pods. */
  readonly field?: { readonly name: string; readonly value: string };
  /** Everything that namespace and name do not say, `field` included; undefined when they say all. */
  readonly matches?: (object: ApiObject) => boolean;
}

/** One subscriber. `deliver` is called from a microtask, never from inside a write. */
export interface Watcher {
  readonly interest: Interest;
  readonly wantsBookmarks: boolean;
  deliver(event: HubEvent): void;
  /** Ends it from the server's side. */
  fail(error: KubeError): void;
}

/** Values of the fields by which watchers of a resource may be found, and their names. */
export interface FieldIndex {
  readonly names: readonly string[];
  value(object: ApiObject, field: string): string;
}

/**
 * The watchers of one resource, found by what they asked for: a change visits those of its object, its namespace, its
 * indexed field values and those that want everything, and not ten thousand others that watch one object each.
 */
export class WatchHub {
  readonly #index: FieldIndex;
  readonly #queue: DeliveryQueue;
  readonly #buckets = new Map<string, Set<Watcher>>();
  #count = 0;

  constructor(index: FieldIndex, queue: DeliveryQueue) {
    this.#index = index;
    this.#queue = queue;
  }

  get size(): number {
    return this.#count;
  }

  add(watcher: Watcher): void {
    const bucket = bucketOf(watcher.interest);
    const members = this.#buckets.get(bucket);
    if (members === undefined) this.#buckets.set(bucket, new Set([watcher]));
    else members.add(watcher);
    this.#count++;
  }

  remove(watcher: Watcher): void {
    const bucket = bucketOf(watcher.interest);
    const members = this.#buckets.get(bucket);
    if (members?.delete(watcher) !== true) return;
    if (members.size === 0) this.#buckets.delete(bucket);
    this.#count--;
  }

  /** A copy, so that watchers may come and go while somebody goes through it. */
  watchers(): readonly Watcher[] {
    return [...this.#buckets.values()].flatMap((members) => [...members]);
  }

  /** Queues an event for one watcher, behind all that was queued before. */
  push(watcher: Watcher, event: HubEvent): void {
    this.#queue.push(watcher, event);
  }

  /** Queues what one watcher sees of a change of the past. */
  pushChange(watcher: Watcher, change: Change): void {
    const event = new ChangeEvents(change).seenBy(watcher.interest);
    if (event !== undefined) this.#queue.push(watcher, event);
  }

  publish(change: Change): void {
    if (this.#count === 0) return;
    const events = new ChangeEvents(change);
    for (const bucket of this.#bucketsOf(change)) {
      const members = this.#buckets.get(bucket);
      if (members === undefined) continue;
      for (const watcher of members) {
        const event = events.seenBy(watcher.interest);
        if (event !== undefined) this.#queue.push(watcher, event);
      }
    }
  }

  #bucketsOf(change: Change): readonly string[] {
    const { object, previous } = change;
    const buckets = ['*', `name:${object.metadata.name}`];
    if (object.metadata.namespace !== undefined) buckets.push(`ns:${object.metadata.namespace}`, `key:${change.key}`);
    for (const field of this.#index.names) {
      const value = this.#index.value(object, field);
      buckets.push(`${field}=${value}`);
      const before = previous === undefined ? value : this.#index.value(previous, field);
      if (before !== value) buckets.push(`${field}=${before}`);
    }
    return buckets;
  }
}

function bucketOf(interest: Interest): string {
  if (interest.name !== undefined) return interest.namespace === undefined ? `name:${interest.name}` : `key:${interest.namespace}/${interest.name}`;
  if (interest.field !== undefined) return `${interest.field.name}=${interest.field.value}`;
  return interest.namespace === undefined ? '*' : `ns:${interest.namespace}`;
}

/** Whether an object is one that the interest asks for. */
export function isWanted(interest: Interest, object: ApiObject): boolean {
  if (interest.namespace !== undefined && object.metadata.namespace !== interest.namespace) return false;
  if (interest.name !== undefined && object.metadata.name !== interest.name) return false;
  return interest.matches === undefined || interest.matches(object);
}

/** The events one change can be seen as, made at most once each and shared by all watchers. */
class ChangeEvents {
  readonly #change: Change;
  #added: HubEvent | undefined;
  #modified: HubEvent | undefined;
  #deleted: HubEvent | undefined;

  constructor(change: Change) {
    this.#change = change;
  }

  /** An object that begins to match is ADDED, one that ceases to match is DELETED (apiserver cacher). */
  seenBy(interest: Interest): HubEvent | undefined {
    const { type, object, previous } = this.#change;
    const before = previous !== undefined && isWanted(interest, previous);
    const after = type !== 'DELETED' && isWanted(interest, object);
    if (before && after) return (this.#modified ??= { type: 'MODIFIED', object });
    if (after) return (this.#added ??= { type: 'ADDED', object });
    if (before) return (this.#deleted ??= { type: 'DELETED', object: lastSeen(this.#change) });
    return undefined;
  }
}

/** The state a watcher last saw, at the revision of the change that took it out of sight. */
function lastSeen(change: Change): ApiObject {
  const { previous, object, type } = change;
  if (type === 'DELETED' || previous === undefined) return object;
  const metadata = Object.freeze({ ...previous.metadata, resourceVersion: object.metadata.resourceVersion! });
  return Object.freeze({ ...previous, metadata });
}

/**
 * Delivers events to watchers in the order of the writes, from one microtask for all that has gathered: writers never run a
 * watcher's code, and no timer or socket is involved.
 */
export class DeliveryQueue {
  readonly #log: Log;
  #pending: { readonly watcher: Watcher; readonly event: HubEvent }[] = [];
  #scheduled = false;

  constructor(log: Log) {
    this.#log = log;
  }

  push(watcher: Watcher, event: HubEvent): void {
    this.#pending.push({ watcher, event });
    if (this.#scheduled) return;
    this.#scheduled = true;
    void Promise.resolve().then(() => this.#drain());
  }

  #drain(): void {
    // What watchers cause while this runs gathers anew and is delivered by the next microtask.
    const batch = this.#pending;
    this.#pending = [];
    this.#scheduled = false;
    for (const { watcher, event } of batch) {
      try {
        watcher.deliver(event);
      } catch (error) {
        // One broken watcher must not cost the others their events.
        this.#log.error('A watcher failed on an event.', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    }
  }
}
