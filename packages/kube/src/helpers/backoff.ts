import type { Random } from '@vfleet/core';

export interface Backoff {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** The delay, in whole milliseconds, before attempt `failures` + 1: doubles with each failure up to `maxMs`, then spread over ±50 % so that many clients do not return as one. */
export function backoffMs({ initialMs, maxMs }: Backoff, failures: number, random: Random): number {
  return Math.ceil(exponentialMs({ initialMs, maxMs }, failures) * (0.5 + random.next()));
}

/** As {@link backoffMs} without the spread. */
export function exponentialMs({ initialMs, maxMs }: Backoff, failures: number): number {
  return Math.min(maxMs, initialMs * 2 ** Math.max(0, failures - 1));
}
