import { KubeError } from '@vfleet/core';
import type { KubeErrorReason } from '@vfleet/core';
import { aggregate, formatFieldError } from './field-error.ts';
import type { FieldError } from './field-error.ts';

/** metav1.Status as it goes over the wire. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string; readonly resourceVersion?: string };
  readonly status: 'Failure' | 'Success';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  readonly retryAfterSeconds?: number;
}

/** A refusal by this server: a KubeError that also carries the whole metav1.Status. */
export class StatusError extends KubeError {
  readonly status: Status;

  constructor(reason: KubeErrorReason, code: number, message: string, details?: StatusDetails, metadata: Status['metadata'] = {}) {
    super(reason, code, message, {
      ...(details?.causes === undefined ? {} : { causes: details.causes }),
      ...(details?.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: details.retryAfterSeconds }),
    });
    this.status = {
      kind: 'Status', apiVersion: 'v1', metadata, status: 'Failure', message,
      ...(reason === 'Unknown' ? {} : { reason }),
      ...(details === undefined ? {} : { details: withoutEmpty(details) }),
      code,
    };
  }
}

function withoutEmpty(details: StatusDetails): StatusDetails {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined && value !== ''));
}

/** Names a resource in messages: `pods`, `deployments.apps`. */
export interface Qualified {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

export function qualifiedResource(resource: Pick<Qualified, 'group' | 'plural'>): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

export function qualifiedKind(resource: Pick<Qualified, 'group' | 'kind'>): string {
  return resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`;
}

const subject = (resource: Pick<Qualified, 'group' | 'plural'>, name: string) => ({ name, group: resource.group, kind: resource.plural });

export function notFoundError(resource: Pick<Qualified, 'group' | 'plural'>, name: string): StatusError {
  return new StatusError('NotFound', 404, `${qualifiedResource(resource)} "${name}" not found`, subject(resource, name));
}

/** The path names nothing this server has. */
export function unknownPathError(): StatusError {
  return new StatusError('NotFound', 404, 'the server could not find the requested resource', {});
}

export function alreadyExistsError(resource: Pick<Qualified, 'group' | 'plural'>, name: string): StatusError {
  return new StatusError('AlreadyExists', 409, `${qualifiedResource(resource)} "${name}" already exists`, subject(resource, name));
}

export function forbiddenError(resource: Pick<Qualified, 'group' | 'plural'>, name: string, why: string, causes?: StatusDetails['causes']): StatusError {
  const who = name === '' ? qualifiedResource(resource) : `${qualifiedResource(resource)} "${name}"`;
  return new StatusError('Forbidden', 403, `${who} is forbidden: ${why}`, { ...subject(resource, name), ...(causes === undefined ? {} : { causes }) });
}

export function conflictError(resource: Pick<Qualified, 'group' | 'plural'>, name: string, why: string): StatusError {
  return new StatusError('Conflict', 409, `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${why}`, subject(resource, name));
}

/** The text of a lost race, as registry/generic/registry/store.go words it. */
export const OPTIMISTIC_LOCK = 'the object has been modified; please apply your changes to the latest version and try again';

export function invalidError(resource: Pick<Qualified, 'group' | 'kind'>, name: string, errors: readonly FieldError[]): StatusError {
  const causes = errors.map((error) => ({ reason: error.reason, message: error.body, field: error.field }));
  const said = aggregate(errors.map(formatFieldError));
  return new StatusError('Invalid', 422, `${qualifiedKind(resource)} "${name}" is invalid: ${said}`, { name, group: resource.group, kind: resource.kind, causes });
}

export function badRequestError(message: string): StatusError {
  return new StatusError('BadRequest', 400, message);
}

/** A body that is no object of the kind that a request is about. */
export class UndecodableError extends StatusError {
  readonly why: string;
  /** The reason where the object came by a strategic merge patch, which is decoded by other means. */
  readonly whyUnstructured: string;

  constructor(said: { readonly kind: string; readonly version: string }, kind: string, why: string, whyUnstructured = why) {
    super('BadRequest', 400, `${said.kind} in version "${said.version}" cannot be handled as a ${kind}: ${why}`);
    this.why = why;
    this.whyUnstructured = whyUnstructured;
  }
}

export function expiredError(message: string, continueToken?: string): StatusError {
  return new StatusError('Expired', 410, message, undefined, continueToken === undefined ? {} : { continue: continueToken });
}

export function methodNotAllowedError(resource: Pick<Qualified, 'group' | 'plural'>, action: string): StatusError {
  return new StatusError('MethodNotAllowed', 405, `${action} is not supported on resources of kind "${qualifiedResource(resource)}"`, { group: resource.group, kind: resource.plural });
}

export function tooManyRequestsError(message: string, retryAfterSeconds: number | undefined, causes: StatusDetails['causes'] = []): StatusError {
  return new StatusError('TooManyRequests', 429, message, { causes, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
}

export function internalError(message: string): StatusError {
  return new StatusError('InternalError', 500, `Internal error occurred: ${message}`, { causes: [{ message }] });
}

export function unsupportedMediaTypeError(message: string): StatusError {
  return new StatusError('UnsupportedMediaType', 415, message);
}
