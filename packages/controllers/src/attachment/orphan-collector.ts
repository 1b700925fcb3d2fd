import type { AttachFailure, Clock, Log, Result, Timer } from '@vfleet/core';

/** What is looked after: pod attachment as a whole, or its VFs alone. */
export interface Orphanage {
  /** See SriovCni.recover. */
  recover(): Promise<void>;
  collectOrphans(): Promise<Result<void, AttachFailure>>;
}

export interface OrphanCollectorPorts {
  readonly attachments: Orphanage;
  readonly clock: Clock;
  readonly log: Log;
}

/** Namespaces seldom go without a DEL; what they held is missed by the next pod at the earliest. */
const LOOK_MS = 60_000;

/**
 * Takes back, at the start and every minute, what a process before this one left half done and what is with sandboxes that went without a DEL.
 * Runtimes before libcni 1.2 never call GC.
 */
export class OrphanCollector {
  readonly #ports: OrphanCollectorPorts;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(ports: OrphanCollectorPorts) {
    this.#ports = ports;
  }

  start(): void {
    void this.#ports.attachments.recover().then(() => this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    const collected = await this.#ports.attachments.collectOrphans();
    if (!collected.ok) this.#ports.log.warn('Not everything of pods that are gone could be taken back.', { ...collected.error });
    if (!this.#stopped) this.#timer = this.#ports.clock.setTimer(LOOK_MS, () => void this.#look());
  }
}
