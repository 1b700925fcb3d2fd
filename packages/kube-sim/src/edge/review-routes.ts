import { rfc3339 } from '@vfleet/core';
import { accessReviewProblems } from '../builtin/validation/reviews.ts';
import { badRequestError, invalidError, unknownPathError } from '../errors/status.ts';
import type { Core } from '../registry/core.ts';
import { decodeBody, inRequestNamespace } from '../registry/decoding.ts';
import { arrayAt, objectAt, stringAt, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import type { Exchange } from './exchange.ts';
import { writeContext } from './options.ts';
import { sendObject, viewOf } from './render.ts';
import type { ResourcePath } from './request-info.ts';
import { methodNotAllowed, readBody } from './resource-routes.ts';

/** Questions about who one is and what one may do: posted, answered, and not kept. */
export async function serveReview(core: Core, exchange: Exchange, path: ResourcePath): Promise<void> {
  const resource = core.registry.find(path.group, path.version, path.plural);
  if (resource === undefined || path.name !== undefined || (path.namespace !== undefined) !== resource.namespaced) throw unknownPathError();
  if (exchange.method !== 'POST') throw methodNotAllowed();
  const view = viewOf(exchange);
  const context = writeContext(exchange, 'CreateOptions');
  const { value, problems } = await readBody(exchange, resource);
  const decoded = inRequestNamespace(resource, decodeBody(resource, value, { ...context, textProblems: problems }), path.namespace);
  const review = core.ownership.afterWrite(resource, '', decoded, undefined, context);
  await sendObject(exchange, view, resource, answered(core, exchange, review), 201, core.clock.now());
}

function answered(core: Core, exchange: Exchange, review: ApiObject): ApiObject {
  switch (review.kind) {
    case 'SelfSubjectReview': return withMeta(withFields(review, { status: { userInfo: whoAsks(exchange) } }), { creationTimestamp: rfc3339(core.clock.now()) });
    case 'TokenReview': return withFields(review, { status: identity(exchange, review) });
    case 'SelfSubjectRulesReview':
      if (stringAt(review['spec'], 'namespace') === '') throw badRequestError('no namespace on request');
      return withFields(review, { status: EVERYTHING });
    default: {
      const found = accessReviewProblems(review);
      if (found.length > 0) throw invalidError({ group: 'authorization.k8s.io', kind: '' }, '', found);
      return withFields(review, { status: { allowed: review.kind === 'SelfSubjectAccessReview' || isAdministrator(exchange, objectAt(review, 'spec')) } });
    }
  }
}

/** Whoever holds the token may do everything here. */
const EVERYTHING = { resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }], incomplete: false };

function whoAsks({ user: { name, groups, uid } }: Exchange): object {
  return { username: name, ...(uid === undefined ? {} : { uid }), groups };
}

/** Roles are stored and not looked at, so that nobody else may do anything. */
function isAdministrator({ user }: Exchange, spec: JsonObject): boolean {
  return stringAt(spec, 'user') === user.name || arrayAt(spec, 'groups').includes('system:masters');
}

function identity(exchange: Exchange, review: ApiObject): object {
  const token = stringAt(review['spec'], 'token');
  if (token === '') throw badRequestError('token is required for TokenReview in authentication');
  return exchange.isToken(token) ? { authenticated: true, user: whoAsks(exchange), audiences: ['https://kubernetes.default.svc'] } : { user: {}, error: 'invalid bearer token' };
}
