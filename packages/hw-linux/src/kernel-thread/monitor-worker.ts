/** The thread that waits for what the kernel tells by itself: uevents and changes of links. It sleeps in poll until there is something. */
import { parentPort, workerData } from 'node:worker_threads';
import { RECEIVE_BUFFER_BYTES, openNetlink } from './netlink-socket.ts';
import { loadSystemCalls } from './system-calls.ts';

/** What the thread tells: bytes of a message, that messages were lost, or that it cannot listen. */
export type MonitorNews = { readonly kind: 'uevent' | 'link'; readonly bytes: Uint8Array } | { readonly kind: 'overrun' } | { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly errno: number };

const RTMGRP_LINK = 0x1;
const UEVENTS_OF_KERNEL = 0x1;
const KERNEL_BUFFER_BYTES = 4 * 1024 * 1024;
const MSG_DONTWAIT = 0x40;
const EINTR = 4;
const EAGAIN = 11;
/** A net under a wake-up that is lost. */
const POLL_MS = 10_000;

const calls = loadSystemCalls();
const { wakeFd } = workerData as { readonly wakeFd: number };
const buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);

function tell(news: MonitorNews): void {
  parentPort!.postMessage(news);
}

const sockets = [
  { kind: 'uevent' as const, fd: openNetlink(calls, 'uevent', UEVENTS_OF_KERNEL, KERNEL_BUFFER_BYTES) },
  { kind: 'link' as const, fd: openNetlink(calls, 'route', RTMGRP_LINK, KERNEL_BUFFER_BYTES) },
];
const refused = sockets.find(({ fd }) => fd < 0);
if (refused === undefined) listen();
else tell({ kind: 'failed', errno: -refused.fd });

function listen(): void {
  tell({ kind: 'ready' });
  for (;;) {
    const [woken, ...ready] = calls.poll([wakeFd, ...sockets.map(({ fd }) => fd)], POLL_MS);
    if (woken === true) break;
    sockets.forEach(({ kind, fd }, index) => {
      if (ready[index] === true) drain(kind, fd);
    });
  }
  for (const { fd } of sockets) calls.close(fd);
}

function drain(kind: 'uevent' | 'link', fd: number): void {
  for (;;) {
    const { value, errno } = calls.receive(fd, buffer, MSG_DONTWAIT);
    if (value >= 0) tell(value > buffer.length ? { kind: 'overrun' } : { kind, bytes: buffer.slice(0, value) });
    else if (errno === EAGAIN) return;
    // Mostly ENOBUFS: more came than was read. The socket goes on, what it lost is gone.
    else if (errno !== EINTR) {
      tell({ kind: 'overrun' });
      return;
    }
  }
}
