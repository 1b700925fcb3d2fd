import { goJson, invalid } from '../errors/field-error.ts';
import { badRequestError, conflictError, invalidError, notFoundError, StatusError, unsupportedMediaTypeError } from '../errors/status.ts';
import { applyJsonPatch, JsonPatchError, parseJsonPatch } from '../patch/json-patch.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicMerge, StrategicMergeError } from '../patch/strategic-merge.ts';
import { isObject } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { applyConfiguration } from '../apply/apply.ts';
import { collectionOf } from './core.ts';
import { createDecoded } from './creation.ts';
import type { Core, ObjectTarget } from './core.ts';
import { inRequestNamespace } from './decoding.ts';
import { storeKey } from './definition.ts';
import type { RequestContext } from './request.ts';
import { modifyObject } from './updating.ts';

/** A patch as its media type says, not yet trusted: the body is any JSON value. */
export interface PatchBody {
  readonly type: 'json' | 'merge' | 'strategic';
  readonly body: unknown;
}

/** apiserver pkg/endpoints/handlers/patch.go, maxJSONPatchOperations. */
const JSON_PATCH_OPERATIONS_MAX = 10_000;

/** PATCH in the three types that change an existing object. */
export async function patchObject(core: Core, target: ObjectTarget, subresource: string, patch: PatchBody, context: RequestContext): Promise<ApiObject> {
  const { resource, name, namespace } = target;
  if (patch.type === 'strategic' && resource.custom) {
    throw unsupportedMediaTypeError('the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml');
  }
  if (collectionOf(core, resource).get(storeKey(resource, namespace, name)) === undefined) throw notFoundError(resource, name);
  const apply = preparePatch(target, patch);
  return modifyObject(core, target, {
    subresource,
    next: (current) => {
      const decoded = decodePatched(target, apply(current), context, current);
      const next = inRequestNamespace(resource, decoded, namespace);
      if (next.metadata.name !== name) throw badRequestError(`the name of the object (${next.metadata.name ?? ''}) does not match the name on the URL (${name})`);
      return next;
    },
  }, context);
}

/** PATCH in application/apply-patch+yaml: server-side apply, which creates what is not there. */
export async function applyObject(core: Core, target: ObjectTarget, subresource: string, patch: { readonly body: unknown; readonly force: boolean }, context: RequestContext): Promise<{ readonly object: ApiObject; readonly created: boolean }> {
  const { resource, name, namespace } = target;
  const { body } = patch;
  if (!isObject(body)) throw badRequestError(`error decoding YAML: error unmarshaling JSON: json: cannot unmarshal ${jsonKind(body)} into Go value of type map[string]interface {}`);
  const request = { resource, subresource, patch: body, manager: context.fieldManager, force: patch.force };
  const next = (live: ApiObject | undefined) => {
    const decoded = decodePatched(target, applyConfiguration(core, request, live), context);
    const object = inRequestNamespace(resource, decoded, namespace);
    const said = object.metadata.name ?? '';
    if (said !== name) throw badRequestError(said === '' ? `the name of the object (${name} based on URL) was undeterminable: name must be provided` : `the name of the object (${said}) does not match the name on the URL (${name})`);
    return object;
  };
  let created = false;
  const object = await modifyObject(core, target, {
    subresource,
    skipsOwnership: true,
    next,
    ...(subresource === '' ? {
      createMissing: () => {
        const object = next(undefined);
        const { uid } = object.metadata;
        if (uid !== undefined) throw conflictError(resource, name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
        created = true;
        return createDecoded(core, resource, object, context, true);
      },
    } : {}),
  }, context);
  return { object, created };
}

/** Checks the patch once and gives the function that applies it to a state. */
export function preparePatch({ resource }: ObjectTarget, patch: PatchBody): (current: ApiObject) => unknown {
  switch (patch.type) {
    case 'json': {
      const operations = refusedAs(() => parseJsonPatch(patch.body), (text) => badRequestError(text));
      if (operations.length > JSON_PATCH_OPERATIONS_MAX) {
        throw new StatusError('RequestEntityTooLarge', 413, `Request entity too large: The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS_MAX}, got ${operations.length}`);
      }
      return (current) => refusedAs(() => applyJsonPatch(current, operations), serverRejected);
    }
    case 'merge':
      if (!isObject(patch.body)) throw badRequestError(`error decoding patch: json: cannot unmarshal ${jsonKind(patch.body)} into Go value of type map[string]interface {}`);
      return (current) => applyMergePatch(current, patch.body);
    case 'strategic': {
      const { body } = patch;
      if (!isObject(body)) throw badRequestError(`json: cannot unmarshal ${jsonKind(body)} into Go value of type map[string]interface {}`);
      return (current) => refusedAs(() => applyStrategicMerge(current, body, resource.mergeSchema), (text) => badRequestError(text));
    }
  }
}

function jsonKind(value: unknown): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value;
}

function refusedAs<Value>(work: () => Value, refusal: (text: string) => StatusError): Value {
  try {
    return work();
  } catch (error) {
    if (error instanceof JsonPatchError || error instanceof StrategicMergeError) throw refusal(error.message);
    throw error;
  }
}

/** What a JSON patch that does not apply is answered with (apimachinery NewGenericServerResponse, 422). */
function serverRejected(text: string): StatusError {
  const error = new StatusError('Invalid', 422, 'the server rejected our request due to an error in our request', {});
  // Clients are not told what it was; whoever reads a stack trace is.
  error.cause = text;
  return error;
}

/** A patched value as an object, with what field validation finds in it. */
export function decodePatched({ resource }: ObjectTarget, patched: unknown, context: RequestContext, normal?: ApiObject): ApiObject {
  try {
    const decoded = resource.decode(patched, normal);
    if (decoded.strictProblems.length > 0 && context.fieldValidation === 'Strict') {
      throw invalidPatch(patched, `strict decoding error: ${decoded.strictProblems.join(', ')}`);
    }
    if (context.fieldValidation === 'Warn') for (const problem of decoded.strictProblems) context.warn(problem);
    if (decoded.fieldErrors.length > 0) throw invalidError(resource, decoded.object.metadata.name ?? '', decoded.fieldErrors);
    return decoded.object;
  } catch (error) {
    // A body of the wrong shape is the patch's fault here, and 422 instead of 400.
    if (error instanceof StatusError && error.code === 400) throw invalidPatch(patched, error.message);
    throw error;
  }
}

function invalidPatch(patched: unknown, text: string): StatusError {
  return invalidError({ group: '', kind: '' }, '', [invalid('patch', goJson(patched), text)]);
}
