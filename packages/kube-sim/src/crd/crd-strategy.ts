import { ruleDefinitionProblems } from '../cel/rule-definitions.ts';
import { invalid, notSupported, required } from '../errors/field-error.ts';
import type { FieldError } from '../errors/field-error.ts';
import { plainStrategy, specStrategy, withNextGeneration, keepingStatus } from '../registry/strategies.ts';
import type { Strategy } from '../registry/strategy.ts';
import { compileSchema } from '../schema/structural.ts';
import { dns1035LabelProblems, dnsSubdomainProblems } from '../values/names.ts';
import { arrayAt, equalJson, isObject, objectAt, stringAt, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';

export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** CustomResourceDefinitions (apiextensions-apiserver pkg/registry/customresourcedefinition). */
export const crdStrategy: Strategy = {
  ...specStrategy,
  needsQualifiedFinalizers: false,
  prepareForCreate: (crd) => withFields(crd, { status: { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: storageVersions(crd) } }),
  validateCreate: validateCrd,
  prepareForUpdate: (next, previous) => withNextGeneration(keepingStatus(next, previous), previous),
  validateUpdate: validateCrd,
  heldDeletion: { begin: (crd) => withMeta(crd, { finalizers: withCleanup(crd) }), isHeld: () => false },
};

export const crdStatusStrategy: Strategy = {
  ...plainStrategy,
  prepareForUpdate: (next, previous) => withFields(previous, { metadata: next.metadata, status: next['status'] }),
};

function withCleanup({ metadata }: ApiObject): readonly string[] {
  const finalizers = metadata.finalizers ?? [];
  return finalizers.includes(CLEANUP_FINALIZER) ? finalizers : [...finalizers, CLEANUP_FINALIZER];
}

function storageVersions(crd: ApiObject): readonly string[] {
  return arrayAt(crd['spec'], 'versions').filter((version) => isObject(version) && version['storage'] === true).map((version) => stringAt(version, 'name'));
}

function validateCrd(crd: ApiObject): readonly FieldError[] {
  const errors: FieldError[] = [];
  const spec = objectAt(crd, 'spec');
  const names = objectAt(spec, 'names');
  const group = stringAt(spec, 'group');
  const plural = stringAt(names, 'plural');
  const expected = `${plural}.${group}`;
  if (crd.metadata.name !== expected) errors.push(invalid('metadata.name', crd.metadata.name, `must be spec.names.plural+"."+spec.group`));
  if (group === '') errors.push(required('spec.group'));
  else {
    for (const problem of dnsSubdomainProblems(group)) errors.push(invalid('spec.group', group, problem));
    if (!group.includes('.')) errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  }
  const scope = stringAt(spec, 'scope');
  if (scope === '') errors.push(required('spec.scope'));
  else if (scope !== 'Namespaced' && scope !== 'Cluster') errors.push(notSupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  errors.push(...validateNames(names), ...validateVersions(arrayAt(spec, 'versions')));
  return errors;
}

function validateNames(names: JsonObject): readonly FieldError[] {
  const errors: FieldError[] = [];
  const plural = stringAt(names, 'plural');
  const kind = stringAt(names, 'kind');
  for (const problem of dns1035LabelProblems(plural)) errors.push(invalid('spec.names.plural', plural, problem));
  if (kind === '') errors.push(required('spec.names.kind'));
  else for (const problem of dns1035LabelProblems(kind.toLowerCase())) errors.push(invalid('spec.names.kind', kind, `may have mixed case, but should otherwise match: ${problem}`));
  if (kind !== '' && kind === stringAt(names, 'listKind')) errors.push(invalid('spec.names.listKind', kind, 'kind and listKind may not be the same'));
  return errors;
}

function validateVersions(versions: readonly unknown[]): readonly FieldError[] {
  const errors: FieldError[] = [];
  let storage = 0;
  const seen = new Set<string>();
  const isShared = versions.every((version) => equalJson(objectAt(version, 'schema'), objectAt(versions[0], 'schema')));
  versions.forEach((version, index) => {
    const field = `spec.versions[${index}]`;
    const name = stringAt(version, 'name');
    for (const problem of dns1035LabelProblems(name)) errors.push(invalid(`${field}.name`, name, problem));
    if (seen.has(name)) errors.push(invalid('spec.versions', name, 'must not contain duplicate names'));
    seen.add(name);
    if (isObject(version) && version['storage'] === true) storage++;
    const schema = objectAt(objectAt(version, 'schema'), 'openAPIV3Schema');
    // A schema that all versions have is checked once, as that of the definition (conversion to the internal type).
    if (!isShared || Object.keys(schema).length === 0) errors.push(...validateSchema(schema, `${field}.schema.openAPIV3Schema`));
    else if (index === 0) errors.push(...validateSchema(schema, 'spec.validation.openAPIV3Schema'));
  });
  if (storage !== 1) errors.push(invalid('spec.versions', versions.map((version) => stringAt(version, 'name')), 'must have exactly one version marked as storage version'));
  return errors;
}

function validateSchema(schema: JsonObject, field: string): readonly FieldError[] {
  if (Object.keys(schema).length === 0) return [required(field, 'schemas are required')];
  if (schema['type'] !== 'object') return [invalid(`${field}.type`, schema['type'] ?? '', 'must be object at the root')];
  try {
    compileSchema(schema);
    return ruleDefinitionProblems(schema, field);
  } catch (error) {
    return [invalid(field, '', `must be a valid regular expression: ${error instanceof Error ? error.message : String(error)}`)];
  }
}
