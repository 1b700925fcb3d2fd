import { forbiddenField, notSupported } from './field-error.ts';
import type { FieldError } from './field-error.ts';
import { badRequestError, expiredError, invalidError, StatusError } from './status.ts';

/** A resource version from the future: the real server waits three seconds for it and then says this. */
export function tooLargeVersionError(asked: number, current: number): StatusError {
  return new StatusError('Timeout', 504, `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1,
  });
}

export function tooOldVersionError(asked: number, oldest: number): StatusError {
  return expiredError(`too old resource version: ${asked} (${oldest})`);
}

export interface ListVersionOptions {
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  readonly continue?: string;
  readonly sendInitialEvents?: boolean;
}

/** The rules of apimachinery pkg/apis/meta/internalversion/validation for lists and watches. */
export function checkListOptions(options: ListVersionOptions, isWatch: boolean): void {
  const errors = isWatch ? watchProblems(options) : listProblems(options);
  if (errors.length > 0) throw invalidError({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
}

function listProblems({ resourceVersion = '', resourceVersionMatch = '', sendInitialEvents, continue: token = '' }: ListVersionOptions): readonly FieldError[] {
  const errors: FieldError[] = [];
  const field = 'resourceVersionMatch';
  if (resourceVersionMatch !== '') {
    if (resourceVersion === '') errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (token !== '') errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'));
    if (resourceVersionMatch !== 'Exact' && resourceVersionMatch !== 'NotOlderThan') errors.push(notSupported(field, resourceVersionMatch, ['Exact', 'NotOlderThan', '']));
    if (resourceVersionMatch === 'Exact' && resourceVersion === '0') errors.push(forbiddenField(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (sendInitialEvents !== undefined) errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return errors;
}

function watchProblems({ resourceVersionMatch = '', sendInitialEvents, continue: token = '' }: ListVersionOptions): readonly FieldError[] {
  const errors: FieldError[] = [];
  const field = 'resourceVersionMatch';
  if (sendInitialEvents !== undefined && resourceVersionMatch !== 'NotOlderThan') {
    errors.push(forbiddenField(field, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (resourceVersionMatch !== '') {
    if (sendInitialEvents === undefined) errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    if (resourceVersionMatch !== 'NotOlderThan') errors.push(notSupported(field, resourceVersionMatch, ['NotOlderThan']));
  }
  if (token !== '') errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'));
  return errors;
}

/** A resource version as a number, 0 when absent. They are opaque to clients and integers to servers. */
export function parseVersion(text: string | undefined, isWatch: boolean): number {
  if (text === undefined || text === '') return 0;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const message = `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`;
  throw isWatch ? new StatusError('Unknown', 500, message) : badRequestError(`invalid resource version: ${message}`);
}
