import type { Clock, Log } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import type { WorkQueueObserver, WorkQueueOptions } from './work-queue.ts';
import { WorkQueue } from './work-queue.ts';

/** What a reconcile asks for when it did not fail. Nothing: come back when something changes. */
export type ReconcileResult = void | { readonly requeueAfterMs: number } | { readonly requeue: 'rateLimited' };

export type ReconcileOutcome = 'done' | 'requeued' | 'conflict' | 'failed';

/** Told of everything a controller does; for metrics. */
export interface ControllerObserver {
  started?(controller: string, key: string): void;
  finished?(controller: string, key: string, outcome: ReconcileOutcome, tookMs: number): void;
  /** Stands around each reconcile, and gives what that gives; for traces. */
  around?<Value>(controller: string, key: string, work: () => Promise<Value>): Promise<Value>;
  /** Who is told of the controller's queue; asked once, when the controller is made. */
  queue?(controller: string): WorkQueueObserver;
}

export interface ControllerOptions {
  /** In logs and metrics. */
  readonly name: string;
  /** Brings the object that `key` names to what it should be. `signal` aborts when the controller stops. */
  reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult>;
  /** Keys worked on at the same time; the default is 1. */
  readonly workers?: number;
  readonly queue?: WorkQueueOptions;
  readonly observer?: ControllerObserver;
  /**
   * Called with what a reconcile threw that is no KubeError: a mistake in the program. By default it is logged and the key is
   * tried again, so that one object that meets a bug does not stop all others; a simulator makes the run fail here.
   */
  onBug?(error: unknown, key: string): void;
}

/** Workers that take keys from a queue, reconcile them, and put back what failed with a delay that grows. */
export class Controller {
  readonly queue: WorkQueue<string>;
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  #abort: AbortController | undefined;
  #workers: readonly Promise<void>[] = [];

  constructor(ports: { readonly clock: Clock; readonly log: Log }, options: ControllerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#clock = ports.clock;
    this.#log = ports.log;
    const observer = options.observer?.queue?.(options.name);
    this.queue = new WorkQueue(ports.clock, observer === undefined ? options.queue : { ...options.queue, observer });
  }

  /** Starts the workers; keys added before are worked on now. Starting twice does nothing. */
  start(): void {
    if (this.#abort !== undefined) return;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#workers = Array.from({ length: this.#options.workers ?? 1 }, () => this.#work(signal));
  }

  /** Takes no more keys, aborts the signal of those being worked on, and resolves when they have ended. It cannot be started again. */
  async stop(): Promise<void> {
    this.queue.shutDown();
    this.#abort?.abort(new DOMException(`controller ${this.name} stops`, 'AbortError'));
    await Promise.all(this.#workers);
  }

  /** Takes no more keys and resolves when those that are ready have been worked on. */
  async drain(): Promise<void> {
    await this.queue.drain();
    await Promise.all(this.#workers);
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.queue.get();
      if (key === undefined) return;
      await this.#reconcile(key, signal);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { observer } = this.#options;
    observer?.started?.(this.name, key);
    const startedMs = this.#clock.monotonicMs();
    const outcome = await this.#attempt(key, signal);
    this.queue.done(key);
    observer?.finished?.(this.name, key, outcome, this.#clock.monotonicMs() - startedMs);
  }

  async #attempt(key: string, signal: AbortSignal): Promise<ReconcileOutcome> {
    try {
      const { observer } = this.#options;
      const reconcile = () => this.#options.reconcile(key, signal);
      return this.#settle(key, await (observer?.around === undefined ? reconcile() : observer.around(this.name, key, reconcile)));
    } catch (error) {
      if (signal.aborted) return 'failed';
      return this.#failed(key, error);
    }
  }

  #settle(key: string, result: ReconcileResult): ReconcileOutcome {
    if (result !== undefined && 'requeue' in result) {
      this.queue.addRateLimited(key);
      return 'requeued';
    }
    this.queue.forget(key);
    if (result === undefined) return 'done';
    this.queue.addAfter(key, result.requeueAfterMs);
    return 'requeued';
  }

  #failed(key: string, error: unknown): ReconcileOutcome {
    if (!isKubeError(error)) {
      if (this.#options.onBug !== undefined) {
        this.#options.onBug(error, key);
        return 'failed';
      }
      const delayMs = this.queue.addRateLimited(key);
      this.#log.error('reconciling hit a bug; the key is tried again', { controller: this.name, key, delayMs, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      return 'failed';
    }
    const delayMs = this.queue.addRateLimited(key, (error.retryAfterSeconds ?? 0) * 1000);
    const fields = { controller: this.name, key, delayMs, reason: error.reason, message: error.message };
    // A conflict only says that the cache is a little behind: the change that wins is on its way here.
    if (error.reason === 'Conflict') {
      this.#log.debug('reconciling met a newer object; trying again', fields);
      return 'conflict';
    }
    this.#log.warn('reconciling failed; trying again', fields);
    return 'failed';
  }
}
