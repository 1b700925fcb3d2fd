import type { KubeObject, Resource, Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { SelectorError } from './selector-error.ts';

/** One term of a field selector. */
export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** All of them must hold; none at all matches everything. */
export type FieldRequirements = readonly FieldRequirement[];

const REMEDY = 'Write terms like metadata.name=value or status.phase!=value, separated by commas; put a backslash before a comma, equals sign or backslash in a value.';

/**
 * Parses `spec.nodeName=n1,status.phase!=Failed` (apimachinery pkg/fields/selector.go): `=`, `==` and `!=`, backslash escapes
 * for `,`, `=` and the backslash in values. Unlike label selectors, blanks count.
 */
export function parseFieldSelector(text: string): Result<FieldRequirements, SelectorError> {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === '') continue;
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (match === null) return fail({ selector: text, cause: `"${term}" has no =, == or !=`, remedy: REMEDY });
    const value = unescapeValue(match[3]!);
    if (value === undefined) return fail({ selector: text, cause: `the value of "${term}" has a bare "=" or an escape other than \\\\ \\, \\=`, remedy: REMEDY });
    requirements.push({ field: match[1]!, operator: match[2] === '!=' ? '!=' : '=', value });
  }
  return ok(requirements);
}

/** Whether the fields meet every requirement. `read` gives a field's text; an absent field is the empty text. */
export function matchesFields(requirements: FieldRequirements, read: (field: string) => string): boolean {
  return requirements.every(({ field, operator, value }) => (read(field) === value) === (operator === '='));
}

/** The text that {@link parseFieldSelector} parses to the same requirements. */
export function formatFieldSelector(requirements: FieldRequirements): string {
  return requirements.map(({ field, operator, value }) => `${field}${operator}${value.replace(/[\\,=]/g, '\\$&')}`).join(',');
}

/** Splits at commas that no backslash escapes. */
function splitTerms(text: string): readonly string[] {
  const terms: string[] = [];
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === ',') {
      terms.push(text.slice(start, index));
      start = index + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeValue(text: string): string | undefined {
  return /^(?:[^\\,=]|\\[\\,=])*$/.test(text) ? text.replace(/\\([\\,=])/g, '$1') : undefined;
}

/**
 * Fields that an API server can select by, per resource: metadata.name and metadata.namespace of everything and, for built-in
 * kinds, what Kubernetes' own registries declare (pkg/apis/core/v1/conversion.go). Custom resources declare none here.
 */
const SELECTABLE: Readonly<Record<string, readonly string[]>> = {
  '/pods': ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork', 'status.phase', 'status.podIP', 'status.podIPs', 'status.nominatedNodeName'],
  '/nodes': ['spec.unschedulable'],
  '/namespaces': ['status.phase'],
  '/secrets': ['type'],
  '/events': [
    'involvedObject.kind', 'involvedObject.namespace', 'involvedObject.name', 'involvedObject.uid', 'involvedObject.apiVersion',
    'involvedObject.resourceVersion', 'involvedObject.fieldPath', 'reason', 'reportingComponent', 'source', 'type',
  ],
  '/replicationcontrollers': ['status.replicas'],
  'batch/jobs': ['status.successful'],
};

/** Whether an API server accepts `field` in a field selector for `resource`; it answers BadRequest to any other. */
export function isSelectableField(resource: Pick<Resource, 'group' | 'plural' | 'namespaced'>, field: string): boolean {
  if (field === 'metadata.name' || field === 'metadata.namespace') return true;
  return SELECTABLE[`${resource.group}/${resource.plural}`]?.includes(field) ?? false;
}

/** The text of a selectable field of an object: dots lead inwards, booleans and numbers are printed, what is absent is empty. */
export function fieldText(object: KubeObject, field: string): string {
  if (field === 'metadata.name') return object.metadata.name;
  if (field === 'metadata.namespace') return object.metadata.namespace ?? '';
  if (object.kind === 'Event' && field === 'source') return read(object, ['source', 'component']) || read(object, ['reportingComponent']);
  const text = read(object, field.split('.'));
  return text === '' && BOOLEAN_FIELDS.includes(field) ? 'false' : text;
}

/** Booleans that are left out when false, yet are selected as "false". */
const BOOLEAN_FIELDS: readonly string[] = ['spec.unschedulable', 'spec.hostNetwork'];

function read(object: object, path: readonly string[]): string {
  let value: unknown = object;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return '';
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
