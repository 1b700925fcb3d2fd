import { goJson, invalid } from '../errors/field-error.ts';
import { badRequestError, conflictError, invalidError, notFoundError, StatusError, UndecodableError, unsupportedMediaTypeError } from '../errors/status.ts';
import { applyJsonPatch, JsonPatchError, parseJsonPatch } from '../patch/json-patch.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicMerge, StrategicMergeError } from '../patch/strategic-merge.ts';
import { goPrint } from '../values/go-print.ts';
import { isObject, jsonTypeName, withFields, withMeta } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { applyConfiguration } from '../apply/apply.ts';
import { collectionOf } from './core.ts';
import { createDecoded } from './creation.ts';
import type { Core, ObjectTarget } from './core.ts';
import { inRequestNamespace, requireName } from './decoding.ts';
import { apiVersionOf, storeKey } from './definition.ts';
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
      const decoded = decodePatched(target, apply(current), context, current, patch);
      requireName(decoded, name);
      return inRequestNamespace(resource, decoded, namespace);
    },
  }, context);
}

/** PATCH in application/apply-patch+yaml: server-side apply, which creates what is not there. */
export async function applyObject(core: Core, target: ObjectTarget, subresource: string, patch: { readonly body: unknown; readonly force: boolean }, context: RequestContext): Promise<{ readonly object: ApiObject; readonly created: boolean }> {
  const { resource, name, namespace } = target;
  const { body } = patch;
  if (body === null) throw badRequestError('invalid object type: /, Kind=');
  if (!isObject(body)) throw badRequestError(`error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonTypeName(body)} into Go value of type map[string]interface {}`);
  const request = { resource, subresource, patch: body, manager: context.fieldManager, force: patch.force };
  const next = (live: ApiObject | undefined) => {
    const decoded = decodePatched({ ...target, resource: { ...resource, decode: resource.decodeApplied ?? resource.decode } }, applyConfiguration(core, request, live), context);
    requireName(decoded, name);
    return inRequestNamespace(resource, decoded, namespace);
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
        // Applying knows no version that could have been seen of what is not there.
        return createDecoded(core, resource, withMeta(object, { resourceVersion: undefined }), context, true);
      },
    } : {}),
  }, context);
  return { object, created };
}

/** Checks the patch once and gives the function that applies it to a state. */
export function preparePatch({ resource }: ObjectTarget, patch: PatchBody): (current: ApiObject) => unknown {
  switch (patch.type) {
    case 'json': {
      checkOperations(patch.body);
      const operations = refusedAs(() => parseJsonPatch(patch.body), ({ message }) => badRequestError(message));
      if (operations.length > JSON_PATCH_OPERATIONS_MAX) {
        throw new StatusError('RequestEntityTooLarge', 413, `Request entity too large: The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS_MAX}, got ${operations.length}`);
      }
      return (current) => refusedAs(() => applyJsonPatch(current, operations), ({ message }) => serverRejected(message));
    }
    case 'merge':
      if (patch.body === null) throw badRequestError('Invalid JSON Patch');
      if (!isObject(patch.body)) throw badRequestError(`error decoding patch: json: cannot unmarshal ${jsonTypeName(patch.body)} into Go value of type map[string]interface {}`);
      return (current) => applyMergePatch(current, patch.body);
    case 'strategic': {
      const { body } = patch;
      if (body === null) return (current) => current;
      if (!isObject(body)) throw badRequestError(`json: cannot unmarshal ${jsonTypeName(body)} into Go value of type map[string]interface {}`);
      // The type is that of the resource, whatever the patch says of it: nobody asks before it is decoded.
      const named = { apiVersion: apiVersionOf(resource), kind: resource.kind };
      return (current) => withFields(refusedAs(() => applyStrategicMerge(current, body, resource.mergeSchema), strategicRefusal), named);
    }
  }
}

/** What the real server looks at first (handlers/patch.go, jsonPatchOp). */
function checkOperations(body: unknown): void {
  const cannot = (value: unknown, where: string) => badRequestError(`error decoding patch: json: cannot unmarshal ${jsonTypeName(value)} into Go ${where}`);
  if (body === null) return;
  if (!Array.isArray(body)) throw cannot(body, 'value of type []handlers.jsonPatchOp');
  for (const operation of body as readonly unknown[]) {
    if (operation === null) continue;
    if (!isObject(operation)) throw cannot(operation, 'value of type handlers.jsonPatchOp');
    for (const [key, value] of Object.entries(operation)) {
      if (['op', 'path', 'from'].includes(key) && value !== null && typeof value !== 'string') throw cannot(value, `struct field jsonPatchOp.${key} of type string`);
    }
  }
}

function strategicRefusal(error: JsonPatchError | StrategicMergeError): StatusError {
  return error instanceof StrategicMergeError && error.isBadFormat ? badRequestError(error.message) : new StatusError('Unknown', 500, error.message);
}

function refusedAs<Value>(work: () => Value, refusal: (error: JsonPatchError | StrategicMergeError) => StatusError): Value {
  try {
    return work();
  } catch (error) {
    if (error instanceof JsonPatchError || error instanceof StrategicMergeError) throw refusal(error);
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
export function decodePatched({ resource }: ObjectTarget, patched: unknown, context: RequestContext, normal?: ApiObject, patch?: PatchBody): ApiObject {
  const isStrategic = patch?.type === 'strategic';
  // A strategic patch is shown itself, the others by what they make.
  const shown = () => (isStrategic ? goPrint(patch.body) : goJson(patched));
  try {
    const decoded = resource.decode(patched, normal);
    if (decoded.strictProblems.length > 0 && context.fieldValidation === 'Strict') {
      throw invalidPatch(shown(), `strict decoding error: ${decoded.strictProblems.join(', ')}`);
    }
    if (context.fieldValidation === 'Warn') for (const problem of decoded.strictProblems) context.warn(problem);
    if (decoded.fieldErrors.length > 0) throw invalidError(resource, decoded.object.metadata.name ?? '', decoded.fieldErrors);
    return decoded.object;
  } catch (error) {
    // A body of the wrong shape is the patch's fault here, and 422 instead of 400.
    if (error instanceof UndecodableError) throw invalidPatch(shown(), isStrategic ? error.whyUnstructured : error.why);
    if (error instanceof StatusError && error.code === 400) throw invalidPatch(shown(), error.message);
    throw error;
  }
}

function invalidPatch(shown: string, text: string): StatusError {
  return invalidError({ group: '', kind: '' }, '', [invalid('patch', shown, text)]);
}
