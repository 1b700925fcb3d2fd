import { Cursor } from '../../builtin/validation/cursor.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { required } from '../../errors/field-error.ts';
import { isObject, stringAt } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';
import { findCondition } from '../../values/conditions.ts';
import { dnsSubdomainProblems } from '../../values/names.ts';
import { checkApproval } from './approval.ts';
import { checkConversion } from './conversion.ts';
import { internalSpec, shownVersions } from './internal-spec.ts';
import type { InternalSpec } from './internal-spec.ts';
import { checkLabel, checkNames, checkRequiredNames } from './names.ts';
import { schemaProblems } from './validate-schema.ts';
import { checkColumn, checkDeprecation, checkSelectableFields, checkSubresources } from './versions.ts';

/** What is wrong with a definition, in the order in which the real server says it (apiextensions-apiserver pkg/apis/apiextensions/validation). */
export function definitionProblems(crd: ApiObject, previous: ApiObject | undefined): readonly FieldError[] {
  const root = new Cursor(crd, '');
  const spec = root.at('spec');
  const internal = internalSpec(spec.object);
  if (previous === undefined) checkOwnName(root);
  checkSpec(spec, internal);
  if (previous !== undefined) checkUnchanged(spec, previous);
  checkNames(root.at('status').at('acceptedNames'));
  checkStoredVersions(root.at('status').at('storedVersions'), internal.versions);
  checkApproval(root, previous);
  const preserving = spec.at('preserveUnknownFields');
  if (preserving.value === true) preserving.invalid('cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead');
  return root.errors;
}

function checkOwnName(root: Cursor): void {
  const name = root.at('metadata').at('name');
  const [plural, group] = [root.at('spec').at('names').at('plural').text, root.at('spec').at('group').text];
  if (name.text !== `${plural}.${group}`) name.invalid('must be spec.names.plural+"."+spec.group', name.text);
}

function checkSpec(spec: Cursor, internal: InternalSpec): void {
  checkGroup(spec.at('group'));
  spec.at('scope').oneOf(['Cluster', 'Namespaced']);
  checkSchemasThere(spec, internal);
  checkVersions(spec.at('versions'), internal);
  const { validation, subresources, columns = [], selectableFields = [] } = internal;
  const [first = {}] = internal.versions;
  checkLabel(new Cursor(first['name'], 'spec.version', spec.errors));
  checkRequiredNames(spec.at('names'));
  checkNames(spec.at('names'));
  if (isObject(validation?.['openAPIV3Schema'])) {
    const hasStatus = statusOf(subresources) || internal.versions.some(({ subresources: own }) => statusOf(own));
    spec.errors.push(...schemaProblems(validation['openAPIV3Schema'], `${spec.path}.validation.openAPIV3Schema`, hasStatus));
  }
  checkSubresources(new Cursor(subresources, `${spec.path}.subresources`, spec.errors));
  columns.forEach((column, index) => checkColumn(new Cursor(column, `${spec.path}.additionalPrinterColumns[${index}]`, spec.errors)));
  if (selectableFields.length > 0) checkFields(new Cursor(selectableFields, `${spec.path}.selectableFields`, spec.errors), validation, 'may only be set when validations.schema is included');
  checkConversion(spec.at('conversion'));
}

function checkGroup(group: Cursor): void {
  const problems = dnsSubdomainProblems(group.text);
  if (group.text === '') group.required();
  else if (problems.length > 0) group.invalid(problems.join(','), group.text);
  else if (!group.text.includes('.')) group.invalid('should be a domain with at least one dot');
}

function checkSchemasThere(spec: Cursor, { validation, versions }: InternalSpec): void {
  if (isObject(validation?.['openAPIV3Schema'])) return;
  versions.forEach((version, index) => {
    const schema = isObject(version['schema']) ? version['schema']['openAPIV3Schema'] : undefined;
    if (!isObject(schema)) spec.errors.push(required(`${spec.path}.versions[${index}].schema.openAPIV3Schema`));
  });
}

function checkVersions(versions: Cursor, { versions: own, subresources }: InternalSpec): void {
  own.forEach((version, index) => {
    const at = new Cursor(version, `${versions.path}[${index}]`, versions.errors);
    checkLabel(at.at('name'), true);
    checkDeprecation(at);
    const schema = at.at('schema').at('openAPIV3Schema');
    if (isObject(schema.value)) versions.errors.push(...schemaProblems(schema.value, schema.path, statusOf(at.at('subresources').value ?? subresources)));
    checkSubresources(at.at('subresources'));
    for (const column of at.at('additionalPrinterColumns').items) checkColumn(column);
    if (at.at('selectableFields').items.length > 0) checkFields(at.at('selectableFields'), at.at('schema').object, 'may only be set when `version.schema.openAPIV3Schema` is not included');
  });
  const names = own.map((version) => stringAt(version, 'name'));
  if (new Set(names).size < names.length) versions.invalid('must contain unique version names', shownVersions(own));
  if (own.filter(({ storage }) => storage === true).length !== 1) versions.invalid('must have exactly one version marked as storage version', shownVersions(own));
}

function checkFields(fields: Cursor, schema: JsonObject | undefined, sentence: string): void {
  const root = schema?.['openAPIV3Schema'];
  if (isObject(root)) checkSelectableFields(fields, root);
  else fields.invalid(sentence, '');
}

function statusOf(subresources: unknown): boolean {
  return isObject(subresources) && isObject(subresources['status']);
}

/** What names the resource stays; what shapes its storage stays once it is served. */
function checkUnchanged(spec: Cursor, previous: ApiObject): void {
  const before = new Cursor(previous, '').at('spec');
  const same = (now: Cursor, then: Cursor) => (now.text === then.text ? undefined : now.invalid('field is immutable', now.text));
  if (findCondition(previous['status'], 'Established')?.['status'] === 'True') {
    same(spec.at('scope'), before.at('scope'));
    same(spec.at('names').at('kind'), before.at('names').at('kind'));
  }
  same(spec.at('group'), before.at('group'));
  same(spec.at('names').at('plural'), before.at('names').at('plural'));
}

/** Versions in which objects may still be stored may not go. */
function checkStoredVersions(stored: Cursor, versions: readonly JsonObject[]): void {
  if (stored.items.length === 0) return stored.invalid('must have at least one stored version', null);
  const names = versions.map((version) => stringAt(version, 'name'));
  for (const version of versions) {
    const name = stringAt(version, 'name');
    if (version['storage'] === true && !stored.items.some(({ text }) => text === name)) stored.invalid(`must have the storage version ${name}`);
  }
  for (const one of stored.items) {
    if (!names.includes(one.text)) one.invalid(`missing from spec.versions; ${one.text} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${one.text} and removes ${one.text} from status.storedVersions`);
  }
}
