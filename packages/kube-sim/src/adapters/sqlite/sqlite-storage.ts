import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Storage, StorageBatch, StorageImage, StoredChange } from '../../storage/storage.ts';
import { asStorageError } from './errors.ts';
import type { GroupCommit } from './group-commit.ts';

/** `changes` is appended to in the order of its key, which SQLite does without moving anything. */
export const STORAGE_SCHEMA = `
  CREATE TABLE changes (revision INTEGER PRIMARY KEY, collection TEXT NOT NULL, key TEXT NOT NULL, deleted INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE TABLE horizons (collection TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** A store's changes in two tables of a data file. */
export class SqliteStorage implements Storage {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #group: GroupCommit;
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;
  readonly #horizon: StatementSync;

  constructor(database: DatabaseSync, path: string, group: GroupCommit) {
    this.#database = database;
    this.#path = path;
    this.#group = group;
    this.#insert = database.prepare('INSERT INTO changes (revision, collection, key, deleted, text) VALUES (?, ?, ?, ?, ?)');
    this.#forget = database.prepare('DELETE FROM changes WHERE revision = ?');
    this.#horizon = database.prepare('INSERT INTO horizons (collection, revision) VALUES (?, ?) ON CONFLICT (collection) DO UPDATE SET revision = max(revision, excluded.revision)');
  }

  load(): StorageImage {
    try {
      const horizons = this.#database.prepare('SELECT collection, revision FROM horizons').all().map((row) => [String(row['collection']), Number(row['revision'])] as const);
      return { horizons: new Map(horizons), changes: this.#changes() };
    } catch (error) {
      throw asStorageError(error, this.#path);
    }
  }

  commit(take: () => StorageBatch): Promise<void> {
    return this.#group.run(() => {
      const { changes, forgotten, horizons } = take();
      for (const { revision, collection, key, deleted, text } of changes) this.#insert.run(revision, collection, key, deleted ? 1 : 0, text);
      for (const revision of forgotten) this.#forget.run(revision);
      for (const [collection, revision] of horizons) this.#horizon.run(collection, revision);
    });
  }

  /** One row at a time: the whole log need not fit into memory twice. */
  *#changes(): Generator<StoredChange> {
    const rows = this.#database.prepare('SELECT revision, collection, key, deleted, text FROM changes ORDER BY revision').iterate();
    try {
      for (const { revision, collection, key, deleted, text } of rows) {
        yield { revision: Number(revision), collection: String(collection), key: String(key), deleted: Number(deleted) === 1, text: String(text) };
      }
    } catch (error) {
      throw asStorageError(error, this.#path);
    }
  }
}
