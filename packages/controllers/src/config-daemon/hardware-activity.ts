import type { Clock } from '@vfleet/core';

/** Lets work that waits for the hardware wake up at the next event, instead of asking again and again. */
export class HardwareActivity {
  readonly #clock: Clock;
  #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  event(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Resolves at the next event, or after `withinMs`: events can be lost. Rejects when the signal aborts. */
  next(withinMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const end = () => {
        timer.cancel();
        signal.removeEventListener('abort', abort);
        this.#waiting.delete(finish);
      };
      const finish = () => {
        end();
        resolve();
      };
      const abort = () => {
        end();
        reject(signal.reason);
      };
      const timer = this.#clock.setTimer(withinMs, finish);
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.add(finish);
    });
  }
}
