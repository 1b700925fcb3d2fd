import type { ListOptions, ListPage } from '@vfleet/core';
import { checkListOptions, parseVersion, tooLargeVersionError } from '../errors/list-options.ts';
import { badRequestError, expiredError, notFoundError } from '../errors/status.ts';
import { decodeContinue, encodeContinue } from '../store/continue-token.ts';
import type { ContinueToken } from '../store/continue-token.ts';
import { sortedVisit } from '../store/sorted-map.ts';
import type { SortedMap } from '../store/sorted-map.ts';
import { isWanted } from '../store/watch-hub.ts';
import type { Interest } from '../store/watch-hub.ts';
import { isObject } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { collectionOf } from './core.ts';
import type { Core, ObjectTarget, Target } from './core.ts';
import { storeKey } from './definition.ts';
import type { ResourceDefinition } from './definition.ts';
import { interestOf, keyRange } from './selection.ts';

/** GET of one object: the stored object itself, never a copy. */
export function getObject(core: Core, { resource, namespace, name }: ObjectTarget, resourceVersion?: string): ApiObject {
  const asked = parseVersion(resourceVersion, true);
  if (asked > core.store.revision) throw tooLargeVersionError(asked, core.store.revision);
  const stored = collectionOf(core, resource).get(storeKey(resource, namespace, name));
  if (stored === undefined) throw notFoundError(resource, name);
  return resource.fromStored(stored);
}

export type ReadOptions = Pick<ListOptions, 'labelSelector' | 'fieldSelector' | 'limit' | 'continue' | 'resourceVersion'> & { readonly resourceVersionMatch?: string };

/** GET of a collection: one page, in the order of the keys, from one consistent snapshot over all pages. */
export function listObjects(core: Core, target: Target, options: ReadOptions): ListPage<ApiObject> {
  checkListOptions(options, false);
  const { resource } = target;
  const namespace = resource.namespaced ? target.namespace : undefined;
  const interest = interestOf(resource, namespace, options);
  const snapshot = snapshotFor(core, resource, options);
  return page(resource, interest, snapshot, limitOf(options));
}

/** Version 0 asks for whatever is cached, and the cache of the real server does not page. */
function limitOf({ limit, resourceVersion, continue: token = '' }: ReadOptions): number | undefined {
  if (limit === undefined || limit <= 0 || (resourceVersion === '0' && token === '')) return undefined;
  return limit;
}

interface Snapshot {
  readonly objects: SortedMap<ApiObject>;
  readonly revision: number;
  /** Keys up to and including this one were on earlier pages. */
  readonly after?: string;
}

function snapshotFor(core: Core, resource: ResourceDefinition, options: ReadOptions): Snapshot {
  const collection = collectionOf(core, resource);
  const newest = { objects: collection.objects, revision: core.store.revision };
  if (options.continue !== undefined && options.continue !== '') return continued(core, resource, options.continue, options.resourceVersion);
  const asked = parseVersion(options.resourceVersion, false);
  if (asked > core.store.revision) throw tooLargeVersionError(asked, core.store.revision);
  if (options.resourceVersionMatch !== 'Exact' && !isLegacyExact(options, asked)) return newest;
  const objects = collection.at(asked);
  if (objects === undefined) throw expiredError('The resourceVersion for the provided list is too old.');
  return { objects, revision: asked };
}

/** With a limit and a version but no match rule, the version means Exact: kept for clients older than the rule. */
function isLegacyExact({ limit, resourceVersionMatch = '' }: ReadOptions, asked: number): boolean {
  return resourceVersionMatch === '' && limit !== undefined && limit > 0 && asked > 0;
}

function continued(core: Core, resource: ResourceDefinition, text: string, resourceVersion: string | undefined): Snapshot {
  const token = decodeContinue(text);
  if (token === undefined) throw badRequestError(`invalid continue token: continue key is not valid: ${whyUndecodable(text)}`);
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0') {
    throw badRequestError('specifying resource version is not allowed when using continue');
  }
  const collection = collectionOf(core, resource);
  if (token.revision < 0) return { objects: collection.objects, revision: core.store.revision, after: token.startKey };
  const objects = token.revision > core.store.revision ? undefined : collection.at(token.revision);
  if (objects === undefined) throw expiredContinue(token);
  return { objects, revision: token.revision, after: token.startKey };
}

function whyUndecodable(text: string): string {
  const decoded = Buffer.from(text, 'base64url').toString('latin1');
  try {
    const value: unknown = JSON.parse(decoded);
    if (isObject(value)) return `server does not recognize this encoded version ${goText(value['v'])}`;
  } catch {
    // No JSON: said below.
  }
  return `invalid character ${goRune(decoded.charCodeAt(0))} looking for beginning of value`;
}

function goText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function goRune(code: number): string {
  const character = String.fromCharCode(code);
  return /^[ -~]$/.test(character) ? `'${character}'` : `'\\${code < 0x80 ? `x${code.toString(16).padStart(2, '0')}` : `u${code.toString(16).padStart(4, '0')}`}'`;
}

/** The answer carries a token that goes on in the newest state, for clients that prefer an inconsistent list to none. */
function expiredContinue(token: ContinueToken): Error {
  return expiredError(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    encodeContinue({ revision: -1, startKey: token.startKey }),
  );
}

function page(resource: ResourceDefinition, interest: Interest, snapshot: Snapshot, limit: number | undefined): ListPage<ApiObject> {
  const items: ApiObject[] = [];
  const [from, to] = keyRange(resource, interest);
  let lastKey = '';
  let hasMore = false;
  const start = snapshot.after === undefined ? from : `${snapshot.after}\0`;
  sortedVisit(snapshot.objects, start > from ? start : from, to, (key, object) => {
    if (!isWanted(interest, object)) return true;
    if (items.length === limit) {
      hasMore = true;
      return false;
    }
    items.push(resource.fromStored(object));
    lastKey = key;
    return true;
  });
  const revision = String(snapshot.revision);
  if (!hasMore) return { resourceVersion: revision, items };
  const isFiltered = interest.matches !== undefined || interest.name !== undefined;
  const remaining = isFiltered ? undefined : countFrom(snapshot.objects, `${lastKey}\0`, to);
  return {
    resourceVersion: revision,
    continue: encodeContinue({ revision: snapshot.revision, startKey: lastKey }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
    items,
  };
}

function countFrom(objects: SortedMap<ApiObject>, from: string, to: string | undefined): number {
  let count = 0;
  sortedVisit(objects, from, to, () => {
    count++;
    return true;
  });
  return count;
}
