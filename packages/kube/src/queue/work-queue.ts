import type { Clock, Timer } from '@vfleet/core';
import { Heap } from '@vfleet/core';
import type { Backoff } from '../helpers/backoff.ts';
import { exponentialMs } from '../helpers/backoff.ts';
import { Fifo } from './fifo.ts';
import { TokenBucket } from './token-bucket.ts';

export interface WorkQueueOptions {
  /** Most distinct keys waiting at once. Keys name objects, so reaching it is a mistake in the program, not load. */
  readonly capacity?: number;
  /** Delay of {@link WorkQueue.addRateLimited}, by how often the key was added so. client-go's values: 5 ms to 1000 s. */
  readonly backoff?: Backoff;
  /** Rate-limited adds of all keys together. client-go's values: 10 a second, 100 at once. */
  readonly bucket?: { readonly perSecond: number; readonly burst: number };
  /** Told of what happens to keys; without one nothing is kept for it. */
  readonly observer?: WorkQueueObserver;
}

/** What metrics want to know of a queue. */
export interface WorkQueueObserver {
  /** Keys that a worker could take now, after each change of their number. */
  depth(length: number): void;
  /** A key has been added to those that a worker could take. */
  added(): void;
  /** A worker took a key that had waited so long since it could be taken. */
  taken(waitedMs: number): void;
  /** A key was put back because of a failure. */
  retried(): void;
}

export const workQueueDefaults: Required<Omit<WorkQueueOptions, 'observer'>> = {
  capacity: 1_000_000,
  backoff: { initialMs: 5, maxMs: 1_000_000 },
  bucket: { perSecond: 10, burst: 100 },
};

interface Delayed<Key> {
  readonly key: Key;
  readonly atMs: number;
  readonly sequence: number;
}

/**
 * A queue of keys to work on, with the promises of client-go's util/workqueue: a key waits at most once however often it is
 * added; a key is never worked on twice at the same time; a key added while it is worked on comes again afterwards. Keys are
 * compared as a Map does, so use texts. First in, first out; delays and rate limits by Clock, with one timer for all.
 */
export class WorkQueue<Key> {
  readonly #clock: Clock;
  readonly #options: Required<Omit<WorkQueueOptions, 'observer'>>;
  readonly #observer: WorkQueueObserver | undefined;
  /** When each ready key became so; kept only where somebody observes. */
  readonly #readySinceMs = new Map<Key, number>();
  readonly #bucket: TokenBucket;
  /** Keys that need work; those that are not being worked on also wait in `#ready`. */
  readonly #dirty = new Set<Key>();
  readonly #processing = new Set<Key>();
  readonly #ready = new Fifo<Key>();
  readonly #delayed = new Map<Key, Delayed<Key>>();
  readonly #heap = new Heap<Delayed<Key>>((a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence));
  readonly #failures = new Map<Key, number>();
  readonly #getters = new Fifo<(key: Key | undefined) => void>();
  #idle: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #sequence = 0;
  #state: 'open' | 'draining' | 'shut' = 'open';

  constructor(clock: Clock, options: WorkQueueOptions = {}) {
    this.#clock = clock;
    this.#options = { ...workQueueDefaults, ...options };
    this.#observer = options.observer;
    this.#bucket = new TokenBucket(clock, this.#options.bucket);
  }

  /** Keys that a worker could take now. */
  get length(): number {
    return this.#ready.size;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#delayed.size;
  }

  /** Keys being worked on. */
  get processing(): number {
    return this.#processing.size;
  }

  get isShutDown(): boolean {
    return this.#state !== 'open';
  }

  /** Marks `key` as needing work. Ignored after shut-down. */
  add(key: Key): void {
    if (this.#state !== 'open' || this.#dirty.has(key)) return;
    this.#assertRoom();
    this.#dirty.add(key);
    if (this.#processing.has(key)) return;
    this.#becomeReady(key);
  }

  /** As {@link add}, `delayMs` from now; of several delays of one key the earliest counts. */
  addAfter(key: Key, delayMs: number): void {
    if (this.#state !== 'open') return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const atMs = this.#clock.monotonicMs() + delayMs;
    const waiting = this.#delayed.get(key);
    if (waiting !== undefined && waiting.atMs <= atMs) return;
    this.#assertRoom();
    const delayed: Delayed<Key> = { key, atMs, sequence: this.#sequence++ };
    this.#delayed.set(key, delayed);
    this.#heap.push(delayed);
    this.#armTimer();
  }

  /** As {@link add} after the longer of the key's own exponential delay and what the overall rate allows. Returns the delay. */
  addRateLimited(key: Key, atLeastMs = 0): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#observer?.retried();
    const delayMs = Math.max(atLeastMs, exponentialMs(this.#options.backoff, failures), this.#bucket.takeMs());
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** Ends a key's row of failures: its next rate-limited add waits the initial delay again. */
  forget(key: Key): void {
    this.#failures.delete(key);
  }

  /** Rate-limited adds since the key was last forgotten. */
  failures(key: Key): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, as soon as there is one; undefined once the queue is shut down and empty. Call {@link done} afterwards. */
  get(): Promise<Key | undefined> {
    const next = this.#takeNext();
    if (next !== undefined) return Promise.resolve(next.key);
    if (this.#state !== 'open') return Promise.resolve(undefined);
    return new Promise((resolve) => this.#getters.push(resolve));
  }

  /** Work on `key` has ended, well or not. */
  done(key: Key): void {
    if (!this.#processing.delete(key)) return;
    if (this.#dirty.has(key)) this.#becomeReady(key);
    this.#settle();
  }

  /** Takes no more keys and drops those that wait; workers get undefined. */
  shutDown(): void {
    this.#close('shut');
    this.#ready.clear();
    this.#readySinceMs.clear();
    this.#observer?.depth(0);
    this.#dirty.clear();
    this.#settle();
  }

  /** Takes no more keys; those that are ready or being worked on are finished first. Delayed ones are dropped. */
  drain(): Promise<void> {
    if (this.#state === 'open') this.#close('draining');
    this.#idle ??= Promise.withResolvers<void>();
    const { promise } = this.#idle;
    this.#settle();
    return promise;
  }

  #close(state: 'draining' | 'shut'): void {
    this.#state = state;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#delayed.clear();
    this.#failures.clear();
    while (this.#heap.pop() !== undefined);
  }

  /** When nothing is left of a queue that was shut down, lets workers and waiters go. */
  #settle(): void {
    if (this.#state === 'open' || this.#ready.size > 0) return;
    if (this.#processing.size > 0 && this.#state === 'draining') return;
    while (this.#getters.size > 0) this.#getters.shift()(undefined);
    if (this.#processing.size === 0) this.#idle?.resolve();
  }

  #takeNext(): { readonly key: Key } | undefined {
    if (this.#ready.size === 0) return undefined;
    const key = this.#ready.shift();
    this.#dirty.delete(key);
    this.#processing.add(key);
    if (this.#observer !== undefined) {
      this.#observer.taken(this.#clock.monotonicMs() - (this.#readySinceMs.get(key) ?? this.#clock.monotonicMs()));
      this.#readySinceMs.delete(key);
      this.#observer.depth(this.#ready.size);
    }
    return { key };
  }

  #becomeReady(key: Key): void {
    this.#ready.push(key);
    if (this.#observer !== undefined) {
      this.#readySinceMs.set(key, this.#clock.monotonicMs());
      this.#observer.added();
      this.#observer.depth(this.#ready.size);
    }
    this.#handOut();
  }

  #handOut(): void {
    while (this.#getters.size > 0 && this.#ready.size > 0) this.#getters.shift()(this.#takeNext()!.key);
  }

  #armTimer(): void {
    const next = this.#heap.peek();
    if (next === undefined || next.atMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = next.atMs;
    this.#timer = this.#clock.setTimer(Math.max(1, Math.ceil(next.atMs - this.#clock.monotonicMs())), () => this.#releaseDue());
  }

  #releaseDue(): void {
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonicMs();
    for (let next = this.#heap.peek(); next !== undefined && next.atMs <= now; next = this.#heap.peek()) {
      this.#heap.pop();
      // An entry that an earlier one replaced stays in the heap until its time; the map says which one counts.
      if (this.#delayed.get(next.key) !== next) continue;
      this.#delayed.delete(next.key);
      this.add(next.key);
    }
    this.#armTimer();
  }

  #assertRoom(): void {
    if (this.#dirty.size + this.#delayed.size >= this.#options.capacity) throw new Error(`more than ${this.#options.capacity} distinct keys wait in a work queue: are they names of objects?`);
  }
}
