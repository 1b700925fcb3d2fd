import type { Clock, Kube, Log, Random, Timer } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import type { Patience } from './lease-lock.ts';
import { LeaseLock } from './lease-lock.ts';

export interface LeaderElectorPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface LeaderElectorOptions {
  /** The Lease. */
  readonly namespace: string;
  readonly name: string;
  /** Who we are. It must differ between any two processes that ever run: end it with a random uuid. */
  readonly identity: string;
  /** How long others wait after the last sign of the leader, rounded up to seconds. The default is 15 s. */
  readonly leaseDurationMs?: number;
  /** A leader that could not renew for this long stops leading. Must be shorter than the lease. The default is 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between two attempts. The default is 2 s. */
  readonly retryPeriodMs?: number;
  /** We lead from here on, until `signal` aborts. */
  onStartedLeading(signal: AbortSignal): void;
  /** We lead no more. The lease is given up, or tried for again, only when what this returns has ended. */
  onStoppedLeading(): void | Promise<void>;
  /** Somebody holds the lease, maybe we, who did not before. */
  onNewLeader?(identity: string): void;
}

/** client-go waits the retry period and up to 1.2 times of it more, so that candidates do not move in step. */
const JITTER = 1.2;

/**
 * Elects one leader among processes by a Lease, as client-go's tools/leaderelection does: who holds it renews it; who sees no
 * change of it for its duration takes it. Times written into the Lease are for people, nobody compares clocks.
 *
 * A leader counts from before it *sent* its last successful renewal and stops after `renewDeadlineMs`, also while a request
 * hangs. Others count from when they saw that renewal, which is later, and wait for longer. So two never lead at once while
 * clocks differ in speed by less than leaseDuration / renewDeadline. {@link isLeader} asks the clock too, so that a process
 * paused beyond its deadline knows when it wakes, before any timer fires.
 */
export class LeaderElector {
  readonly #ports: LeaderElectorPorts;
  readonly #options: LeaderElectorOptions;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  readonly #lock: LeaseLock;
  #isRunning = false;
  /** Whether {@link start} or {@link stop} was called last. */
  #isWanted = false;
  /** The end of the stop that is under way: a lease that is being given up is not to be led by at the same time. */
  #stopping: Promise<void> | undefined;
  #retry: Timer | undefined;
  #attempt: Promise<void> | undefined;
  /** The term that we lead in. */
  #term: AbortController | undefined;
  #leadsUntilMs = 0;
  #deadline: Timer | undefined;
  /** The end of what was led in the last term. */
  #ending: Promise<void> | undefined;
  #reported: string | undefined;

  constructor(ports: LeaderElectorPorts, options: LeaderElectorOptions) {
    const { namespace, name, identity, leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options;
    if (leaseDurationMs <= renewDeadlineMs) throw new Error('leaseDurationMs must be longer than renewDeadlineMs');
    if (renewDeadlineMs <= retryPeriodMs * JITTER) throw new Error(`renewDeadlineMs must be longer than ${JITTER} × retryPeriodMs`);
    if (identity === '') throw new Error('identity must not be empty: an empty holder means nobody');
    this.#ports = ports;
    this.#options = options;
    this.#renewDeadlineMs = renewDeadlineMs;
    this.#retryPeriodMs = retryPeriodMs;
    this.#lock = new LeaseLock(ports.kube, ports.clock, { namespace, name, identity, leaseDurationMs });
  }

  /** Whether we lead now. Ask before every act that two leaders must not both do. */
  get isLeader(): boolean {
    return this.#term !== undefined && this.#ports.clock.monotonicMs() < this.#leadsUntilMs;
  }

  /** Who holds the lease as far as we saw; undefined when nobody does. */
  get leader(): string | undefined {
    return this.#lock.holder;
  }

  /** Begins to try, after a stop that is still under way has ended. Starting twice does nothing. */
  start(): void {
    this.#isWanted = true;
    if (this.#stopping === undefined) this.#begin();
  }

  /**
   * Stops leading, waits for what was led to end, and gives the lease up. Without an answer from the API server it resolves
   * all the same within the renew deadline, and others wait for the lease to run out. Stopping twice waits for the same end.
   */
  stop(): Promise<void> {
    this.#isWanted = false;
    if (!this.#isRunning) return this.#stopping ?? Promise.resolve();
    this.#isRunning = false;
    this.#retry?.cancel();
    this.#stopLeading('the elector was stopped');
    this.#stopping = this.#giveUp().finally(() => {
      this.#stopping = undefined;
      if (this.#isWanted) this.#begin();
    });
    return this.#stopping;
  }

  #begin(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#try();
  }

  async #giveUp(): Promise<void> {
    await this.#ending;
    await this.#attempt;
    await this.#bounded((patience) => this.#lock.release(patience));
  }

  #try(): void {
    this.#attempt = this.#tryOnce();
    void this.#attempt.then(() => {
      if (!this.#isRunning) return;
      const delayMs = this.#term === undefined ? Math.ceil(this.#retryPeriodMs * (1 + JITTER * this.#ports.random.next())) : this.#retryPeriodMs;
      this.#retry = this.#ports.clock.setTimer(delayMs, () => this.#try());
    });
  }

  async #tryOnce(): Promise<void> {
    // A new term begins only after what was led in the last one has ended.
    await this.#ending;
    if (!this.#isRunning) return;
    const { clock } = this.#ports;
    const leadsUntilMs = clock.monotonicMs() + this.#renewDeadlineMs;
    const isHeld = await this.#bounded((patience) => this.#lock.acquireOrRenew(patience));
    this.#report();
    if (!this.#isRunning) return;
    if (isHeld === true && clock.monotonicMs() < leadsUntilMs) this.#lead(leadsUntilMs);
    else if (this.leader !== this.#options.identity) this.#stopLeading('somebody else holds the lease');
  }

  /**
   * What `work` resolves to; undefined when it failed, or took longer than half of what a leader has left after a renewal, so
   * that one request that hangs does not cost the lead. What was sent may yet happen then, and does not count.
   */
  async #bounded<Value>(work: (patience: Patience) => Promise<Value>): Promise<Value | undefined> {
    const patience: Patience = { isOver: false };
    const { promise: tooLong, resolve } = Promise.withResolvers<undefined>();
    const timer = this.#ports.clock.setTimer(this.#renewDeadlineMs / 2, () => resolve(undefined));
    const answered = work(patience).catch((error: unknown) => {
      if (!isKubeError(error)) throw error;
      this.#ports.log.debug('the lease could not be read or written', { lease: this.#options.name, reason: error.reason, message: error.message });
      return undefined;
    });
    const value = await Promise.race([answered, tooLong]);
    timer.cancel();
    patience.isOver = true;
    return value;
  }

  #lead(untilMs: number): void {
    this.#leadsUntilMs = untilMs;
    if (this.#term !== undefined) return;
    this.#term = new AbortController();
    this.#armDeadline();
    this.#ports.log.info('we lead', { lease: this.#options.name, identity: this.#options.identity });
    this.#options.onStartedLeading(this.#term.signal);
  }

  /** One timer a term; it is not moved with each renewal, it looks when it fires. Whole milliseconds, so that it gets nearer each time. */
  #armDeadline(): void {
    const { clock } = this.#ports;
    this.#deadline = clock.setTimer(Math.max(1, Math.ceil(this.#leadsUntilMs - clock.monotonicMs())), () => {
      if (clock.monotonicMs() < this.#leadsUntilMs) this.#armDeadline();
      else this.#stopLeading(`no renewal succeeded for ${this.#renewDeadlineMs} ms`);
    });
  }

  #stopLeading(reason: string): void {
    const term = this.#term;
    if (term === undefined) return;
    this.#term = undefined;
    this.#deadline?.cancel();
    this.#ports.log.warn('we lead no more', { lease: this.#options.name, identity: this.#options.identity, reason });
    term.abort(new DOMException(reason, 'AbortError'));
    this.#ending = Promise.resolve(this.#options.onStoppedLeading());
  }

  #report(): void {
    const leader = this.leader;
    if (leader === this.#reported) return;
    this.#reported = leader;
    if (leader !== undefined) this.#options.onNewLeader?.(leader);
  }
}
