import { ruleValidator } from '../../cel/rules.ts';
import { invalid } from '../../errors/field-error.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { prune } from '../../schema/prune.ts';
import type { SchemaNode } from '../../schema/structural.ts';
import { validateListTypes, validateValue } from '../../schema/validate.ts';
import { equalJson } from '../../values/json.ts';

const RESOURCE_FIELDS: readonly string[] = ['metadata', 'apiVersion', 'kind'];

/** Defaults that the schema itself would refuse or prune (apiextensions-apiserver pkg/apiserver/schema/defaulting/validation.go). */
export function defaultProblems(node: SchemaNode, path: string, isResourceRoot = true, isInMetadata = false): readonly FieldError[] {
  if (!node.hasDefaults) return [];
  const isResource = isResourceRoot || node.isEmbeddedResource;
  return [
    ...(node.defaultValue === undefined || node.defaultValue === null ? [] : ownProblems(node, `${path}.default`, isResource, isInMetadata && !isResource)),
    ...(node.items === undefined ? [] : defaultProblems(node.items, `${path}.items`, false, isInMetadata && !isResource)),
    ...[...node.properties].flatMap(([name, property]) => defaultProblems(property, `${path}.properties[${name}]`, false, (isInMetadata && !isResource) || (isResource && RESOURCE_FIELDS.includes(name)))),
  ];
}

function ownProblems(node: SchemaNode, path: string, isResource: boolean, isInMetadata: boolean): readonly FieldError[] {
  const value = node.defaultValue;
  const pruned = isInMetadata ? value : prune(value, node, '', { unknown: () => {} }, isResource);
  const unknown = equalJson(pruned, value) ? [] : [invalid(path, value, 'must not have unknown fields')];
  const refused = validateValue(value, node, '');
  const faults = refused.length > 0 ? refused : validateListTypes(value, node, '');
  return [...unknown, ...(faults.length > 0 ? faults : ruleProblems(node, isResource)).map((error) => below(error, path))];
}

/** Once as an update that changes nothing, once as a value that is new. */
function ruleProblems(node: SchemaNode, isResource: boolean): readonly FieldError[] {
  const rules = ruleValidator(node, isResource);
  const { defaultValue } = node;
  if (rules === undefined) return [];
  const unchanged = rules.validate(defaultValue, defaultValue);
  return unchanged.length > 0 ? unchanged : rules.validate(defaultValue, undefined);
}

function below(error: FieldError, path: string): FieldError {
  return { ...error, field: error.field === '<nil>' ? path : error.field.startsWith('[') ? `${path}${error.field}` : `${path}.${error.field}` };
}
