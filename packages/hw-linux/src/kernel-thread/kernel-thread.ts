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
  /** Calls of this turn: a message to a thread and back costs more than what most of them do there. */
  #gathered: ThreadCall[] = [];
  #lastId = 0;

  ask(request: ThreadRequest): Promise<NetlinkAnswer> {
    const call: ThreadCall = { id: ++this.#lastId, request };
    if (this.#gathered.push(call) === 1) queueMicrotask(() => this.#send());
    return new Promise((resolve) => this.#waiting.set(call.id, resolve));
  }

  #send(): void {
    const calls = this.#gathered;
    this.#gathered = [];
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    worker.postMessage(calls);
  }

  /** Ends the thread. Requests under way are answered with EIO. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./request-worker.ts', import.meta.url));
    worker.on('message', (replies: readonly ThreadReply[]) => {
      const answered = replies.map(({ id, answer }) => ({ resolve: this.#waiting.get(id), answer }));
      for (const { id } of replies) this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
      for (const { resolve, answer } of answered) resolve?.(answer);
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
