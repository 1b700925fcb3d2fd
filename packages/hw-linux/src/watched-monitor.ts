import type { Subscription } from '@vfleet/core';
import { errnoName } from '@vfleet/core';
import type { Monitor, MonitorNews } from './kernel-thread/monitor.ts';

/** Passes the kernel's news on, and knows whether they still arrive; for health checks. */
export class WatchedMonitor implements Monitor {
  readonly #monitor: Monitor;
  #problem: string | undefined;

  constructor(monitor: Monitor) {
    this.#monitor = monitor;
  }

  /** Why the kernel's news do not arrive; undefined while they do. It does not mend by itself. */
  get problem(): string | undefined {
    return this.#problem;
  }

  listen(listener: (news: MonitorNews) => void): Subscription {
    return this.#monitor.listen((news) => {
      if (news.kind === 'failed') this.#problem = `the kernel's news of NICs do not arrive: ${errnoName(news.errno) ?? `errno ${news.errno}`}`;
      listener(news);
    });
  }
}
