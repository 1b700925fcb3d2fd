import type { DeleteOptions, KubeObject, ListOptions, ObjectKey, Patch, Resource, WatchOptions, WriteOptions } from '@vfleet/core';
import { KubeError } from '@vfleet/core';

/** One HTTP request to an API server, before a connection is chosen. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the server's URL, with the query. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: unknown;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Media types of the patches (apimachinery pkg/types/patch.go); JSON is YAML, so apply patches are sent as JSON. */
const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

export function getRequest(resource: Resource, key: ObjectKey): ApiRequest {
  return { method: 'GET', path: objectPath(resource, key) };
}

export function listRequest(resource: Resource, options: ListOptions): ApiRequest {
  const { namespace, ...query } = options;
  return { method: 'GET', path: withQuery(collectionPath(resource, namespace), { ...query }) };
}

export function watchRequest(resource: Resource, options: WatchOptions): ApiRequest {
  const { namespace, allowBookmarks, ...query } = options;
  return { method: 'GET', path: withQuery(collectionPath(resource, namespace), { ...query, watch: true, allowWatchBookmarks: allowBookmarks }) };
}

export function createRequest(resource: Resource, object: KubeObject, options: WriteOptions): ApiRequest {
  const path = withQuery(collectionPath(resource, ownNamespace(resource, object.metadata)), writeQuery(options));
  return { method: 'POST', path, body: object };
}

export function updateRequest(resource: Resource, object: KubeObject, options: WriteOptions & { readonly subresource?: 'status' }): ApiRequest {
  return { method: 'PUT', path: withQuery(subresourcePath(objectPath(resource, object.metadata), options.subresource), writeQuery(options)), body: object };
}

export function patchRequest(resource: Resource, key: ObjectKey, patch: Patch, options: WriteOptions & { readonly subresource?: 'status' }): ApiRequest {
  const apply = patch.type === 'apply' ? { fieldManager: patch.fieldManager, force: patch.force } : {};
  return {
    method: 'PATCH',
    path: withQuery(subresourcePath(objectPath(resource, key), options.subresource), { ...writeQuery(options), ...apply }),
    contentType: PATCH_TYPES[patch.type],
    body: patch.type === 'json' ? patch.operations : patch.patch,
  };
}

export function deleteRequest(resource: Resource, key: ObjectKey, options: DeleteOptions): ApiRequest {
  return { method: 'DELETE', path: objectPath(resource, key), body: { apiVersion: 'v1', kind: 'DeleteOptions', ...deleteOptions(options) } };
}

/** KEP-85, the Eviction API. */
export function evictRequest(pods: Resource, key: ObjectKey, options: DeleteOptions): ApiRequest {
  return {
    method: 'POST', path: `${objectPath(pods, key)}/eviction`,
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: key, deleteOptions: deleteOptions(options) },
  };
}

export function bindRequest(pods: Resource, key: ObjectKey, nodeName: string): ApiRequest {
  return {
    method: 'POST', path: `${objectPath(pods, key)}/binding`,
    body: { apiVersion: 'v1', kind: 'Binding', metadata: key, target: { apiVersion: 'v1', kind: 'Node', name: nodeName } },
  };
}

function deleteOptions({ dryRun, ...options }: DeleteOptions): Readonly<Record<string, unknown>> {
  return { ...options, ...(dryRun === true ? { dryRun: ['All'] } : {}) };
}

function writeQuery({ fieldManager, dryRun }: WriteOptions): Query {
  return { fieldManager, dryRun: dryRun === true ? 'All' : undefined };
}

function collectionPath({ group, version, plural, namespaced }: Resource, namespace: string | undefined): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespaced && namespace !== undefined ? `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}` : `${root}/${plural}`;
}

function objectPath(resource: Resource, key: ObjectKey): string {
  if (key.name === '') throw new KubeError('BadRequest', 400, `a name of ${resource.plural} is empty: name the object`);
  return `${collectionPath(resource, ownNamespace(resource, key))}/${encodeURIComponent(key.name)}`;
}

/** Without a namespace the path would be the collection's of all namespaces, and the answer a puzzle. */
function ownNamespace({ namespaced, plural }: Resource, { name, namespace }: ObjectKey): string | undefined {
  if (!namespaced) return undefined;
  if (namespace === undefined || namespace === '') throw new KubeError('BadRequest', 400, `${plural} "${name}" needs a namespace`);
  return namespace;
}

function subresourcePath(path: string, subresource: 'status' | undefined): string {
  return subresource === undefined ? path : `${path}/${subresource}`;
}

function withQuery(path: string, query: Query): string {
  const text = Object.entries(query).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${encodeURIComponent(value!)}`).join('&');
  return text === '' ? path : `${path}?${text}`;
}
