import type { Clock } from '@vfleet/core';

/** Names of objects have 253 characters at the most; 16 hexadecimal digits and a dot are added. */
const SUBJECT_MAX = 236;

/**
 * Names for Events as client-go makes them, `object.hexadecimal-nanoseconds`, strictly rising. The clock gives milliseconds; where
 * within one the names begin is `phase`, from 0 up to 1: drawn, it keeps recorders of different processes apart, and chosen, it
 * keeps those of one process in order.
 */
export class EventNames {
  readonly #clock: Clock;
  readonly #phaseNs: bigint;
  #last = 0n;

  constructor(clock: Clock, phase: number) {
    this.#clock = clock;
    this.#phaseNs = BigInt(Math.floor(phase * 1_000_000));
  }

  next(subject: string): string {
    const now = BigInt(Math.trunc(this.#clock.now())) * 1_000_000n + this.#phaseNs;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return `${subject.slice(0, SUBJECT_MAX)}.${this.#last.toString(16)}`;
  }
}
