import { writeSync } from 'node:fs';
import type { Subscription } from '@vfleet/core';
import type { Monitor, MonitorNews } from './monitor.ts';
import { RECEIVE_BUFFER_BYTES, openNetlink } from './netlink-socket.ts';
import { loadSystemCalls } from './system-calls.ts';
import type { SystemCalls } from './system-calls.ts';

const RTMGRP_LINK = 0x1;
const UEVENTS_OF_KERNEL = 0x1;
const KERNEL_BUFFER_BYTES = 4 * 1024 * 1024;
const MSG_DONTWAIT = 0x40;
const EINTR = 4;
const EAGAIN = 11;
/** A net under a wake-up that is lost. */
const POLL_MS = 10_000;
/** Of a storm of events so many are read before others have their turn. */
const READ_AT_ONCE_MAX = 256;

/**
 * The kernel's own news: uevents and changes of links. A listener costs a thread of the process' pool, asleep in poll, for which `vfleet` makes
 * the pool larger: libuv watches no netlink socket, and a thread of JavaScript would cost 13 MB. The process stays alive until it stops.
 */
export class KernelMonitor implements Monitor {
  readonly #load: () => SystemCalls;

  constructor(load: () => SystemCalls = loadSystemCalls) {
    this.#load = load;
  }

  listen(listener: (news: MonitorNews) => void): Subscription {
    const calls = this.#load();
    const wake = calls.eventFd();
    const sockets = {
      wake: wake.value < 0 ? -wake.errno : wake.value,
      uevent: openNetlink(calls, 'uevent', UEVENTS_OF_KERNEL, KERNEL_BUFFER_BYTES),
      link: openNetlink(calls, 'route', RTMGRP_LINK, KERNEL_BUFFER_BYTES),
    };
    const fds = Object.values(sockets);
    const refused = fds.find((fd) => fd < 0);
    if (refused === undefined) return listening(calls, sockets, listener);
    for (const fd of fds) if (fd >= 0) calls.close(fd);
    listener({ kind: 'failed', errno: -refused });
    return { stop() {} };
  }
}

interface MonitorSockets {
  /** An eventfd that ends the waiting. */
  readonly wake: number;
  readonly uevent: number;
  readonly link: number;
}

function listening(calls: SystemCalls, { wake, uevent, link }: MonitorSockets, listener: (news: MonitorNews) => void): Subscription {
  const buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);
  let over = false;
  // A thread asleep in poll cannot be ended from outside, and a process that ends waits for it.
  const stop = () => {
    if (over) return;
    over = true;
    process.off('exit', stop);
    writeSync(wake, new BigUint64Array([1n]));
  };
  process.on('exit', stop);
  const wait = async () => {
    while (!over) {
      const [, hasUevent, hasLink] = await calls.aside.poll([wake, uevent, link], POLL_MS);
      if (hasUevent === true) drain('uevent', uevent);
      if (hasLink === true) drain('link', link);
    }
    for (const fd of [wake, uevent, link]) calls.close(fd);
  };
  const drain = (kind: 'uevent' | 'link', fd: number) => {
    for (let count = 0; count < READ_AT_ONCE_MAX && !over; count++) {
      const { value, errno } = calls.receive(fd, buffer, MSG_DONTWAIT);
      if (value >= 0) listener(value > buffer.length ? { kind: 'overrun' } : { kind, bytes: buffer.slice(0, value) });
      else if (errno === EAGAIN) return;
      // Mostly ENOBUFS: more came than was read. The socket goes on, what it lost is gone.
      else if (errno !== EINTR) return listener({ kind: 'overrun' });
    }
  };
  void wait();
  return { stop };
}
