import type { DatabaseSync } from 'node:sqlite';
import { asStorageError, storageError } from './errors.ts';

interface Job {
  /** Writes; whatever it throws undoes the whole group. */
  readonly write: () => void;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Puts what is to be written during one turn of the event loop into one transaction: a sync of the disk costs the same for one write
 * as for a hundred.
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #path: string;
  #jobs: Job[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Resolves when what `write` wrote is on disk. Rejects with StorageError; then nothing of it is. */
  run(write: () => void): Promise<void> {
    if (this.#closed) return Promise.reject(storageError('io', this.#path, 'it was closed'));
    this.#scheduled ??= setImmediate(() => this.flush());
    return new Promise((resolve, reject) => this.#jobs.push({ write, resolve, reject }));
  }

  /** Writes what waits, and nothing any more after that. */
  close(): void {
    this.flush();
    this.#closed = true;
  }

  /** Writes what waits now. */
  flush(): void {
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const jobs = this.#jobs;
    this.#jobs = [];
    if (jobs.length === 0) return;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const { write } of jobs) write();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      const failure = asStorageError(error, this.#path);
      for (const { reject } of jobs) reject(failure);
      return;
    }
    for (const { resolve } of jobs) resolve();
  }
}
