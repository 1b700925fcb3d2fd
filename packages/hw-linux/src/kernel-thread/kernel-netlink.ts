import type { NetlinkAnswer } from '../netlink/exchange.ts';
import { HostSockets } from './host-sockets.ts';
import type { Waiting } from './host-sockets.ts';
import { KernelThread } from './kernel-thread.ts';
import type { Netlink } from './kernel-thread.ts';
import type { ThreadRequest } from './requests.ts';
import { loadSystemCalls } from './system-calls.ts';
import type { SystemCalls } from './system-calls.ts';

/**
 * The kernel's sockets. Those of this process' own namespace are its own; what has to do with another namespace goes to a thread that may
 * enter it, which is started when it is first needed.
 */
export class KernelNetlink implements Netlink {
  readonly #thread = new KernelThread();
  readonly #waiting: Waiting;
  readonly #load: () => SystemCalls;
  #host: HostSockets | undefined;

  constructor(waiting: Waiting = 'aside', load: () => SystemCalls = loadSystemCalls) {
    this.#waiting = waiting;
    this.#load = load;
  }

  ask(request: ThreadRequest): Promise<NetlinkAnswer> {
    if (request.kind === 'frames') return this.#thread.ask(request);
    const isOfOthers = request.netns !== 'host' || (request.kind === 'netlink' && request.targetNetns !== undefined);
    return isOfOthers ? this.#thread.ask(request) : (this.#host ??= new HostSockets(this.#load(), this.#waiting)).serve(request);
  }

  /** Ends the thread, whose requests under way are answered with EIO, and waits for those that the host's sockets have. */
  async close(): Promise<void> {
    await Promise.all([this.#thread.close(), this.#host?.close()]);
  }
}
