import type { Random } from '@vfleet/core';
import { SeededRandom, SimClock } from '@vfleet/core';
import { Barrier } from './barrier.ts';
import { Marks } from './marks.ts';
import { Trace } from './trace.ts';

/** A condition did not come to hold in the time it had. */
export class NotReachedError extends Error {
  override readonly name = 'NotReachedError';
}

/**
 * Virtual time, seeded randomness, a trace and marks: what a deterministic run consists of, whatever runs in it. One event at a
 * time: pop, run, drain, check. The same seed gives the same trace hash.
 */
export class Simulation {
  readonly seed: string;
  readonly clock = new SimClock();
  readonly trace = new Trace(this.clock);
  readonly marks = new Marks();
  readonly #root: SeededRandom;
  readonly #barrier = new Barrier();
  #events = 0;
  #stopped = false;

  constructor(seed: string | number) {
    this.seed = String(seed);
    this.#root = new SeededRandom(this.seed);
  }

  /** A stream of its own for each name, so that one more draw in one part changes nothing in another. */
  random(name: string): Random {
    return this.#root.stream(name);
  }

  /** Timers fired so far. */
  get events(): number {
    return this.#events;
  }

  /** Ends {@link run} and {@link until} after the event under way: something was found and the rest is of no use. */
  stop(): void {
    this.#stopped = true;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Lets `forMs` of virtual time pass. */
  async run(forMs: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + forMs;
    await this.#barrier.turn();
    while (!this.#stopped) {
      const next = this.clock.nextAtMs();
      if (next === undefined || next > endMs) break;
      await this.#step();
    }
    await this.#barrier.turn();
    if (!this.#stopped) await this.clock.run(endMs - this.clock.monotonicMs());
  }

  /**
   * Lets time pass until `done()` holds, asked after every event. False: it did not within `withinMs`, nothing is left that could
   * happen, or the simulation was stopped.
   */
  async until(done: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.clock.monotonicMs() + withinMs;
    await this.#barrier.turn();
    while (!this.#stopped) {
      if (done()) return true;
      const next = this.clock.nextAtMs();
      if (next === undefined || next > endMs) break;
      await this.#step();
    }
    await this.#barrier.turn();
    return false;
  }

  /** Awaits a promise of simulated code, letting time pass as needed. */
  async drive<Value>(promise: Promise<Value>, withinMs = 600_000): Promise<Value> {
    const state: { done: boolean } = { done: false };
    const finished = promise.finally(() => {
      state.done = true;
    });
    finished.catch(() => undefined);
    if (!(await this.until(() => state.done, withinMs)) && !state.done) throw new NotReachedError(`a promise did not settle within ${withinMs} ms of virtual time`);
    return finished;
  }

  async #step(): Promise<void> {
    this.#events++;
    this.clock.step();
    await this.#barrier.pass();
  }
}
