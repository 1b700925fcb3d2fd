import { badRequestError } from '../errors/status.ts';
import type { StatusError } from '../errors/status.ts';
import type { Core, ObjectTarget } from '../registry/core.ts';
import type { PatchBody } from '../registry/patching.ts';
import type { RequestContext } from '../registry/request.ts';
import { getScale, patchScale, scaleResource, updateScale } from '../subresources/scale.ts';
import type { ApiObject } from '../values/json.ts';
import { mediaTypeOf, parseBody, parseTypedBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { writeContext } from './options.ts';
import { sendObject, viewOf } from './render.ts';
import { unsupportedPatch } from './resource-routes.ts';

const PATCH_TYPES: Readonly<Record<string, PatchBody['type']>> = { 'application/json-patch+json': 'json', 'application/merge-patch+json': 'merge', 'application/strategic-merge-patch+json': 'strategic' };

/** Serves NAME/scale: a Scale of autoscaling/v1 in front of an object's number of replicas. */
export async function serveScale(core: Core, exchange: Exchange, target: ObjectTarget): Promise<void> {
  const view = viewOf(exchange);
  const scale = await asked(core, exchange, target);
  return sendObject(exchange, view, scaleResource(), scale, 200, core.clock.now());
}

async function asked(core: Core, exchange: Exchange, target: ObjectTarget): Promise<ApiObject> {
  switch (exchange.method) {
    case 'PUT': {
      const context = writeContext(exchange, 'UpdateOptions');
      const { value } = await parseTypedBody(await exchange.body(), exchange.header('content-type'), 'Scale', scaleResource().goType);
      return updateScale(core, target, value, context);
    }
    case 'PATCH': return patched(core, exchange, target, writeContext(exchange, 'PatchOptions'));
    default: return getScale(core, target);
  }
}

async function patched(core: Core, exchange: Exchange, target: ObjectTarget, context: RequestContext): Promise<ApiObject> {
  const type = PATCH_TYPES[mediaTypeOf(exchange.header('content-type'))];
  if (type === undefined) throw unsupportedPatch();
  const refusal = (why: string): StatusError => badRequestError(type === 'strategic' ? why : `error decoding patch: ${why}`);
  const { value } = await parseBody(await exchange.body(), 'json', refusal);
  return patchScale(core, target, { type, body: value }, context);
}
