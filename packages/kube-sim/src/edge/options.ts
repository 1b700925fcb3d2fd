import type { DeleteOptions } from '@vfleet/core';
import { invalid, notSupported } from '../errors/field-error.ts';
import type { FieldError } from '../errors/field-error.ts';
import { badRequestError, invalidError, StatusError } from '../errors/status.ts';
import type { FieldValidation, RequestContext } from '../registry/request.ts';
import { isObject, stringAt } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import type { Exchange } from './exchange.ts';

const FIELD_VALIDATIONS: readonly string[] = ['Strict', 'Warn', 'Ignore'];

/** What query parameters and headers say of a write; `kind` is how refusals name the options. */
export function writeContext(exchange: Exchange, kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions'): RequestContext {
  const { query } = exchange;
  const errors: FieldError[] = [];
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  if (dryRun.some((value) => value !== 'All')) errors.push(notSupported('dryRun', dryRun, ['All']));
  const fieldValidation = query.get('fieldValidation') ?? '';
  if (fieldValidation !== '' && !FIELD_VALIDATIONS.includes(fieldValidation)) errors.push(notSupported('fieldValidation', fieldValidation, ['', 'Ignore', 'Strict', 'Warn']));
  const manager = query.get('fieldManager') ?? '';
  if (manager.length > 128) errors.push({ reason: 'FieldValueTooLong', field: 'fieldManager', body: 'Too long: may not be more than 128 bytes' });
  const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(manager);
  if (unprintable !== null) errors.push(invalid('fieldManager', manager, `invalid character U+${unprintable[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} (at position ${unprintable.index})`));
  if (errors.length > 0) throw invalidError({ group: 'meta.k8s.io', kind }, '', errors);
  return {
    user: exchange.user,
    fieldManager: manager === '' ? managerOf(exchange.header('user-agent')) : manager,
    dryRun: dryRun.length > 0,
    fieldValidation: fieldValidation === '' ? 'Warn' : (fieldValidation as FieldValidation),
    options: { ...(dryRun.length === 0 ? {} : { dryRun }), ...(manager === '' ? {} : { fieldManager: manager }), ...(fieldValidation === '' ? {} : { fieldValidation }) },
    warn: (text) => exchange.warn(text),
  };
}

/** The part of a user agent before the slash, as the real server names managers that do not name themselves. */
function managerOf(userAgent: string | undefined): string {
  return (userAgent ?? '').split('/')[0]!.slice(0, 128) || 'unknown';
}

export function integerOption(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d{1,18}$/.test(text)) throw badRequestError(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  return Number(text);
}

export function booleanOption(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  return text !== 'false' && text !== '0';
}

export function textOption(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name);
  return text === null || text === '' ? undefined : text;
}

const PROPAGATION: readonly string[] = ['Foreground', 'Background', 'Orphan'];

/** DeleteOptions from the body where there is one, else from the query. */
export function deleteOptions(exchange: Exchange, body: unknown): { readonly options: DeleteOptions; readonly dryRun: boolean; readonly said: JsonObject } {
  const said = isObject(body) ? body : fromQuery(exchange.query);
  const grace = said['gracePeriodSeconds'];
  if (grace !== undefined && grace !== null && typeof grace !== 'number') {
    throw new StatusError('Unknown', 500, `json: cannot unmarshal ${typeof grace} into Go struct field DeleteOptions.gracePeriodSeconds of type int64`);
  }
  const propagation = stringAt(said, 'propagationPolicy');
  const orphan = said['orphanDependents'];
  const dryRun = Array.isArray(said['dryRun']) ? said['dryRun'] : [];
  checkDeleteOptions(propagation, orphan, dryRun);
  const preconditions = isObject(said['preconditions']) ? said['preconditions'] : {};
  const uid = stringAt(preconditions, 'uid');
  const resourceVersion = stringAt(preconditions, 'resourceVersion');
  const policy = typeof orphan === 'boolean' ? (orphan ? 'Orphan' : 'Background') : propagation;
  return {
    options: {
      ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
      ...(policy === '' ? {} : { propagationPolicy: policy as 'Foreground' }),
      ...(uid === '' && resourceVersion === '' ? {} : { preconditions: { ...(uid === '' ? {} : { uid }), ...(resourceVersion === '' ? {} : { resourceVersion }) } }),
    },
    dryRun: dryRun.length > 0,
    said: withoutType(said),
  };
}

function withoutType({ kind: _kind, apiVersion: _apiVersion, ...rest }: JsonObject): JsonObject {
  return rest;
}

function checkDeleteOptions(propagation: string, orphan: unknown, dryRun: readonly unknown[]): void {
  const errors: FieldError[] = [];
  if (propagation !== '' && !PROPAGATION.includes(propagation)) errors.push(notSupported('propagationPolicy', propagation, [...PROPAGATION, 'nil']));
  if (propagation !== '' && typeof orphan === 'boolean') errors.push(invalid('propagationPolicy', propagation, 'orphanDependents and deletionPropagation cannot be both set'));
  if (dryRun.some((value) => value !== 'All')) errors.push(notSupported('dryRun', dryRun, ['All']));
  if (errors.length > 0) throw invalidError({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
}

function fromQuery(query: URLSearchParams): JsonObject {
  const grace = integerOption(query, 'gracePeriodSeconds');
  const orphan = booleanOption(query, 'orphanDependents');
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    ...(query.get('propagationPolicy') === null ? {} : { propagationPolicy: query.get('propagationPolicy') }),
    ...(dryRun.length === 0 ? {} : { dryRun }),
  };
}
