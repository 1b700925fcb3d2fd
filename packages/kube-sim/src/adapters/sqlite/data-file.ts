import { chmodSync, closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Files } from '@vfleet/core';
import type { Storage } from '../../storage/storage.ts';
import { asStorageError, storageError } from './errors.ts';
import { GroupCommit } from './group-commit.ts';
import { FILES_SCHEMA, SqliteFiles } from './sqlite-files.ts';
import { SqliteStorage, STORAGE_SCHEMA } from './sqlite-storage.ts';

/** `PRAGMA application_id`: "vflt". */
const APPLICATION_ID = 0x76_66_6c_74;
/** `PRAGMA user_version`: of the tables and of what is in them. */
const FORMAT_VERSION = 1;

/** A simulated cluster's state in one SQLite file. */
export interface DataFile {
  /** What the API server keeps. */
  readonly storage: Storage;
  /** The disk of a simulated node. */
  disk(nodeName: string): Files;
  /** Writes what waits and lets go of the file. */
  close(): void;
}

export interface DataFileOptions {
  /** The file does not grow beyond this many bytes; what does not fit is refused as on a full disk. */
  readonly sizeMaxBytes?: number;
}

/**
 * Opens a data file, or makes it, readable by its owner only. This process alone has it until it is closed or the process ends, however
 * it ends. What is committed is synced: a write-ahead log with `synchronous=FULL`. Throws StorageError.
 */
export function openDataFile(path: string, options: DataFileOptions = {}): DataFile {
  let database: DatabaseSync | undefined;
  try {
    createPrivately(path);
    database = new DatabaseSync(path, { timeout: 0 });
    prepare(database, path, options);
    const group = new GroupCommit(database, path);
    const opened = database;
    return {
      storage: new SqliteStorage(opened, path, group),
      disk: (nodeName) => new SqliteFiles(opened, path, group, nodeName),
      close: () => {
        if (!opened.isOpen) return;
        group.close();
        opened.close();
      },
    };
  } catch (error) {
    database?.close();
    throw asStorageError(error, path);
  }
}

/**
 * Makes an empty file with mode 0600, which SQLite takes for a new database and whose mode its log gets. A file that is there is not
 * opened here: closing it would drop the locks that this process may have on it (fcntl(2), advisory record locking).
 */
function createPrivately(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx', 0o600);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    if (error instanceof Error && 'code' in error) throw storageError(error.code === 'ENOSPC' || error.code === 'EDQUOT' ? 'full' : 'denied', path, error.message);
    throw error;
  }
  closeSync(descriptor);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function prepare(database: DatabaseSync, path: string, { sizeMaxBytes }: DataFileOptions): void {
  // Held until the end, and in one process's memory: no file of shared memory beside it.
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  // Asked before anything is changed: a file of somebody else stays as it is.
  const applicationId = pragma(database, 'application_id');
  const tables = Number(database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count']);
  const isNew = applicationId === 0 && tables === 0;
  if (!isNew && applicationId !== APPLICATION_ID) throw storageError('foreign', path);
  const version = pragma(database, 'user_version');
  if (!isNew && version !== FORMAT_VERSION) throw storageError('version', path, `its format is ${version}, this one reads ${FORMAT_VERSION}`);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 67108864');
  if (sizeMaxBytes !== undefined) database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(sizeMaxBytes / pragma(database, 'page_size')))}`);
  chmodSync(path, 0o600);
  database.exec(`BEGIN EXCLUSIVE; ${isNew ? `${STORAGE_SCHEMA} ${FILES_SCHEMA}` : ''} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT_VERSION}; COMMIT`);
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
