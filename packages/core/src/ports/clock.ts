/** A cancellable timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time, as logic may see it. Everything that waits takes a Clock, so that a simulator can own time. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may step when the host's clock is set. */
  now(): number;
  /** Milliseconds since an arbitrary origin; never goes back. Use it for durations and deadlines. */
  monotonicMs(): number;
  /** Calls `callback` once after at least `delayMs` (≥ 0) milliseconds. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Resolves after `delayMs`; rejects with `signal.reason` when the signal aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** `sleep` of a clock, made of its timers. */
export function sleepOn(clock: Pick<Clock, 'setTimer'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal!.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** RFC 3339 with second resolution, as metav1.Time is written (apimachinery pkg/apis/meta/v1/time.go). */
export function rfc3339(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with microseconds, as metav1.MicroTime is written. */
export function rfc3339Micro(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}

/** Epoch milliseconds of an RFC 3339 time; undefined when the text is none. */
export function parseRfc3339(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const epochMs = Date.parse(text);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}
