import { closeSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Subscription } from '@vfleet/core';
import type { MonitorNews } from './monitor-worker.ts';
import { loadSystemCalls } from './system-calls.ts';

/** What the kernel tells without being asked. */
export interface Monitor {
  listen(listener: (news: MonitorNews) => void): Subscription;
}

/** A thread for each listener, asleep in the kernel until there is news. It keeps no process alive. */
export class MonitorThread implements Monitor {
  listen(listener: (news: MonitorNews) => void): Subscription {
    const wake = loadSystemCalls().eventFd();
    if (wake.value < 0) {
      listener({ kind: 'failed', errno: wake.errno });
      return { stop() {} };
    }
    const worker = new Worker(new URL('./monitor-worker.ts', import.meta.url), { workerData: { wakeFd: wake.value } });
    worker.unref();
    let over = false;
    // A thread asleep in poll cannot be ended from outside: it is woken, and ends itself.
    const stop = () => {
      if (over) return;
      over = true;
      process.off('exit', stop);
      writeSync(wake.value, new BigUint64Array([1n]));
    };
    process.on('exit', stop);
    worker.on('message', (news: MonitorNews) => {
      if (!over) listener(news);
    });
    worker.on('exit', () => {
      stop();
      closeSync(wake.value);
    });
    return { stop };
  }
}
