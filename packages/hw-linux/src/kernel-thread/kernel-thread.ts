import { Worker } from 'node:worker_threads';
import type { NetlinkAnswer } from '../netlink/exchange.ts';
import type { ThreadCall, ThreadReply, ThreadRequest } from './requests.ts';

/** How the backend reaches the kernel's sockets; the real one is {@link KernelThread}. */
export interface Netlink {
  ask(request: ThreadRequest): Promise<NetlinkAnswer>;
}

const EIO = 5;

/** Requests go to a worker thread, started at the first one; it keeps no process alive that has nothing else to do. */
export class KernelThread implements Netlink {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, (answer: NetlinkAnswer) => void>();
  #lastId = 0;

  ask(request: ThreadRequest): Promise<NetlinkAnswer> {
    const worker = (this.#worker ??= this.#start());
    const call: ThreadCall = { id: ++this.#lastId, request };
    return new Promise((resolve) => {
      this.#waiting.set(call.id, resolve);
      worker.ref();
      worker.postMessage(call);
    });
  }

  /** Ends the thread. Requests under way are answered with EIO. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./request-worker.ts', import.meta.url));
    worker.on('message', ({ id, answer }: ThreadReply) => {
      const resolve = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
      resolve?.(answer);
    });
    let says: string | undefined;
    worker.on('error', (error: unknown) => {
      says = error instanceof Error ? error.message : String(error);
    });
    // The next request starts another thread.
    worker.on('exit', () => {
      this.#worker = undefined;
      const orphans = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const resolve of orphans) resolve({ ok: false, failure: { errno: EIO, ...(says === undefined ? {} : { says }) } });
    });
    return worker;
  }
}
