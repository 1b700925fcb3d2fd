import type { Subscription } from '@vfleet/core';
import type { Monitor, MonitorNews } from './monitor.ts';

/** One monitor for all listeners, since each takes a thread. It runs while there is a listener. */
export class SharedMonitor implements Monitor {
  readonly #monitor: Monitor;
  readonly #listeners = new Set<{ readonly tell: (news: MonitorNews) => void }>();
  #subscription: Subscription | undefined;

  constructor(monitor: Monitor) {
    this.#monitor = monitor;
  }

  listen(listener: (news: MonitorNews) => void): Subscription {
    const entry = { tell: listener };
    this.#listeners.add(entry);
    if (this.#subscription === undefined) this.#start();
    return {
      stop: () => {
        if (!this.#listeners.delete(entry) || this.#listeners.size > 0) return;
        this.#subscription?.stop();
        this.#subscription = undefined;
      },
    };
  }

  #start(): void {
    let hasFailed = false;
    const subscription = this.#monitor.listen((news) => {
      // It may be told before the call returns. The next listener lets it be tried again.
      if (news.kind === 'failed') {
        hasFailed = true;
        this.#subscription = undefined;
      }
      for (const { tell } of [...this.#listeners]) tell(news);
    });
    if (!hasFailed && this.#listeners.size > 0) this.#subscription = subscription;
    else subscription.stop();
  }
}
