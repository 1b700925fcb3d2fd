import type { Change } from '../store/change.ts';
import { isObject } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import type { Storage } from './storage.ts';
import { StorageError } from './storage.ts';

/** What a restored store takes. */
export interface RestoreTarget {
  /** An object as it is, from before the history that is kept. */
  object(collection: string, key: string, object: ApiObject): void;
  /** A change that is part of the history. */
  change(collection: string, change: Change): void;
  horizon(collection: string, revision: number): void;
  /** The object at a key now. */
  get(collection: string, key: string): ApiObject | undefined;
}

/** Plays what is kept into an empty store. Answers the newest revision. Throws StorageError. */
export function restore(storage: Storage, target: RestoreTarget): number {
  const { changes, horizons } = storage.load();
  let newest = 0;
  for (const [collection, revision] of horizons) {
    target.horizon(collection, revision);
    newest = Math.max(newest, revision);
  }
  for (const { revision, collection, key, deleted, text } of changes) {
    const object = parsed(text, `${collection} ${key}`);
    const previous = target.get(collection, key);
    newest = Math.max(newest, revision);
    const isBase = revision <= (horizons.get(collection) ?? 0);
    if (isBase && !deleted) target.object(collection, key, object);
    else if (!isBase) target.change(collection, { type: deleted ? 'DELETED' : previous === undefined ? 'ADDED' : 'MODIFIED', key, revision, object, ...(previous !== undefined && { previous }) });
  }
  return newest;
}

function parsed(text: string, what: string): ApiObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isObject(value) || !isObject(value['metadata'])) {
    throw new StorageError('corrupt', '', `what is kept of ${what} is damaged`, 'Restore the file from a copy, or move it away and begin anew.');
  }
  // Only stored objects are ever written.
  return deeplyFrozen(value) as unknown as ApiObject;
}

/** Freezes in place: nobody else has what was just parsed. */
function deeplyFrozen<Type extends object>(value: Type): Type {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deeplyFrozen(inner as object);
  return Object.freeze(value);
}
