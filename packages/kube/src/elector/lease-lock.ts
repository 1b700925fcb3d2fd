import type { Clock, Kube } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import type { Lease } from '../api/resources.ts';
import { leases } from '../api/resources.ts';
import { heldLease, leaseRecord, releasedLease } from './lease-record.ts';

export interface LeaseLockOptions {
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly leaseDurationMs: number;
}

/** A run of work that its caller may give up on; then it must not begin anything new, since the caller has gone on. */
export interface Patience {
  isOver: boolean;
}

/**
 * The Lease as one process sees it. What it takes it takes by a write that names the version it saw, so of two that try one is
 * refused; and it tries only when that version did not change for the lease's whole duration, by its own clock.
 */
export class LeaseLock {
  readonly #kube: Kube;
  readonly #clock: Clock;
  readonly #options: LeaseLockOptions;
  /** As last seen or written, and when by the monotonic clock. */
  #seen: Lease | undefined;
  #seenAtMs = 0;
  /** `#seen` is our own last write and nothing has failed since: renewing need not read first. */
  #isCurrent = false;

  constructor(kube: Kube, clock: Clock, options: LeaseLockOptions) {
    this.#kube = kube;
    this.#clock = clock;
    this.#options = options;
  }

  /** Who holds it as far as we saw; undefined when nobody does. */
  get holder(): string | undefined {
    const holder = this.#seen === undefined ? '' : leaseRecord(this.#seen).holder;
    return holder === '' ? undefined : holder;
  }

  /** Takes or renews it. False when somebody else holds it, or was faster. Throws the other KubeErrors; then it may have happened. */
  async acquireOrRenew(patience: Patience): Promise<boolean> {
    const wasCurrent = this.#isCurrent;
    this.#isCurrent = false;
    const before = wasCurrent ? this.#seen : await this.#read();
    if (patience.isOver || !this.#mayTake()) return false;
    const wanted = heldLease(this.#options, before, this.#clock.now());
    try {
      this.#see(await (before === undefined ? this.#kube.create(leases, wanted) : this.#kube.update(leases, wanted)));
    } catch (error) {
      if (isKubeError(error, 'Conflict', 'AlreadyExists', 'NotFound')) return false;
      throw error;
    }
    this.#isCurrent = true;
    return true;
  }

  /** Gives it up if we hold it, so that others need not wait for it to run out. */
  async release(patience: Patience): Promise<void> {
    this.#isCurrent = false;
    while (!patience.isOver && this.holder === this.#options.identity) {
      try {
        this.#see(await this.#kube.update(leases, releasedLease(this.#seen!, this.#clock.now())));
      } catch (error) {
        // A renewal of ours that was still under way may have come first.
        if (!isKubeError(error, 'Conflict')) throw error;
        await this.#read();
      }
    }
  }

  async #read(): Promise<Lease | undefined> {
    try {
      const lease = await this.#kube.get(leases, this.#options);
      this.#see(lease);
      return lease;
    } catch (error) {
      // What was seen before it was deleted still counts: its holder may not know yet.
      if (isKubeError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  #see(lease: Lease): void {
    if (this.#seen?.metadata.resourceVersion !== lease.metadata.resourceVersion) this.#seenAtMs = this.#clock.monotonicMs();
    this.#seen = lease;
  }

  #mayTake(): boolean {
    if (this.#seen === undefined) return true;
    const { holder, durationMs } = leaseRecord(this.#seen);
    return holder === '' || holder === this.#options.identity || this.#clock.monotonicMs() >= this.#seenAtMs + durationMs;
  }
}
