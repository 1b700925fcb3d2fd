import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Files, FilesError, Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import { StorageError } from '../../storage/storage.ts';
import type { StorageErrorCode } from '../../storage/storage.ts';
import { asStorageError } from './errors.ts';
import type { GroupCommit } from './group-commit.ts';

export const FILES_SCHEMA = 'CREATE TABLE files (disk TEXT NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (disk, path)) STRICT;';

const CODES: Readonly<Partial<Record<StorageErrorCode, FilesError['code']>>> = { full: 'noSpace', denied: 'readOnly' };

/** The disk of one simulated node, in a data file. Modes are not kept: simulated nodes have one user. */
export class SqliteFiles implements Files {
  readonly #disk: string;
  readonly #dataPath: string;
  readonly #group: GroupCommit;
  readonly #locks = new Map<string, Promise<void>>();
  readonly #select: StatementSync;
  readonly #upsert: StatementSync;
  readonly #append: StatementSync;
  readonly #delete: StatementSync;
  readonly #under: StatementSync;

  constructor(database: DatabaseSync, dataPath: string, group: GroupCommit, disk: string) {
    this.#disk = disk;
    this.#dataPath = dataPath;
    this.#group = group;
    this.#select = database.prepare('SELECT text FROM files WHERE disk = ? AND path = ?');
    this.#upsert = database.prepare('INSERT INTO files (disk, path, text) VALUES (?, ?, ?) ON CONFLICT (disk, path) DO UPDATE SET text = excluded.text');
    this.#append = database.prepare('INSERT INTO files (disk, path, text) VALUES (?, ?, ?) ON CONFLICT (disk, path) DO UPDATE SET text = text || excluded.text');
    this.#delete = database.prepare('DELETE FROM files WHERE disk = ? AND path = ?');
    this.#under = database.prepare('SELECT path FROM files WHERE disk = ? AND path >= ? AND path < ? ORDER BY path');
  }

  async read(path: string): Promise<Result<string, FilesError>> {
    try {
      const text = this.#text(path);
      return text === undefined ? fail({ code: 'notFound', path, cause: `${path} does not exist` }) : ok(text);
    } catch (error) {
      return this.#failed(path, asStorageError(error, this.#dataPath));
    }
  }

  replace(path: string, text: string): Promise<Result<void, FilesError>> {
    return this.#write(path, () => void this.#upsert.run(this.#disk, path, text));
  }

  async create(path: string, text: string): Promise<Result<void, FilesError>> {
    let exists = false;
    const written = await this.#write(path, () => {
      exists = this.#text(path) !== undefined;
      if (!exists) this.#upsert.run(this.#disk, path, text);
    });
    return exists ? fail({ code: 'exists', path, cause: `${path} exists already` }) : written;
  }

  append(path: string, text: string): Promise<Result<void, FilesError>> {
    return this.#write(path, () => void this.#append.run(this.#disk, path, text));
  }

  async list(folder: string): Promise<Result<readonly string[], FilesError>> {
    const prefix = folder.endsWith('/') ? folder : `${folder}/`;
    try {
      // "0" is the character after "/": the range holds every path that begins with the prefix.
      const rows = this.#under.all(this.#disk, prefix, `${prefix.slice(0, -1)}0`);
      return ok([...new Set(rows.map((row) => String(row['path']).slice(prefix.length).split('/')[0]!))].sort());
    } catch (error) {
      return this.#failed(folder, asStorageError(error, this.#dataPath));
    }
  }

  remove(path: string): Promise<Result<void, FilesError>> {
    return this.#write(path, () => void this.#delete.run(this.#disk, path));
  }

  async withLock<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
    const before = this.#locks.get(path) ?? Promise.resolve();
    const mine = Promise.withResolvers<void>();
    const tail = before.then(() => mine.promise);
    this.#locks.set(path, tail);
    await before;
    try {
      return await work();
    } finally {
      mine.resolve();
      if (this.#locks.get(path) === tail) this.#locks.delete(path);
    }
  }

  #text(path: string): string | undefined {
    const row = this.#select.get(this.#disk, path);
    return row === undefined ? undefined : String(row['text']);
  }

  async #write(path: string, write: () => void): Promise<Result<void, FilesError>> {
    try {
      await this.#group.run(write);
      return ok(undefined);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return this.#failed(path, error);
    }
  }

  #failed(path: string, error: StorageError): Result<never, FilesError> {
    return fail({ code: CODES[error.code] ?? 'io', path, cause: error.message });
  }
}
