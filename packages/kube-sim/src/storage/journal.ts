import type { Clock, Log, Timer } from '@vfleet/core';
import { internalError } from '../errors/status.ts';
import type { StatusError } from '../errors/status.ts';
import type { Change } from '../store/change.ts';
import type { Storage, StorageBatch, StoredChange } from './storage.ts';
import { StorageError } from './storage.ts';

/** A disk that refused a write is asked again this often. */
const RETRY_MS = 1000;

export interface JournalPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly storage: Storage;
}

/** Those who wait for everything up to `revision`. */
interface Waiter {
  readonly revision: number;
  readonly patient: boolean;
  resolve(): void;
  reject(error: StatusError): void;
}

/**
 * Brings a store's changes to its storage in order, one batch after the other: what gathers while one is under way is the next. After a
 * batch failed, its changes stay first in line and are tried again; nothing that was acknowledged is lost meanwhile, and nothing new is
 * acknowledged.
 */
export class Journal {
  readonly #ports: JournalPorts;
  #changes: StoredChange[] = [];
  #forgotten: number[] = [];
  #horizons = new Map<string, number>();
  #newestRevision = 0;
  #durableRevision = 0;
  #waiters: Waiter[] = [];
  #busy = false;
  #failure: StatusError | undefined;
  #retry: Timer | undefined;
  #stopped = false;

  constructor(ports: JournalPorts) {
    this.#ports = ports;
  }

  /** Why nothing can be written now; undefined when all is well. */
  get failure(): StatusError | undefined {
    return this.#failure;
  }

  committed(collection: string, { revision, key, type, object }: Change): void {
    this.#newestRevision = revision;
    this.#changes.push({ revision, collection, key, deleted: type === 'DELETED', text: JSON.stringify(object) });
    void this.#write();
  }

  /** A change has left the history: the state before it is needed by nobody, and a deletion itself neither. */
  dropped(collection: string, { revision, type, previous }: Change): void {
    if (previous !== undefined) this.#forgotten.push(Number(previous.metadata.resourceVersion));
    if (type === 'DELETED') this.#forgotten.push(revision);
    this.compacted(collection, revision);
  }

  compacted(collection: string, revision: number): void {
    this.#horizons.set(collection, Math.max(revision, this.#horizons.get(collection) ?? 0));
    void this.#write();
  }

  /** Everything committed so far is on disk. */
  get isDurable(): boolean {
    return this.#durableRevision >= this.#newestRevision;
  }

  /** Undefined when everything committed so far is on disk; else resolves when it is, or rejects when that failed; `patient` callers wait until it succeeds after all. */
  durable(patient = false): Promise<void> | undefined {
    if (this.isDurable) return undefined;
    if (this.#failure !== undefined && !patient) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiters.push({ revision: this.#newestRevision, patient, resolve, reject }));
  }

  /** A disk that fails is not tried again, so that the process can end. */
  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
  }

  /** What was loaded is on disk already. */
  startAt(revision: number): void {
    this.#newestRevision = revision;
    this.#durableRevision = revision;
  }

  async #write(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#hasWork) {
      let taken: StorageBatch | undefined;
      try {
        await this.#ports.storage.commit(() => (taken = this.#take()));
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        if (taken !== undefined) this.#putBack(taken);
        this.#fail(error);
        return;
      }
      this.#succeed(taken!);
    }
    this.#busy = false;
  }

  get #hasWork(): boolean {
    return this.#changes.length > 0 || this.#forgotten.length > 0 || this.#horizons.size > 0;
  }

  #take(): StorageBatch {
    const batch = { changes: this.#changes, forgotten: this.#forgotten, horizons: this.#horizons };
    this.#changes = [];
    this.#forgotten = [];
    this.#horizons = new Map();
    return batch;
  }

  #putBack({ changes, forgotten, horizons }: StorageBatch): void {
    this.#changes = [...changes, ...this.#changes];
    this.#forgotten = [...forgotten, ...this.#forgotten];
    this.#horizons = new Map([...horizons, ...this.#horizons]);
  }

  #succeed({ changes }: StorageBatch): void {
    if (this.#failure !== undefined) this.#ports.log.info('The data file can be written again.', {});
    this.#failure = undefined;
    this.#durableRevision = changes.at(-1)?.revision ?? this.#durableRevision;
    const later = this.#waiters.findIndex(({ revision }) => revision > this.#durableRevision);
    const done = this.#waiters.splice(0, later < 0 ? this.#waiters.length : later);
    for (const { resolve } of done) resolve();
  }

  #fail(error: StorageError): void {
    const isNew = this.#failure === undefined;
    this.#failure = internalError(`${error.message}; ${error.remedy}`);
    if (isNew && !this.#stopped) this.#ports.log.error('The data file cannot be written; nothing more is acknowledged until it can.', { path: error.path, cause: error.message, remedy: error.remedy });
    const waiters = this.#waiters;
    this.#waiters = waiters.filter(({ patient }) => patient);
    for (const { patient, reject } of waiters) if (!patient) reject(this.#failure);
    if (this.#stopped) return;
    this.#retry = this.#ports.clock.setTimer(RETRY_MS, () => {
      this.#busy = false;
      void this.#write();
    });
  }
}
