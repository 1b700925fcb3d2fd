import { GoText, invalid, notSupported, required } from '../errors/field-error.ts';
import type { FieldError } from '../errors/field-error.ts';
import type { SchemaNode } from '../schema/structural.ts';
import type { CompiledRule } from './compiled-rules.ts';
import { normalizedFieldPath } from './field-path.ts';
import type { ValidationRule } from './rule.ts';

const REASONS: readonly string[] = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const LINE_BREAK = /[\n\r]/;

/** What is wrong with the form of a rule, before it is compiled. `node` is absent where the schema is none that could be compiled. */
export function ruleFormProblems(rule: ValidationRule, node: SchemaNode | undefined, field: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { message = '', messageExpression = '', reason, fieldPath = '' } = rule;
  const text = rule.rule.trim();
  if (text === '') errors.push(required(`${field}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '') errors.push(invalid(`${field}.message`, message, 'must be non-empty if specified'));
  else if (LINE_BREAK.test(message.trim())) errors.push(invalid(`${field}.message`, message, 'must not contain line breaks'));
  else if (LINE_BREAK.test(text) && message.trim() === '') errors.push(required(`${field}.message`, 'message must be specified if rule contains line breaks'));
  if (messageExpression !== '' && messageExpression.trim() === '') errors.push(required(`${field}.messageExpression`, 'messageExpression must be non-empty if specified'));
  if (reason !== undefined && !REASONS.includes(reason)) errors.push(notSupported(`${field}.reason`, reason, REASONS));
  if (fieldPath === '') return errors;
  if (fieldPath.trim() === '') errors.push(invalid(`${field}.fieldPath`, fieldPath, 'must be non-empty if specified'));
  if (LINE_BREAK.test(fieldPath)) errors.push(invalid(`${field}.fieldPath`, fieldPath, 'must not contain line breaks'));
  if (node !== undefined && normalizedFieldPath(fieldPath, node) === undefined) errors.push(invalid(`${field}.fieldPath`, fieldPath, 'must be a valid path'));
  return errors;
}

/** Why a rule does not compile. */
export function ruleProblem({ rule, error }: CompiledRule, field: string): readonly FieldError[] {
  return error === undefined ? [] : [invalid(`${field}.rule`, shown(rule), error)];
}

export function messageProblem({ rule, messageError }: CompiledRule, field: string): readonly FieldError[] {
  return messageError === undefined ? [] : [invalid(`${field}.messageExpression`, shown(rule), messageError)];
}

/** oldSelf means something only where a value can be told from others after an update; `uncorrelatable` is the path above where it cannot. */
export function oldSelfProblems({ rule, usesOldSelf }: CompiledRule, field: string, uncorrelatable: string | undefined): readonly FieldError[] {
  if (usesOldSelf) return uncorrelatable === undefined ? [] : [invalid(`${field}.rule`, rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`)];
  return rule.optionalOldSelf === undefined ? [] : [invalid(`${field}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule')];
}

/** The whole rule, as a Go struct without JSON names: its fields are not in the order of the alphabet. */
function shown(rule: ValidationRule): GoText {
  const { message = '', messageExpression = '', reason = null, fieldPath = '', optionalOldSelf = null } = rule;
  return new GoText({ Rule: rule.rule, Message: message, MessageExpression: messageExpression, Reason: reason, FieldPath: fieldPath, OptionalOldSelf: optionalOldSelf });
}
