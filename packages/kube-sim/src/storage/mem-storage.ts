import type { Storage, StorageBatch, StorageImage, StoredChange } from './storage.ts';
import { StorageError } from './storage.ts';

/** Asked before each commit: why it fails, if it does. */
export type CommitFault = () => StorageError | undefined;

/**
 * The deterministic Storage: what it holds outlives the servers that use it one after the other, as long as this process. A commit is
 * done one microtask after it was asked for.
 */
export class MemStorage implements Storage {
  readonly #changes = new Map<number, StoredChange>();
  readonly #horizons = new Map<string, number>();
  readonly #fault: CommitFault;

  constructor(fault: CommitFault = () => undefined) {
    this.#fault = fault;
  }

  load(): StorageImage {
    return { changes: [...this.#changes.values()].sort((a, b) => a.revision - b.revision), horizons: new Map(this.#horizons) };
  }

  async commit(take: () => StorageBatch): Promise<void> {
    await Promise.resolve();
    const { changes, forgotten, horizons } = take();
    const failure = this.#fault();
    if (failure !== undefined) throw failure;
    for (const change of changes) this.#changes.set(change.revision, change);
    for (const revision of forgotten) this.#changes.delete(revision);
    for (const [collection, revision] of horizons) this.#horizons.set(collection, Math.max(revision, this.#horizons.get(collection) ?? 0));
  }
}

/** A full disk, for fault hooks. */
export const fullDisk = new StorageError('full', 'memory', 'no space is left', 'Free some space; the cluster goes on by itself.');
