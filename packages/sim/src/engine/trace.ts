import type { Clock } from '@vfleet/core';
import { RunningHash } from './hash.ts';

/** One thing that happened: where (a node, `api`, a process), what kind of thing, and the rest in words. */
export interface TraceEntry {
  /** Virtual milliseconds since the run began. */
  readonly atMs: number;
  readonly where: string;
  readonly kind: string;
  readonly text: string;
}

/** How many entries a violation can look back on. */
const KEPT = 512;

/**
 * What happened in a run, in order. Every entry goes into a running hash, so that two runs can be compared by sixteen digits; only
 * the newest are kept.
 */
export class Trace {
  readonly #clock: Clock;
  readonly #hash = new RunningHash();
  readonly #ring: TraceEntry[] = [];
  readonly #listeners: ((entry: TraceEntry) => void)[] = [];
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  record(where: string, kind: string, text: string): void {
    const entry: TraceEntry = { atMs: this.#clock.monotonicMs(), where, kind, text };
    this.#hash.add(String(entry.atMs));
    this.#hash.add(where);
    this.#hash.add(kind);
    this.#hash.add(text);
    this.#ring[this.#count++ % KEPT] = entry;
    for (const listener of this.#listeners) listener(entry);
  }

  /** Calls `listener` with every entry from now on: to print a run or to find where two runs part. */
  listen(listener: (entry: TraceEntry) => void): void {
    this.#listeners.push(listener);
  }

  /** Entries so far. */
  get count(): number {
    return this.#count;
  }

  /** 16 hexadecimal digits over all entries so far. */
  get hash(): string {
    return this.#hash.digest();
  }

  /** The newest entries, oldest first; `about` keeps those that name one of its words. */
  last(count: number, about: readonly string[] = []): readonly TraceEntry[] {
    const kept = Math.min(this.#count, KEPT);
    const found: TraceEntry[] = [];
    for (let back = 1; back <= kept && found.length < count; back++) {
      const entry = this.#ring[(this.#count - back) % KEPT]!;
      if (about.length === 0 || about.some((word) => entry.where.includes(word) || entry.text.includes(word))) found.push(entry);
    }
    return found.reverse();
  }
}

/** `t=12.345 node-a commit nodestates …`: one line, seconds of virtual time. */
export function traceLine({ atMs, where, kind, text }: TraceEntry): string {
  return `t=${(atMs / 1000).toFixed(3)} ${where} ${kind} ${text}`;
}
