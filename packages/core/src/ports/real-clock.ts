import type { Clock, Timer } from './clock.ts';
import { sleepOn } from './clock.ts';

/** Longest delay setTimeout takes (Node: TIMEOUT_MAX, 2³¹−1 ms); longer ones are set again when it has passed. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** The host's clock and timers. */
export class RealClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const deadlineMs = performance.now() + delayMs;
    let handle: NodeJS.Timeout;
    const arm = () => {
      const leftMs = deadlineMs - performance.now();
      handle = leftMs > TIMEOUT_MAX_MS ? setTimeout(arm, TIMEOUT_MAX_MS) : setTimeout(callback, Math.max(0, leftMs));
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }
}
