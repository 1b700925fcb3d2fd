import type { ApiObject } from '../values/json.ts';
import type { RequestContext } from '../registry/request.ts';
import type { ResourceDefinition } from '../registry/definition.ts';

/** One write, as admission sees it. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly resource: ResourceDefinition;
  /** Empty for the resource itself. */
  readonly subresource: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Absent on DELETE. */
  readonly object?: ApiObject;
  /** Absent on CREATE. */
  readonly previous?: ApiObject;
  readonly context: RequestContext;
}

/**
 * Something that may change or refuse a write. Refusals are thrown as StatusError. Both methods may answer at once or later;
 * whatever answers later makes the write start over when somebody else changed the object meanwhile.
 */
export interface AdmissionPlugin {
  readonly name: string;
  /** Returns the object to go on with, or nothing to leave it alone. */
  admit?(request: AdmissionRequest): ApiObject | undefined | Promise<ApiObject | undefined>;
  validate?(request: AdmissionRequest): undefined | Promise<undefined>;
}

/** Runs every plug-in's `admit` in order. Asynchronous only where a plug-in is. */
export function admit(plugins: readonly AdmissionPlugin[], request: AdmissionRequest): ApiObject | Promise<ApiObject> {
  let { object } = request;
  for (let index = 0; index < plugins.length; index++) {
    const outcome = plugins[index]!.admit?.(object === undefined ? request : { ...request, object });
    if (outcome instanceof Promise) return outcome.then((changed) => admit(plugins.slice(index + 1), withObject(request, changed ?? object)));
    if (outcome !== undefined) object = outcome;
  }
  // DELETE has no object; the previous one stands in so that callers need not ask.
  return (object ?? request.previous)!;
}

function withObject(request: AdmissionRequest, object: ApiObject | undefined): AdmissionRequest {
  return object === undefined ? request : { ...request, object };
}

export function validateAdmission(plugins: readonly AdmissionPlugin[], request: AdmissionRequest): undefined | Promise<undefined> {
  for (let index = 0; index < plugins.length; index++) {
    const outcome = plugins[index]!.validate?.(request);
    if (outcome instanceof Promise) return outcome.then(() => validateAdmission(plugins.slice(index + 1), request));
  }
  return undefined;
}
