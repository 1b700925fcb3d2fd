import { parseRfc3339 } from '@vfleet/core';
import type { ObjectMeta, OwnerReference } from '@vfleet/core';
import { forbiddenField, GoText, goQuote, invalid, required, tooLong } from '../errors/field-error.ts';
import type { FieldError } from '../errors/field-error.ts';
import type { Strategy } from './strategy.ts';
import { labelValueProblems, dnsLabelProblems, maskTrailingDash, pathSegmentProblems, qualifiedNameProblems } from '../values/names.ts';
import { equalJson } from '../values/json.ts';

/** All annotations of an object together, keys and values (apimachinery pkg/api/validation/objectmeta.go). */
const ANNOTATIONS_MAX_BYTES = 256 * 1024;

type NameProblems = (name: string, isPrefix: boolean) => readonly string[];

/** What is wrong with an object's metadata, in the API server's words and order. */
export function validateObjectMeta(metadata: ObjectMeta, namespaced: boolean, nameProblems: NameProblems, needsQualifiedFinalizers = false): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { name, generateName, namespace } = metadata;
  if (generateName !== undefined && generateName !== '') {
    for (const problem of nameProblems(maskTrailingDash(generateName), true)) errors.push(invalid('metadata.generateName', generateName, problem));
  }
  if (name === undefined || name === '') errors.push(required('metadata.name', 'name or generateName is required'));
  else for (const problem of nameProblems(name, false)) errors.push(invalid('metadata.name', name, problem));
  if (namespaced) {
    if (namespace === undefined || namespace === '') errors.push(required('metadata.namespace'));
    else for (const problem of dnsLabelProblems(namespace)) errors.push(invalid('metadata.namespace', namespace, problem));
  } else if (namespace !== undefined && namespace !== '') {
    errors.push(forbiddenField('metadata.namespace', 'not allowed on this type'));
  }
  errors.push(...validateLabels(metadata.labels ?? EMPTY, 'metadata.labels'), ...validateAnnotations(metadata.annotations ?? EMPTY, 'metadata.annotations'));
  errors.push(...validateOwnerReferences(metadata), ...validateFinalizers(metadata.finalizers ?? []));
  if (needsQualifiedFinalizers) errors.push(...unqualifiedFinalizers(metadata.finalizers ?? []));
  return errors;
}

export function validateObjectMetaUpdate(next: ObjectMeta, previous: ObjectMeta): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (previous.deletionTimestamp !== undefined) {
    const added = (next.finalizers ?? []).filter((finalizer) => !(previous.finalizers ?? []).includes(finalizer)).sort();
    if (added.length > 0) {
      errors.push(forbiddenField('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map(goQuote).join(', ')}}`));
    }
  }
  if (next.resourceVersion === undefined || next.resourceVersion === '') errors.push(invalid('metadata.resourceVersion', '', 'must be specified for an update'));
  for (const key of ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    if (!sameMetaValue(key, next[key], previous[key])) errors.push(invalid(`metadata.${key}`, next[key] ?? null, 'field is immutable'));
  }
  return errors;
}

function sameMetaValue(key: string, a: string | number | undefined, b: string | number | undefined): boolean {
  if (a === b) return true;
  return key.endsWith('Timestamp') && typeof a === 'string' && typeof b === 'string' && parseRfc3339(a) === parseRfc3339(b);
}

export function validateLabels(labels: Readonly<Record<string, string>>, field: string): readonly FieldError[] {
  return unlessKnown(goodLabels, labels, () => Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((problem) => invalid(field, key, problem)),
    ...labelValueProblems(value).map((problem) => invalid(field, value, problem)),
  ]));
}

/** Parts of objects that were found to be in order: most writes leave them as they are. They are frozen, and so they stay in order. */
const goodLabels = new WeakMap<object, true>();
const goodAnnotations = new WeakMap<object, true>();
const NONE: readonly never[] = [];
const EMPTY: Readonly<Record<string, string>> = Object.freeze({});

function unlessKnown(inOrder: WeakMap<object, true>, part: object, look: () => readonly FieldError[]): readonly FieldError[] {
  if (inOrder.has(part)) return NONE;
  const errors = look();
  if (errors.length === 0 && Object.isFrozen(part)) inOrder.set(part, true);
  return errors;
}

export function validateAnnotations(annotations: Readonly<Record<string, string>>, field: string): readonly FieldError[] {
  return unlessKnown(goodAnnotations, annotations, () => annotationErrors(annotations, field));
}

function annotationErrors(annotations: Readonly<Record<string, string>>, field: string): readonly FieldError[] {
  const errors = Object.keys(annotations).flatMap((key) => qualifiedNameProblems(key.toLowerCase()).map((problem) => invalid(field, key, problem)));
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  if (bytes > ANNOTATIONS_MAX_BYTES) errors.push(tooLong(field, ANNOTATIONS_MAX_BYTES));
  return errors;
}

function validateOwnerReferences({ ownerReferences = [] }: ObjectMeta): readonly FieldError[] {
  const errors: FieldError[] = [];
  let controller: string | undefined;
  ownerReferences.forEach((reference) => {
    const field = 'metadata.ownerReferences';
    if ((reference.apiVersion ?? '') === '') errors.push(invalid(`${field}.apiVersion`, '', 'version must not be empty'));
    for (const key of ['kind', 'name', 'uid'] as const) if ((reference[key] ?? '') === '') errors.push(invalid(`${field}.${key}`, '', 'must not be empty'));
    if (reference.apiVersion === 'v1' && reference.kind === 'Event') errors.push(invalid(field, reference, '/v1, Kind=Event is disallowed from being an owner'));
    if (reference.controller !== true) return;
    const name = `${reference.kind}/${reference.name}`;
    if (controller === undefined) controller = name;
    else errors.push(invalid(field, new GoText(ownerReferences.map(inStructOrder)), `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`));
  });
  return errors;
}

const OWNER_FIELDS = ['apiVersion', 'kind', 'name', 'uid', 'controller', 'blockOwnerDeletion'] as const;

/** As Go prints the struct: fields in the order of its declaration. */
function inStructOrder(reference: OwnerReference): object {
  return Object.fromEntries(OWNER_FIELDS.filter((key) => reference[key] !== undefined).map((key) => [key, reference[key]]));
}

function validateFinalizers(finalizers: readonly string[]): readonly FieldError[] {
  const errors = finalizers.flatMap((finalizer) => qualifiedNameProblems(finalizer).map((problem) => invalid('metadata.finalizers', finalizer, problem)));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalid('metadata.finalizers', finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}

const STANDARD_FINALIZERS: readonly string[] = ['kubernetes', 'orphan', 'foregroundDeletion'];

function unqualifiedFinalizers(finalizers: readonly string[]): readonly FieldError[] {
  return finalizers.flatMap((finalizer, index) => (finalizer.includes('/') || STANDARD_FINALIZERS.includes(finalizer)
    ? []
    : [invalid(`metadata.finalizers[${index}]`, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')]));
}

/** A value that may not change once set. */
export function validateImmutable(next: unknown, previous: unknown, field: string): readonly FieldError[] {
  return equalJson(next, previous) ? [] : [invalid(field, next ?? null, 'field is immutable')];
}

/** The rules that hold for the metadata of every kind on update, before the kind's own (apiserver rest/update.go, validateCommonFields). */
export function validateCommonUpdate(next: ObjectMeta, previous: ObjectMeta, namespaced: boolean): readonly FieldError[] {
  return [...validateObjectMeta(next, namespaced, pathSegmentProblems), ...validateObjectMetaUpdate(next, previous), ...validateLabels(next.labels ?? EMPTY, 'metadata.labels'), ...validateAnnotations(next.annotations ?? EMPTY, 'metadata.annotations'), ...validateOwnerReferences(next)];
}

/** What a kind's own validation repeats of them. */
export function validateKindUpdate(next: ObjectMeta, previous: ObjectMeta, namespaced: boolean, strategy: Pick<Strategy, 'metaChecksOnUpdate' | 'nameProblems' | 'needsQualifiedFinalizers'>): readonly FieldError[] {
  return strategy.metaChecksOnUpdate.flatMap((check) => (check === 'whole'
    ? validateObjectMeta(next, namespaced, (name, isPrefix) => strategy.nameProblems(name, isPrefix), strategy.needsQualifiedFinalizers)
    : [
        ...validateObjectMetaUpdate(next, previous), ...validateLabels(next.labels ?? EMPTY, 'metadata.labels'), ...validateAnnotations(next.annotations ?? EMPTY, 'metadata.annotations'), ...validateOwnerReferences(next),
        ...(strategy.needsQualifiedFinalizers ? unqualifiedFinalizers(next.finalizers ?? []) : []),
      ]));
}
