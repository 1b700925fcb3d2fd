import { unknownPathError } from '../errors/status.ts';
import { objectAt } from '../values/json.ts';
import { parseTypedBody } from './body.ts';
import { publishedType } from './published-type.ts';
import type { Exchange } from './exchange.ts';
import type { ResourcePath } from './request-info.ts';

/** Self-reviews: whoever holds the token may do everything here (`kubectl auth can-i`). */
export async function serveReview(exchange: Exchange, path: ResourcePath): Promise<void> {
  if (path.group === 'authentication.k8s.io') return serveIdentity(exchange, path);
  const kind = { selfsubjectaccessreviews: 'SelfSubjectAccessReview', selfsubjectrulesreviews: 'SelfSubjectRulesReview' }[path.plural];
  if (kind === undefined || path.version !== 'v1' || exchange.method !== 'POST') throw unknownPathError();
  const { value } = await parseTypedBody(await exchange.body(), exchange.header('content-type'), kind, publishedType(`io.k8s.api.authorization.v1.${kind}`));
  const everything = { resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }], incomplete: false };
  exchange.json(201, {
    kind, apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec: objectAt(value, 'spec'),
    status: kind === 'SelfSubjectAccessReview' ? { allowed: true, reason: 'every client of this server is an administrator' } : everything,
  });
}

/** Who asks (`kubectl auth whoami`). */
async function serveIdentity(exchange: Exchange, { plural, version }: ResourcePath): Promise<void> {
  if (plural !== 'selfsubjectreviews' || version !== 'v1' || exchange.method !== 'POST') throw unknownPathError();
  await exchange.body();
  const { name, groups, uid } = exchange.user;
  exchange.json(201, {
    kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1', metadata: {}, status: { userInfo: { username: name, ...(uid === undefined ? {} : { uid }), groups } },
  });
}
