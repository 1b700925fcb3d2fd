import { badRequestError, invalidError } from '../errors/status.ts';
import type { ApiObject } from '../values/json.ts';
import { withFields, withMeta } from '../values/json.ts';
import type { ResourceDefinition } from './definition.ts';
import type { RequestContext } from './request.ts';

/** Decodes a body and deals with what strict field validation found, as the request asks. */
export function decodeBody(resource: ResourceDefinition, body: unknown, context: RequestContext, normal?: ApiObject): ApiObject {
  const decoded = resource.decode(body, normal);
  const inText = context.textProblems ?? [];
  if (inText.length + decoded.strictProblems.length > 0 && context.fieldValidation !== 'Ignore') {
    if (context.fieldValidation === 'Strict') throw badRequestError(strictMessage(resource, [...inText.map(({ refusal }) => refusal), ...decoded.strictProblems]));
    for (const problem of [...inText.flatMap(({ warnings }) => warnings), ...decoded.strictProblems]) context.warn(problem);
  }
  if (decoded.fieldErrors.length > 0) throw invalidError(resource, decoded.object.metadata.name ?? '', decoded.fieldErrors);
  return decoded.object;
}

function strictMessage(resource: ResourceDefinition, problems: readonly string[]): string {
  const said = `strict decoding error: ${problems.join(', ')}`;
  return `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ${said}`;
}

/** The name in the body must be the one in the path. */
export function requireName({ metadata }: ApiObject, name: string): void {
  const said = metadata.name ?? '';
  if (said === name) return;
  throw badRequestError(said === ''
    ? `the name of the object (${name} based on URL) was undeterminable: name must be provided`
    : `the name of the object (${said}) does not match the name on the URL (${name})`);
}

/** The object in the namespace of the request; refused when it says another one. */
export function inRequestNamespace(resource: ResourceDefinition, object: ApiObject, namespace: string | undefined): ApiObject {
  const expected = resource.namespaced ? namespace : undefined;
  const said = object.metadata.namespace;
  if (said === expected) return object;
  if (expected === undefined) return withMeta(object, { namespace: undefined });
  if (said === undefined || said === '') return withMeta(object, { namespace: expected });
  throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
}

/** Kinds whose status is always written get an empty one where a strategy has taken it away. */
export function withWrittenStatus(resource: ResourceDefinition, object: ApiObject): ApiObject {
  const empty = object['status'] === undefined ? resource.emptyObject()['status'] : undefined;
  return empty === undefined ? object : withFields(object, { status: empty });
}
