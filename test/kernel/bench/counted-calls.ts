import { loadSystemCalls } from '@vfleet/hw-linux/kernel-thread/system-calls.ts';
import type { SystemCalls } from '@vfleet/hw-linux/kernel-thread/system-calls.ts';
import { quantile } from './figures.ts';

const ROUNDS = 2_000;

/**
 * The calls that a backend makes of the kernel, counted, and made on the spot so that the clock reads what the kernel itself takes. A call
 * that the kernel refuses at once tells what looking at the clock and the binding of libc take: that is not the kernel's, and taken off.
 */
export class CountedCalls {
  ms = 0;
  messages = 0;
  calls = 0;
  aside = 0;
  /** Of one call. */
  readonly bindingMs: number;
  readonly #calls = loadSystemCalls();

  constructor() {
    const bytes = new Uint8Array(600);
    const refused = Array.from({ length: ROUNDS }, () => {
      const before = this.ms;
      this.#timed(() => this.#calls.send(-1, bytes), 0);
      return this.ms - before;
    });
    this.bindingMs = quantile(refused.slice(ROUNDS / 2), 0.5);
    this.reset();
  }

  load(): SystemCalls {
    const calls = this.#calls;
    const send: SystemCalls['send'] = (fd, bytes) => this.#timed(() => calls.send(fd, bytes), this.bindingMs);
    const receive: SystemCalls['receive'] = (fd, buffer, flags) => this.#timed(() => calls.receive(fd, buffer, flags), this.bindingMs);
    return {
      ...calls, receive,
      send: (fd, bytes) => {
        this.messages++;
        return send(fd, bytes);
      },
      aside: {
        ...calls.aside,
        send: async (fd, bytes) => {
          this.messages++;
          this.aside++;
          return send(fd, bytes);
        },
        receive: async (fd, buffer, flags) => {
          this.aside++;
          return receive(fd, buffer, flags);
        },
      },
    };
  }

  reset(): void {
    Object.assign(this, { ms: 0, messages: 0, calls: 0, aside: 0 });
  }

  #timed<Value>(call: () => Value, withoutMs: number): Value {
    this.calls++;
    const started = performance.now();
    const value = call();
    this.ms += performance.now() - started - withoutMs;
    return value;
  }
}
