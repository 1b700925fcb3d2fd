/** One committed write, as it is kept. */
export interface StoredChange {
  readonly revision: number;
  /** The store's collection: `pods`, `leases.coordination.k8s.io`. */
  readonly collection: string;
  /** `namespace/name`, or `name`. */
  readonly key: string;
  readonly deleted: boolean;
  /** The object after the write as JSON; of a deletion its last state. */
  readonly text: string;
}

/** Changes that go to disk together, all or none. */
export interface StorageBatch {
  /** By ascending revision. */
  readonly changes: readonly StoredChange[];
  /** Revisions of changes that nobody needs any more. */
  readonly forgotten: readonly number[];
  /** By collection: the highest revision that watches cannot begin before any more. Never lower than it was. */
  readonly horizons: ReadonlyMap<string, number>;
}

/** What is kept, as a process finds it that starts. */
export interface StorageImage {
  /** By ascending revision. */
  readonly changes: Iterable<StoredChange>;
  readonly horizons: ReadonlyMap<string, number>;
}

/**
 * Where a store keeps what it holds beyond the life of its process: a log of changes from which what is superseded and too old
 * is taken out one by one. Owned by the store; a store without one keeps nothing.
 */
export interface Storage {
  /** All that was ever committed and not forgotten. Throws {@link StorageError} when it cannot be read. */
  load(): StorageImage;
  /**
   * Calls `take` once, when there is room for another write, and resolves when what it answered is on disk and survives a loss of
   * power. Rejects with {@link StorageError} when it is not; then nothing of it is.
   */
  commit(take: () => StorageBatch): Promise<void>;
}

/**
 * - `locked`: another process uses the file
 * - `foreign`: the file is something else
 * - `version`: written by another version of this program
 * - `corrupt`: damaged
 * - `full`: no space is left
 * - `denied`: permissions, a folder that is not there, a read-only disk
 * - `io`: the disk failed
 */
export type StorageErrorCode = 'locked' | 'foreign' | 'version' | 'corrupt' | 'full' | 'denied' | 'io';

/** An operating error of durable storage. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  readonly path: string;
  /** What to do about it. */
  readonly remedy: string;

  constructor(code: StorageErrorCode, path: string, message: string, remedy: string) {
    super(message);
    this.code = code;
    this.path = path;
    this.remedy = remedy;
  }
}
