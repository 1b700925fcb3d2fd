import type { Clock, KubeObject } from '@vfleet/core';
import { compareResourceVersions } from '@vfleet/kube';

interface Written {
  /** Undefined: deleted. */
  readonly resourceVersion?: string;
  readonly uid?: string;
  readonly atMs: number;
}

/** How long a write is waited for; a cache that is further behind has lost its watch and lists anew. */
const WAIT_MS = 30_000;

/**
 * What this process wrote and its cache has not yet seen. A controller that acted on the older object would write the same once
 * more; it waits instead, until {@link OwnWrites.arrived} says that the watch event of its own write has come.
 */
export class OwnWrites {
  readonly #clock: Clock;
  readonly #written = new Map<string, Written>();
  /** What a controller was told to wait for. */
  readonly #awaited = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** After a create, update or patch: what the server answered. */
  wrote(key: string, object: KubeObject): void {
    this.#written.set(key, { ...(object.metadata.resourceVersion === undefined ? {} : { resourceVersion: object.metadata.resourceVersion }), atMs: this.#clock.monotonicMs() });
  }

  /** After a delete of an object without finalizers. */
  deleted(key: string, object: KubeObject): void {
    this.#written.set(key, { ...(object.metadata.uid === undefined ? {} : { uid: object.metadata.uid }), atMs: this.#clock.monotonicMs() });
  }

  /** Somebody deleted the object: what was written before no longer counts. Call it on every deletion that is seen. */
  forget(key: string): void {
    this.#written.delete(key);
    this.#awaited.delete(key);
  }

  /** Milliseconds to wait at most for the cache to see the last own write; 0 when it has. */
  behindMs(key: string, cached: KubeObject | undefined): number {
    const written = this.#written.get(key);
    if (written === undefined) return 0;
    const leftMs = written.atMs + WAIT_MS - this.#clock.monotonicMs();
    const seen =
      written.resourceVersion === undefined
        ? cached?.metadata.uid !== written.uid
        : cached?.metadata.resourceVersion !== undefined && compareResourceVersions(cached.metadata.resourceVersion, written.resourceVersion) >= 0;
    if (!seen && leftMs > 0) {
      this.#awaited.add(key);
      return leftMs;
    }
    this.#written.delete(key);
    this.#awaited.delete(key);
    return 0;
  }

  /**
   * Whether the cache has just seen a write that a controller was told to wait for, which must be woken then, whatever the write
   * changed. Call it on every change that is seen.
   */
  arrived(key: string, cached: KubeObject): boolean {
    return this.#awaited.has(key) && this.behindMs(key, cached) === 0;
  }
}
