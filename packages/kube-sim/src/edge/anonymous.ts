import { StatusError } from '../errors/status.ts';
import type { Exchange } from './exchange.ts';
import { parseResourcePath } from './request-info.ts';

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** 403 for who has said no name, in the words of the RBAC authorizer (apiserver pkg/endpoints/handlers/responsewriters/errors.go). */
export function anonymousRefusal(exchange: Exchange): StatusError {
  const path = parseResourcePath(exchange.segments);
  if (path === undefined) {
    return new StatusError('Forbidden', 403, `forbidden: User "system:anonymous" cannot ${exchange.method.toLowerCase()} path "${exchange.path}"`, {});
  }
  const { group, plural, name, namespace, subresource } = path;
  const verb = verbOf(exchange, name !== undefined);
  const resource = subresource === '' ? plural : `${plural}/${subresource}`;
  const subject = `${group === '' ? plural : `${plural}.${group}`}${name === undefined ? '' : ` "${name}"`}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const message = `${subject} is forbidden: User "system:anonymous" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`;
  return new StatusError('Forbidden', 403, message, { ...(name === undefined ? {} : { name }), group, kind: plural });
}

function verbOf({ method, query }: Exchange, isNamed: boolean): string {
  if (method === 'DELETE' && !isNamed) return 'deletecollection';
  const verb = VERBS[method];
  if (verb !== undefined) return verb;
  const watch = query.get('watch');
  return isNamed ? 'get' : watch === 'true' || watch === '1' ? 'watch' : 'list';
}
