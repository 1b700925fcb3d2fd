import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Subscription } from '@vfleet/core';
import type { MonitorNews, MonitorSockets } from './monitor-worker.ts';
import { openNetlink } from './netlink-socket.ts';
import { loadSystemCalls } from './system-calls.ts';

/** What the kernel tells without being asked. */
export interface Monitor {
  listen(listener: (news: MonitorNews) => void): Subscription;
}

const RTMGRP_LINK = 0x1;
const UEVENTS_OF_KERNEL = 0x1;
const EIO = 5;
const KERNEL_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * A thread for each listener, asleep in the kernel until there is news. It keeps no process alive. The sockets are opened at once, so
 * that the kernel keeps what happens while the thread starts.
 */
export class MonitorThread implements Monitor {
  listen(listener: (news: MonitorNews) => void): Subscription {
    const calls = loadSystemCalls();
    const wake = calls.eventFd();
    const sockets: MonitorSockets = {
      wake: wake.value < 0 ? -wake.errno : wake.value,
      uevent: openNetlink(calls, 'uevent', UEVENTS_OF_KERNEL, KERNEL_BUFFER_BYTES),
      link: openNetlink(calls, 'route', RTMGRP_LINK, KERNEL_BUFFER_BYTES),
    };
    const fds = Object.values(sockets);
    const refused = fds.find((fd) => fd < 0);
    if (refused !== undefined) {
      for (const fd of fds) if (fd >= 0) calls.close(fd);
      listener({ kind: 'failed', errno: -refused });
      return { stop() {} };
    }
    const worker = new Worker(new URL('./monitor-worker.ts', import.meta.url), { workerData: sockets });
    worker.unref();
    let over = false;
    // A thread asleep in poll cannot be ended from outside: it is woken, and ends itself.
    const stop = () => {
      if (over) return;
      over = true;
      process.off('exit', stop);
      writeSync(sockets.wake, new BigUint64Array([1n]));
    };
    process.on('exit', stop);
    worker.on('message', (news: MonitorNews) => {
      if (!over) listener(news);
    });
    // Said by `exit`, which follows.
    worker.on('error', () => {});
    worker.on('exit', () => {
      // Nobody asked it to end: from here on there is no news.
      if (!over) listener({ kind: 'failed', errno: EIO });
      stop();
      for (const fd of fds) calls.close(fd);
    });
    return { stop };
  }
}
