import { StorageError } from '../../storage/storage.ts';
import type { StorageErrorCode } from '../../storage/storage.ts';

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const CODES: Readonly<Record<number, StorageErrorCode>> = { 3: 'denied', 5: 'locked', 6: 'locked', 8: 'denied', 10: 'io', 11: 'corrupt', 13: 'full', 14: 'denied', 23: 'denied', 24: 'corrupt', 26: 'foreign' };

const EXPLANATIONS: Readonly<Record<StorageErrorCode, readonly [string, string]>> = {
  locked: ['is in use by another process', 'End that process, or name another file.'],
  foreign: ['is no data file of vfleet', 'Name another file; this one is left as it is.'],
  version: ['was written by another version of vfleet', 'Use that version, or name another file.'],
  corrupt: ['is damaged', 'Restore it from a copy, or move it away and begin anew.'],
  full: ['cannot grow: no space is left on its disk', 'Free some space; the cluster goes on by itself.'],
  denied: ['cannot be opened for writing', 'Look at the permissions of the file and its folder, and whether both are there.'],
  io: ['cannot be read or written: its disk fails', 'Look at the system\'s log; the cluster goes on by itself once the disk works.'],
};

export function storageError(code: StorageErrorCode, path: string, detail = ''): StorageError {
  const [what, remedy] = EXPLANATIONS[code];
  return new StorageError(code, path, `${path} ${what}${detail === '' ? '' : ` (${detail})`}`, remedy);
}

/** What SQLite throws, as an operating error. Anything else is a mistake in the program and is thrown on. */
export function asStorageError(error: unknown, path: string): StorageError {
  if (error instanceof StorageError) return error.path === '' ? new StorageError(error.code, path, `${path} is damaged: ${error.message}`, error.remedy) : error;
  if (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number') {
    const code = CODES[error.errcode & 0xff];
    if (code !== undefined) return storageError(code, path, code === 'io' || code === 'corrupt' ? error.message : '');
  }
  throw error;
}
