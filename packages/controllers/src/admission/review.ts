import type { JsonValue, Result } from '@vfleet/core';
import { fail, ok, parseJson } from '@vfleet/core';
import { asObject } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import { own, textOf } from '../json/own.ts';

/** What an API server asks of an admission webhook (admission.k8s.io/v1, AdmissionRequest), as far as ours look at it. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly group: string;
  readonly kind: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** Empty where none is given: cluster-scoped objects, and names that are yet to be generated. */
  readonly namespace: string;
  readonly name: string;
  /** Absent for DELETE. */
  readonly object?: JsonObject;
  readonly oldObject?: JsonObject;
}

/** One operation of a JSON patch (RFC 6902). */
export interface JsonPatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: JsonValue;
}

export type AdmissionAnswer =
  | { readonly allowed: true; readonly warnings: readonly string[]; readonly patch: readonly JsonPatchOperation[] }
  | { readonly allowed: false; readonly warnings: readonly string[]; readonly code: number; readonly message: string };

export function allow(patch: readonly JsonPatchOperation[] = [], warnings: readonly string[] = []): AdmissionAnswer {
  return { allowed: true, warnings, patch };
}

export function deny(code: number, message: string, warnings: readonly string[] = []): AdmissionAnswer {
  return { allowed: false, code, message, warnings };
}

/** Reads the body of a webhook's request. The failure is a sentence, for a 400. */
export function readAdmissionReview(text: string): Result<AdmissionRequest, string> {
  const parsed = parseJson(text);
  if (!parsed.ok) return fail(`the body is not JSON: line ${parsed.error.line}, column ${parsed.error.column}: ${parsed.error.cause}`);
  const review = asObject(parsed.value);
  if (review === undefined || own(review, 'kind') !== 'AdmissionReview' || own(review, 'apiVersion') !== 'admission.k8s.io/v1') return fail('the body must be an AdmissionReview of admission.k8s.io/v1');
  const request = asObject(own(review, 'request'));
  if (request === undefined) return fail('the AdmissionReview has no request');
  const kind = asObject(own(request, 'kind'));
  const operation = own(request, 'operation');
  const [uid, group, kindName] = [own(request, 'uid'), own(kind, 'group') ?? '', own(kind, 'kind')];
  if (typeof uid !== 'string' || uid === '') return fail('request.uid must be a text');
  if (typeof group !== 'string' || typeof kindName !== 'string') return fail('request.kind must name a group and a kind');
  if (operation !== 'CREATE' && operation !== 'UPDATE' && operation !== 'DELETE' && operation !== 'CONNECT') return fail('request.operation must be CREATE, UPDATE, DELETE or CONNECT');
  const [object, oldObject] = [asObject(own(request, 'object')), asObject(own(request, 'oldObject'))];
  return ok({
    uid, group, kind: kindName, operation, namespace: textOf(request, 'namespace'), name: textOf(request, 'name'),
    ...(object === undefined ? {} : { object }), ...(oldObject === undefined ? {} : { oldObject }),
  });
}

/** The body of the response. */
export function writeAdmissionReview(uid: string, answer: AdmissionAnswer): string {
  const warnings = answer.warnings.length === 0 ? {} : { warnings: answer.warnings };
  const response = answer.allowed
    ? { uid, allowed: true, ...warnings, ...(answer.patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: base64(JSON.stringify(answer.patch)) }) }
    : { uid, allowed: false, ...warnings, status: { code: answer.code, message: answer.message } };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** A key as one step of a JSON pointer (RFC 6901 §3). */
export function pointerStep(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
