import type { Result } from '../result.ts';

export interface FilesError {
  readonly code: 'notFound' | 'exists' | 'noSpace' | 'readOnly' | 'denied' | 'io';
  readonly path: string;
  readonly cause: string;
}

/**
 * Small durable files: journals, per-PF state, address reservations. Paths are absolute and use `/`.
 * What a resolved promise reports is on disk (fsync of the file and, for new names, of the folder).
 */
export interface Files {
  read(path: string): Promise<Result<string, FilesError>>;
  /**
   * Writes to a temporary name in the same folder, syncs, renames over `path`: readers see the old or the new text, never a part. What
   * need not outlive a loss of power (`durable: false`) is not synced, which on a disk saves most of the time.
   */
  replace(path: string, text: string, options?: { readonly mode?: number; readonly durable?: boolean }): Promise<Result<void, FilesError>>;
  /** Creates `path` with `text`; `exists` when the name is taken (O_EXCL). */
  create(path: string, text: string, options?: { readonly mode?: number }): Promise<Result<void, FilesError>>;
  /** Appends and syncs. A crash may leave a prefix of `text`: readers must detect a torn last record. */
  append(path: string, text: string): Promise<Result<void, FilesError>>;
  /** Names in a folder, sorted; empty when the folder does not exist. */
  list(folder: string): Promise<Result<readonly string[], FilesError>>;
  /** Removing what is not there is no error. */
  remove(path: string): Promise<Result<void, FilesError>>;
  /** Runs `work` while holding an exclusive lock on `path` against every other holder in any process. */
  withLock<Value>(path: string, work: () => Promise<Value>): Promise<Value>;
}
