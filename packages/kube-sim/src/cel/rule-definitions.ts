import type { JsonSchema } from '@vfleet/core';
import { goJson, invalid, notSupported, required } from '../errors/field-error.ts';
import type { FieldError } from '../errors/field-error.ts';
import { compileSchema } from '../schema/structural.ts';
import type { SchemaNode } from '../schema/structural.ts';
import { compileRules } from './compiled-rules.ts';
import type { CompiledRule } from './compiled-rules.ts';
import { normalizedFieldPath } from './field-path.ts';
import { rulesOf } from './rule.ts';
import type { ValidationRule } from './rule.ts';

const REASONS: readonly string[] = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/**
 * What is wrong with the rules of a definition's schema (apiextensions-apiserver pkg/apis/apiextensions/validation): their
 * form, whether they compile, and whether oldSelf means anything where they stand. Loads the CEL library only where there
 * are rules. The estimated cost of rules is not limited here: the real cost of running them is.
 */
export function ruleDefinitionProblems(schema: JsonSchema, field: string): readonly FieldError[] {
  if (!hasRules(schema)) return [];
  const errors: { readonly form: FieldError[]; readonly cel: FieldError[] } = { form: [], cel: [] };
  visit(compileSchema(schema), field, { isRoot: true, uncorrelatable: undefined }, errors);
  // Rules are not compiled against a schema that is wrong, as then every sentence about them would mislead.
  return errors.form.length > 0 ? errors.form : errors.cel;
}

export function hasRules(schema: JsonSchema): boolean {
  const below = [...Object.values(schema.properties ?? {}), ...(schema.items === undefined ? [] : [schema.items]), ...(typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []), ...(schema.allOf ?? [])];
  return rulesOf(schema).length > 0 || below.some(hasRules);
}

interface Place {
  readonly isRoot: boolean;
  /** The list above whose items cannot be told apart after an update. */
  readonly uncorrelatable: string | undefined;
}

type Errors = { readonly form: FieldError[]; readonly cel: FieldError[] };

function visit(node: SchemaNode, field: string, place: Place, errors: Errors): void {
  if (typeof node.additional === 'object') visit(node.additional, `${field}.additionalProperties`, { ...place, isRoot: false }, errors);
  for (const [name, property] of node.properties) visit(property, `${field}.properties[${name}]`, { ...place, isRoot: false }, errors);
  if (node.items !== undefined) {
    const isKeyed = node.schema['x-kubernetes-list-type'] === 'map';
    visit(node.items, `${field}.items`, { isRoot: false, uncorrelatable: isKeyed ? place.uncorrelatable : (place.uncorrelatable ?? field) }, errors);
  }
  const rules = rulesOf(node.schema);
  if (rules.length === 0) return;
  const before = errors.form.length;
  rules.forEach((rule, index) => checkForm(rule, node, `${field}.x-kubernetes-validations[${index}]`, errors.form));
  if (errors.form.length > before) return;
  compileRules(node, node, place.isRoot)?.rules.forEach((compiled, index) => checkCompiled(compiled, `${field}.x-kubernetes-validations[${index}]`, place, errors.cel));
}

function checkForm(rule: ValidationRule, node: SchemaNode, field: string, errors: FieldError[]): void {
  const { message = '', messageExpression = '', reason, fieldPath = '' } = rule;
  const text = rule.rule.trim();
  if (text === '') errors.push(required(`${field}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '') errors.push(invalid(`${field}.message`, message, 'must be non-empty if specified'));
  else if (message.trim().includes('\n')) errors.push(invalid(`${field}.message`, message, 'must not contain line breaks'));
  else if (text.includes('\n') && message.trim() === '') errors.push(required(`${field}.message`, 'message must be specified if rule contains line breaks'));
  if (messageExpression !== '' && messageExpression.trim() === '') errors.push(required(`${field}.messageExpression`, 'messageExpression must be non-empty if specified'));
  if (reason !== undefined && !REASONS.includes(reason)) errors.push(notSupported(`${field}.reason`, reason, REASONS));
  if (fieldPath === '') return;
  if (fieldPath.trim() === '') errors.push(invalid(`${field}.fieldPath`, fieldPath, 'must be non-empty if specified'));
  if (fieldPath.includes('\n')) errors.push(invalid(`${field}.fieldPath`, fieldPath, 'must not contain line breaks'));
  if (normalizedFieldPath(fieldPath, node) === undefined) errors.push(invalid(`${field}.fieldPath`, fieldPath, 'must be a valid path'));
}

function checkCompiled({ rule, error, messageError, usesOldSelf }: CompiledRule, field: string, { uncorrelatable }: Place, errors: FieldError[]): void {
  if (error !== undefined) errors.push(invalidRule(`${field}.rule`, rule, error));
  if (messageError !== undefined) errors.push(invalidRule(`${field}.messageExpression`, rule, messageError));
  if (usesOldSelf && uncorrelatable !== undefined) errors.push(invalid(`${field}.rule`, rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`));
  else if (!usesOldSelf && rule.optionalOldSelf !== undefined) errors.push(invalid(`${field}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'));
}

/** The whole rule is shown, as a Go struct without JSON names: its fields are not in the order of the alphabet. */
function invalidRule(field: string, rule: ValidationRule, detail: string): FieldError {
  const { message = '', messageExpression = '', reason = null, fieldPath = '', optionalOldSelf = null } = rule;
  const shown = Object.entries({ Rule: rule.rule, Message: message, MessageExpression: messageExpression, Reason: reason, FieldPath: fieldPath, OptionalOldSelf: optionalOldSelf })
    .map(([name, value]) => `"${name}":${goJson(value)}`).join(',');
  return { reason: 'FieldValueInvalid', field, body: `Invalid value: {${shown}}: ${detail}` };
}
