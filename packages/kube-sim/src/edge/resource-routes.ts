import { forbiddenField, required } from '../errors/field-error.ts';
import { badRequestError, invalidError, StatusError, unknownPathError } from '../errors/status.ts';
import type { Core, ObjectTarget, Target } from '../registry/core.ts';
import { createObject } from '../registry/creation.ts';
import { deleteCollection } from '../registry/collection-deletion.ts';
import { deleteObject } from '../registry/deletion.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { applyObject, patchObject } from '../registry/patching.ts';
import { getObject, listObjects } from '../registry/reading.ts';
import type { RequestContext } from '../registry/request.ts';
import { updateObject } from '../registry/updating.ts';
import { mediaTypeOf, parseBody, parseTypedBody, unrecognised, unrecognisedFor } from './body.ts';
import { publishedType } from './published-type.ts';
import type { ParsedBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { booleanOption, deleteOptions, integerOption, textOption, writeContext } from './options.ts';
import { sendList, sendObject, sendValue, viewOf } from './render.ts';
import type { ResourcePath } from './request-info.ts';
import { serveBinding, serveSubresource } from './subresource-routes.ts';
import { stringAt } from '../values/json.ts';
import { pathSegmentProblems } from '../values/names.ts';
import { streamWatch } from './watch-stream.ts';

/** Serves a path that names a resource. */
export async function serveResource(core: Core, exchange: Exchange, path: ResourcePath): Promise<void> {
  const resource = core.registry.find(path.group, path.version, path.plural);
  // Groups of definitions are served by a handler of their own, which is the last one to be asked.
  const isCustom = resource?.custom ?? !core.registry.all().some(({ group, custom }) => group === path.group && !custom);
  if (isCustom && (resource === undefined || !isInScope(exchange, path, resource))) return exchange.nothingHere();
  // It does not look at what stands behind a subresource.
  if (resource === undefined || (path.rest.length > 0 && !isCustom)) throw unknownPathError();
  if (resource.deprecationWarning !== undefined) exchange.warn(resource.deprecationWarning);
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') core.store.requireWritable();
  if (path.namespace !== undefined && !resource.namespaced) throw unknownPathError();
  const target: Target = { resource, ...(path.namespace === undefined ? {} : { namespace: path.namespace }) };
  if (path.name === undefined) return serveCollection(core, exchange, target, path.isWatchPath);
  if (resource.namespaced && path.namespace === undefined) throw unknownPathError();
  const object: ObjectTarget = { ...target, name: path.name };
  const [problem] = pathSegmentProblems(path.name, false);
  if (problem !== undefined) throw badRequestError(`Name parameter invalid: "${path.name}": ${problem}`);
  if (path.isWatchPath) return serveWatch(core, exchange, target, { fieldSelector: `metadata.name=${path.name}` });
  if (path.subresource !== '') return serveSubresource(core, exchange, object, path.subresource);
  return serveObject(core, exchange, object);
}

/** Custom resources are found where their scope has them; all namespaces together can only be read. */
function isInScope(exchange: Exchange, { namespace, name }: ResourcePath, { namespaced }: ResourceDefinition): boolean {
  if (!namespaced) return namespace === undefined;
  return namespace !== undefined || (name === undefined && (exchange.method === 'GET' || exchange.method === 'HEAD'));
}

function requireVerb(resource: ResourceDefinition, verb: string): void {
  if (!resource.verbs.includes(verb)) throw methodNotAllowed();
}

export function methodNotAllowed(): StatusError {
  return new StatusError('MethodNotAllowed', 405, 'the server does not allow this method on the requested resource', {});
}

async function serveCollection(core: Core, exchange: Exchange, target: Target, isWatchPath: boolean): Promise<void> {
  const { resource } = target;
  switch (exchange.method) {
    case 'GET': {
      requireVerb(resource, 'list');
      if (isWatchPath || booleanOption(exchange.query, 'watch') === true) return serveWatch(core, exchange, target, {});
      const view = viewOf(exchange, true);
      integerOption(exchange.query, 'timeoutSeconds');
      return sendList(exchange, view, resource, listObjects(core, target, readOptions(exchange)), core.clock.now());
    }
    case 'POST': {
      requireVerb(resource, 'create');
      if (resource.namespaced && target.namespace === undefined) throw methodNotAllowed();
      if (resource.group === '' && resource.kind === 'Binding') return serveBinding(core, exchange, target.namespace!);
      const view = viewOf(exchange);
      const context = writeContext(exchange, 'CreateOptions');
      const { value, problems } = await readBody(exchange, resource);
      return sendObject(exchange, view, resource, await createObject(core, target, value, { ...context, textProblems: problems }), 201, core.clock.now());
    }
    case 'DELETE': {
      requireVerb(resource, 'deletecollection');
      if (resource.namespaced && target.namespace === undefined) throw methodNotAllowed();
      const view = viewOf(exchange);
      const { options, dryRun, said } = deleteOptions(exchange, await readOptionalBody(exchange));
      const context = { ...writeContext(exchange, 'UpdateOptions'), dryRun, options: said };
      return sendList(exchange, view, resource, await deleteCollection(core, target, readOptions(exchange), options, context), core.clock.now());
    }
    default:
      // The handler of custom resources looks for the name only when it carries the request out.
      if (resource.custom && (exchange.method === 'PUT' || exchange.method === 'PATCH')) throw badRequestError('name must be provided');
      throw methodNotAllowed();
  }
}

function readOptions(exchange: Exchange): { labelSelector?: string; fieldSelector?: string; limit?: number; continue?: string; resourceVersion?: string; resourceVersionMatch?: string; sendInitialEvents?: boolean } {
  const { query } = exchange;
  const texts = (['labelSelector', 'fieldSelector', 'continue', 'resourceVersion', 'resourceVersionMatch'] as const)
    .flatMap((name) => { const text = textOption(query, name); return text === undefined ? [] : [[name, text] as const]; });
  const limit = integerOption(query, 'limit');
  const sendInitialEvents = booleanOption(query, 'sendInitialEvents');
  return { ...Object.fromEntries(texts), ...(limit === undefined ? {} : { limit }), ...(sendInitialEvents === undefined ? {} : { sendInitialEvents }) };
}

function serveWatch(core: Core, exchange: Exchange, target: Target, more: { readonly fieldSelector?: string }): void {
  requireVerb(target.resource, 'watch');
  const view = viewOf(exchange, true);
  const timeoutSeconds = integerOption(exchange.query, 'timeoutSeconds');
  const { limit: _limit, ...options } = readOptions(exchange);
  streamWatch(core, exchange, target, {
    ...options, ...more,
    allowBookmarks: booleanOption(exchange.query, 'allowWatchBookmarks') === true,
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  }, view);
}

async function serveObject(core: Core, exchange: Exchange, target: ObjectTarget): Promise<void> {
  const { resource } = target;
  const nowMs = () => core.clock.now();
  switch (exchange.method) {
    case 'GET': {
      requireVerb(resource, 'get');
      const view = viewOf(exchange);
      return sendObject(exchange, view, resource, getObject(core, target, textOption(exchange.query, 'resourceVersion')), 200, nowMs());
    }
    case 'PUT': return servePut(core, exchange, target, '');
    case 'PATCH': return servePatch(core, exchange, target, '');
    case 'DELETE': {
      requireVerb(resource, 'delete');
      const view = viewOf(exchange);
      const { options, dryRun, said } = deleteOptions(exchange, await readOptionalBody(exchange));
      const context = { ...writeContext(exchange, 'UpdateOptions'), dryRun, options: said };
      const outcome = await deleteObject(core, target, options, context);
      if ((outcome.deleted || outcome.alreadyPending) && !resource.strategy.returnsDeletedObject) return sendValue(exchange, { ...view, accepted: { ...view.accepted, as: 'object' } }, 200, deletedStatus(target, outcome.object.metadata.uid));
      return sendObject(exchange, view, resource, outcome.object, 200, nowMs());
    }
    default: throw methodNotAllowed();
  }
}

function deletedStatus({ resource, name }: ObjectTarget, uid: string | undefined): object {
  const details = { name, ...(resource.group === '' ? {} : { group: resource.group }), kind: resource.plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

export async function servePut(core: Core, exchange: Exchange, target: ObjectTarget, subresource: string): Promise<void> {
  const { resource } = target;
  if (subresource === '') requireVerb(resource, 'update');
  const view = viewOf(exchange);
  const context = writeContext(exchange, 'UpdateOptions');
  const { value, problems } = await readBody(exchange, resource);
  const { object, created } = await updateObject(core, target, subresource, value, { ...context, textProblems: problems });
  return sendObject(exchange, view, resource, object, created ? 201 : 200, core.clock.now());
}

const PATCH_TYPES: Readonly<Record<string, 'json' | 'merge' | 'strategic' | 'apply'>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

export async function servePatch(core: Core, exchange: Exchange, target: ObjectTarget, subresource: string): Promise<void> {
  const { resource } = target;
  if (subresource === '') requireVerb(resource, 'patch');
  const view = viewOf(exchange);
  const type = PATCH_TYPES[mediaTypeOf(exchange.header('content-type'))];
  if (type === undefined) throw unsupportedPatch();
  const context = writeContext(exchange, 'PatchOptions');
  if (type === 'apply') {
    const { object, created } = await serveApply(core, exchange, target, subresource, context);
    return sendObject(exchange, view, resource, object, created ? 201 : 200, core.clock.now());
  }
  if (exchange.query.get('force') === 'true') throw invalidError(PATCH_OPTIONS, '', [forbiddenField('force', 'may not be specified for non-apply patch')]);
  const refusal = (why: string) => badRequestError(type === 'strategic' ? why : `error decoding patch: ${why}`);
  const body = await parseBody(await exchange.body(), 'json', refusal);
  reportProblems(body, context, (problems) => `strict decoding error: ${problems}`);
  const object = await patchObject(core, target, subresource, { type, body: body.value }, context);
  return sendObject(exchange, view, resource, object, 200, core.clock.now());
}

const PATCH_OPTIONS = { group: 'meta.k8s.io', kind: 'PatchOptions' };

async function serveApply(core: Core, exchange: Exchange, target: ObjectTarget, subresource: string, context: RequestContext): ReturnType<typeof applyObject> {
  const manager = exchange.query.get('fieldManager') ?? '';
  if (manager === '') throw invalidError(PATCH_OPTIONS, '', [required('fieldManager', 'is required for apply patch')]);
  const body = await parseBody(await exchange.body(), 'yaml', (why) => badRequestError(`error decoding YAML: error converting YAML to JSON: ${why}`));
  reportProblems(body, context, (problems) => `error strict decoding YAML: ${problems}`);
  return applyObject(core, target, subresource, { body: body.value, force: exchange.query.get('force') === 'true' }, context);
}

/** PATCH of a media type that is none of a patch. */
export function unsupportedPatch(): StatusError {
  return new StatusError('UnsupportedMediaType', 415, '415: Unsupported Media Type', {});
}

/** The body of a write to a resource. */
export async function readBody(exchange: Exchange, resource: ResourceDefinition): Promise<ParsedBody> {
  const bytes = await exchange.body();
  const body = await parseTypedBody(bytes, exchange.header('content-type'), resource.kind, resource.goType);
  if (body.value !== null && (typeof body.value !== 'object' || Array.isArray(body.value))) {
    const kind = Array.isArray(body.value) ? 'array' : typeof body.value === 'boolean' ? 'bool' : typeof body.value;
    throw unrecognised(resource.kind, bytes)(`json: cannot unmarshal ${kind} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`);
  }
  if (resource.custom && (stringAt(body.value, 'kind') === '')) throw unrecognisedFor(resource.kind, bytes, `Object 'Kind' is missing in '${bytes.toString('utf8')}'`);
  return body;
}

/** For patches, which are looked at before anything is made of them. */
function reportProblems({ problems }: ParsedBody, context: RequestContext, refusal: (problems: string) => string): void {
  if (problems.length === 0 || context.fieldValidation === 'Ignore') return;
  if (context.fieldValidation === 'Strict') throw badRequestError(refusal(problems.map((problem) => problem.refusal).join(', ')));
  for (const warning of problems.flatMap(({ warnings }) => warnings)) context.warn(warning);
}

/** DeleteOptions may be left out; what is none of them is answered with 500, as the real server does. */
async function readOptionalBody(exchange: Exchange): Promise<unknown> {
  const bytes = await exchange.body();
  if (bytes.length === 0) return undefined;
  try {
    const { value } = await parseTypedBody(bytes, exchange.header('content-type'), 'DeleteOptions', publishedType('io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'));
    const kind = stringAt(value, 'kind');
    if (kind === '' || kind === 'DeleteOptions') return value;
    throw new StatusError('Unknown', 500, `no kind "${kind}" is registered for version "${stringAt(value, 'apiVersion')}" in scheme "pkg/runtime/scheme.go:110"`);
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 400) throw error;
    throw new StatusError('Unknown', 500, error.message.replace(/^the object provided is unrecognized \(must be of type DeleteOptions\): (.*) \([^)]*\)$/s, '$1'));
  }
}

