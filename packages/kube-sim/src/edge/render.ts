import type { ListPage } from '@vfleet/core';
import { apiVersionOf } from '../registry/definition.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { goQuote } from '../errors/field-error.ts';
import { badRequestError, StatusError } from '../errors/status.ts';
import { partialMetadata, renderTable } from '../table/render.ts';
import type { IncludeObject } from '../table/render.ts';
import type { ApiObject } from '../values/json.ts';
import { acceptsKnownType, notAcceptable, parseAccept } from './accept.ts';
import type { Accepted } from './accept.ts';
import type { Exchange } from './exchange.ts';

/** How the client wants objects of a resource: refused before anything is done. */
export interface View {
  readonly accepted: Accepted;
  readonly includeObject: IncludeObject;
}

const INCLUDES: readonly string[] = ['None', 'Metadata', 'Object'];

export function viewOf(exchange: Exchange, isCollection = false): View {
  const accepted = parseAccept(exchange.header('accept'));
  if (accepted === undefined) throw notAcceptable(acceptsKnownType(exchange.header('accept')) ? 'transformation' : isCollection ? 'type of a list' : 'type of an object');
  const said = exchange.query.get('includeObject') ?? '';
  if (accepted.as === 'Table' && said !== '' && !INCLUDES.includes(said)) {
    throw badRequestError(`Unable to convert to Table as requested: includeObject: Invalid value: ${goQuote(said)}: must be 'Metadata', 'Object', 'None', or empty`);
  }
  return { accepted, includeObject: said === '' ? 'Metadata' : (said as IncludeObject) };
}

export async function sendObject(exchange: Exchange, view: View, resource: ResourceDefinition, object: ApiObject, code: number, nowMs: number): Promise<void> {
  const { as, version } = view.accepted;
  if (as === 'PartialObjectMetadataList') throw notThatKind(as, `is not a list (${goTypeOf(resource)})`);
  if (as === 'Table') {
    const metadata = { resourceVersion: object.metadata.resourceVersion };
    return sendValue(exchange, view, code, renderTable(resource, [object], metadata, { includeObject: view.includeObject, nowMs, withColumns: true, version }));
  }
  return sendValue(exchange, view, code, as === 'PartialObjectMetadata' ? partialMetadata(object, version) : object);
}

function notThatKind(asked: string, is: string): StatusError {
  return new StatusError('NotAcceptable', 406, `you requested ${asked}, but the requested object ${is}`);
}

/** The type that the real server holds such an object in. */
function goTypeOf({ custom, group, kind }: ResourceDefinition, list = ''): string {
  if (custom) return `*unstructured.Unstructured${list}`;
  return `*${group === '' ? 'core' : group.split('.')[0]!}.${kind}${list}`;
}

export async function sendList(exchange: Exchange, view: View, resource: ResourceDefinition, page: ListPage<ApiObject>, nowMs: number): Promise<void> {
  const metadata = {
    resourceVersion: page.resourceVersion,
    ...(page.continue === undefined ? {} : { continue: page.continue }),
    ...(page.remainingItemCount === undefined ? {} : { remainingItemCount: page.remainingItemCount }),
  };
  const { as, version } = view.accepted;
  if (as === 'PartialObjectMetadata') throw notThatKind(as, `is a list (${goTypeOf(resource, 'List')})`);
  if (as === 'Table') return sendValue(exchange, view, 200, renderTable(resource, page.items, metadata, { includeObject: view.includeObject, nowMs, withColumns: true, version }));
  if (as === 'PartialObjectMetadataList') {
    return sendValue(exchange, view, 200, { kind: as, apiVersion: `meta.k8s.io/${version}`, metadata, items: page.items.map((item) => partialMetadata(item, version)) });
  }
  // Lists of custom resources are no Go structs, and say that they do not go on.
  if (resource.custom) return sendValue(exchange, view, 200, { kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata: { continue: '', ...metadata }, items: page.items });
  return sendValue(exchange, view, 200, { kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata, items: page.items.map(withoutType) });
}

/** Items of built-in lists do not repeat the list's version and kind. */
function withoutType(object: ApiObject): object {
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = object;
  return rest;
}

export async function sendValue(exchange: Exchange, { accepted }: View, code: number, value: object): Promise<void> {
  if (accepted.format === 'json') return exchange.json(code, value);
  const { stringify } = await import('yaml');
  exchange.text(code, stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false, sortMapEntries: true }), 'application/yaml');
}
