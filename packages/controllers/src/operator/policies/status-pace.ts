import type { Clock } from '@vfleet/core';

/** Least time between two writes of one status, ms: a hundred a minute at most, however its reason changes back and forth. */
export const LEAST_MS = 600;
/** Time between two statuses that tell progress only, ms a node: what is written and watched then stays linear in the fleet. */
export const PROGRESS_MS_PER_NODE = 5;
export const PROGRESS_MOST_MS = 5_000;

/** What a write of a status tells: a new reason, or only other numbers of the same. */
export type StatusNews = 'reason' | 'progress';

/**
 * When a status that sums over nodes may be written again. Thousands of nodes report for minutes; each write of the sum is a write of the API
 * server and an event for every watcher, and nobody reads numbers that change three times a second.
 */
export class StatusPace {
  readonly #clock: Clock;
  readonly #wroteAtMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until news of the object `name` that sums over `nodes` may be written; 0 is now. */
  waitMs(name: string, nodes: number, news: StatusNews): number {
    const wroteAtMs = this.#wroteAtMs.get(name);
    if (wroteAtMs === undefined) return 0;
    const spacingMs = news === 'reason' ? LEAST_MS : Math.max(LEAST_MS, Math.min(PROGRESS_MOST_MS, nodes * PROGRESS_MS_PER_NODE));
    return Math.max(0, wroteAtMs + spacingMs - this.#clock.monotonicMs());
  }

  wrote(name: string): void {
    this.#wroteAtMs.set(name, this.#clock.monotonicMs());
  }

  forget(name: string): void {
    this.#wroteAtMs.delete(name);
  }
}
