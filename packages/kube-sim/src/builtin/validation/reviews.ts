import { GoText, goJson, invalid } from '../../errors/field-error.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { arrayAt, getOwn, isObject, objectAt, stringAt } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';

/** What is wrong with a question about access (kubernetes pkg/apis/authorization/validation). */
export function accessReviewProblems(review: ApiObject): readonly FieldError[] {
  const spec = objectAt(review, 'spec');
  const isOwn = review.kind === 'SelfSubjectAccessReview';
  const isLocal = review.kind === 'LocalSubjectAccessReview';
  return [...attributeProblems(spec), ...(isOwn ? [] : subjectProblems(spec)), ...metadataProblems(review, isLocal), ...(isLocal ? localProblems(review, spec) : [])];
}

function attributeProblems(spec: JsonObject): readonly FieldError[] {
  const [resource, path] = [getOwn(spec, 'resourceAttributes'), getOwn(spec, 'nonResourceAttributes')];
  if (resource !== undefined && path !== undefined) return [invalid('spec.nonResourceAttributes', internalPath(path), 'cannot be specified in combination with resourceAttributes')];
  if (resource === undefined && path === undefined) return [invalid('spec.resourceAttributes', undefined, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')];
  return [];
}

/** As Go prints the struct that it has inside. */
function internalPath(attributes: unknown): GoText {
  return new GoText({ Path: stringAt(attributes, 'path'), Verb: stringAt(attributes, 'verb') });
}

function subjectProblems(spec: JsonObject): readonly FieldError[] {
  const isNobody = stringAt(spec, 'user') === '' && arrayAt(spec, 'groups').length === 0;
  return isNobody ? [invalid('spec.user', '', 'at least one of user or group must be specified')] : [];
}

/** A review has no metadata but what the server itself writes. */
function metadataProblems({ metadata }: ApiObject, isLocal: boolean): readonly FieldError[] {
  const said = Object.entries(metadata).filter(([key, value]) => value !== undefined && key !== 'managedFields' && !(isLocal && key === 'namespace'));
  return said.length === 0 ? [] : [invalid('metadata', new GoText(withSortedFields(metadata)), isLocal ? 'must be empty except for namespace' : 'must be empty')];
}

/** Fields that somebody manages are written in order by the real server; elsewhere it makes no difference. */
function withSortedFields(metadata: ApiObject['metadata']): object {
  return { ...metadata, managedFields: metadata.managedFields?.map((entry) => ({ ...entry, fieldsV1: JSON.parse(goJson(entry.fieldsV1)) as unknown })) };
}

function localProblems({ metadata }: ApiObject, spec: JsonObject): readonly FieldError[] {
  const path = getOwn(spec, 'nonResourceAttributes');
  const resource = getOwn(spec, 'resourceAttributes');
  const asked = stringAt(resource, 'namespace');
  return [
    ...(isObject(resource) && asked !== metadata.namespace ? [invalid('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace')] : []),
    ...(path === undefined ? [] : [invalid('spec.nonResourceAttributes', internalPath(path), 'disallowed on this kind of request')]),
  ];
}
