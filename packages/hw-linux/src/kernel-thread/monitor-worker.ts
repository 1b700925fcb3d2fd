/** The thread that waits for what the kernel tells by itself: uevents and changes of links. It sleeps in poll until there is something. */
import { parentPort, workerData } from 'node:worker_threads';
import { RECEIVE_BUFFER_BYTES } from './netlink-socket.ts';
import { loadSystemCalls } from './system-calls.ts';

/** What the thread tells: bytes of a message, that messages were lost, or that the sockets could not be had. */
export type MonitorNews = { readonly kind: 'uevent' | 'link'; readonly bytes: Uint8Array } | { readonly kind: 'overrun' } | { readonly kind: 'failed'; readonly errno: number };

/** File descriptors, open before the thread starts and closed after its end. */
export interface MonitorSockets {
  /** An eventfd that ends the thread. */
  readonly wake: number;
  readonly uevent: number;
  readonly link: number;
}

const MSG_DONTWAIT = 0x40;
const EINTR = 4;
const EAGAIN = 11;
/** A net under a wake-up that is lost. */
const POLL_MS = 10_000;

const calls = loadSystemCalls();
const { wake, uevent, link } = workerData as MonitorSockets;
const buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);

listen();

function tell(news: MonitorNews): void {
  parentPort!.postMessage(news);
}

function listen(): void {
  for (;;) {
    const [woken, hasUevent, hasLink] = calls.poll([wake, uevent, link], POLL_MS);
    if (woken === true) return;
    if (hasUevent === true) drain('uevent', uevent);
    if (hasLink === true) drain('link', link);
  }
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
