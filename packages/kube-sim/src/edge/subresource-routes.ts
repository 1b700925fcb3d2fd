import { notFoundError, unknownPathError } from '../errors/status.ts';
import type { Core, ObjectTarget } from '../registry/core.ts';
import { decodeBody } from '../registry/decoding.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { getObject } from '../registry/reading.ts';
import type { RequestContext } from '../registry/request.ts';
import { bindPod } from '../subresources/binding.ts';
import { evictionResource, evictPod } from '../subresources/eviction.ts';
import { refuseStream, STREAMED } from './exec-route.ts';
import type { Exchange } from './exchange.ts';
import { serveLog } from './log-route.ts';
import { writeContext } from './options.ts';
import { sendObject, viewOf } from './render.ts';
import { serveScale } from './scale-route.ts';
import type { ApiObject } from '../values/json.ts';
import { methodNotAllowed, readBody, servePatch, servePut } from './resource-routes.ts';

/** Serves NAME/SUBRESOURCE. */
export async function serveSubresource(core: Core, exchange: Exchange, target: ObjectTarget, name: string): Promise<void> {
  const subresource = target.resource.subresources.find((candidate) => candidate.name === name);
  if (subresource === undefined) throw target.resource.custom ? notFoundError(target.resource, target.name) : unknownPathError();
  const verb = { GET: 'get', PUT: 'update', PATCH: 'patch', POST: 'create' }[exchange.method];
  if (verb === undefined || !subresource.verbs.includes(verb)) throw methodNotAllowed();
  if (name === 'binding') return serveAction(core, exchange, target, bindingResource(core), bindPod);
  if (name === 'eviction') return serveAction(core, exchange, target, evictionResource(), evictPod);
  if (name === 'scale') return serveScale(core, exchange, target);
  if (name === 'log') return serveLog(core, exchange, target);
  if (STREAMED.includes(name)) return refuseStream(core, exchange, target, name);
  switch (verb) {
    case 'update': return servePut(core, exchange, target, name);
    case 'patch': return servePatch(core, exchange, target, name);
    default: return sendObject(exchange, viewOf(exchange), target.resource, getObject(core, target), 200, core.clock.now());
  }
}

/** POST of a Binding to its own collection, which is the older way of saying the same. */
export async function serveBinding(core: Core, exchange: Exchange, namespace: string): Promise<void> {
  const context = writeContext(exchange, 'CreateOptions');
  const binding = await decodedBody(exchange, bindingResource(core), context);
  await bindPod(core, { resource: core.registry.find('', 'v1', 'pods')!, namespace, name: binding.metadata.name }, binding, context);
  exchange.json(201, BOUND);
}

const bindingResource = ({ registry }: Core): ResourceDefinition => registry.find('', 'v1', 'bindings')!;

async function decodedBody(exchange: Exchange, resource: ResourceDefinition, context: RequestContext): Promise<ApiObject> {
  const { value, problems } = await readBody(exchange, resource);
  return decodeBody(resource, value, { ...context, textProblems: problems });
}

const BOUND = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

type Action = typeof bindPod;

/** POST of something that is carried out and not stored. */
async function serveAction(core: Core, exchange: Exchange, target: ObjectTarget, resource: ResourceDefinition, action: Action): Promise<void> {
  const context = writeContext(exchange, 'CreateOptions');
  await action(core, target, await decodedBody(exchange, resource, context), context);
  exchange.json(201, BOUND);
}
