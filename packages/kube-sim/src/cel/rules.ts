import { duplicate, forbiddenField, invalid, required } from '../errors/field-error.ts';
import type { FieldError } from '../errors/field-error.ts';
import { equalJson, getOwn, isObject } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import type { SchemaNode } from '../schema/structural.ts';
import { celHost } from './environment.ts';
import { compileRules } from './compiled-rules.ts';
import type { CompiledRule, NodeRules } from './compiled-rules.ts';
import { once } from './library.ts';
import { COST_EXCEEDED } from './program.ts';
import type { Outcome } from './program.ts';
import { OBJECT_COST_MAX, RULE_COST_MAX, ruleText, rulesOf } from './rule.ts';

/** Longer messages are not taken from a messageExpression. */
const MESSAGE_MAX_BYTES = 5 * 1024;

/** The rules of a schema and of what lies below it, compiled when the first value is checked. */
interface RuleTree {
  readonly node: SchemaNode;
  readonly own: () => NodeRules | undefined;
  readonly properties: ReadonlyMap<string, RuleTree>;
  readonly items: RuleTree | undefined;
  readonly additional: RuleTree | undefined;
  readonly allOf: readonly RuleTree[];
}

/** What checks objects of one schema against its x-kubernetes-validations. */
export interface RuleValidator {
  /** `previous` is absent on creation. Errors as the real server has them, in the order of the object's fields. */
  validate(object: unknown, previous: unknown): readonly FieldError[];
  /** What the last update to `object` was forgiven, since it leaves the values alone that break rules (KEP-4008). */
  forgiven(object: object): readonly FieldError[];
}

/**
 * Undefined when a schema has no rules, and then nothing is loaded (apiextensions-apiserver pkg/apiserver/schema/cel/validation.go).
 * A resource's rules may name its apiVersion, kind and metadata where the schema does not.
 */
export function ruleValidator(root: SchemaNode, isResource = true): RuleValidator | undefined {
  const tree = treeOf(root, root, isResource);
  if (tree === undefined) return undefined;
  const forgiven = new WeakMap<object, readonly FieldError[]>();
  return {
    forgiven: (object) => forgiven.get(object) ?? [],
    validate(object, previous) {
      const run: Run = { errors: [], forgiven: [], left: OBJECT_COST_MAX };
      validateNode(run, tree, '', object, { old: previous, isRatcheted: previous !== undefined && equalJson(object, previous), isComparable: previous !== undefined });
      if (run.forgiven.length > 0 && typeof object === 'object' && object !== null) forgiven.set(object, run.forgiven);
      return run.errors;
    },
  };
}

/** What stands between a value and its rules: a value of another shape than its schema would mislead every rule. */
const BLOCKING: readonly FieldError['reason'][] = ['FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid'];

/** The errors that the schema found, and those of the rules where the former let them be asked. */
export function withRules(errors: readonly FieldError[], rules: RuleValidator | undefined, object: JsonObject, previous: JsonObject | undefined): readonly FieldError[] {
  if (rules === undefined) return errors;
  if (errors.some(({ reason }) => BLOCKING.includes(reason))) {
    return [...errors, invalid('', null, 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation')];
  }
  const broken = rules.validate(object, previous);
  return broken.length === 0 ? errors : [...errors, ...broken];
}

function treeOf(ruled: SchemaNode, node: SchemaNode, isRoot: boolean): RuleTree | undefined {
  const properties = new Map<string, RuleTree>();
  for (const [name, property] of ruled.properties) {
    const below = node.properties.get(name);
    const tree = below === undefined ? undefined : treeOf(property, below, false);
    if (tree !== undefined) properties.set(name, tree);
  }
  const items = ruled.items === undefined || node.items === undefined ? undefined : treeOf(ruled.items, node.items, false);
  const additional = typeof ruled.additional === 'object' && typeof node.additional === 'object' ? treeOf(ruled.additional, node.additional, false) : undefined;
  const allOf = ruled.allOf.flatMap((part) => treeOf(part, node, isRoot) ?? []);
  if (rulesOf(ruled.schema).length === 0 && properties.size === 0 && items === undefined && additional === undefined && allOf.length === 0) return undefined;
  const own = once(() => (rulesOf(ruled.schema).length === 0 ? undefined : compileRules(ruled, node, isRoot)));
  return { node, own, properties, items, additional, allOf };
}

interface Run {
  readonly errors: FieldError[];
  readonly forgiven: FieldError[];
  /** Cost still to be spent on this object; negative when it is over. */
  left: number;
}

/** The value before an update, where there is one that this value corresponds to. */
interface Before {
  readonly old: unknown;
  /** An unchanged value is not held against an update (KEP-4008). */
  readonly isRatcheted: boolean;
  readonly isComparable: boolean;
}

function validateNode(run: Run, tree: RuleTree, path: string, value: unknown, before: Before): void {
  if (value === null || value === undefined || run.left < 0) return;
  checkRules(run, tree, path, value, before);
  for (const part of tree.allOf) validateNode(run, part, path, value, before);
  if (Array.isArray(value)) validateItems(run, tree, path, value, before);
  else if (isObject(value)) validateFields(run, tree, path, value, before);
}

function validateFields(run: Run, tree: RuleTree, path: string, value: JsonObject, before: Before): void {
  if (tree.properties.size === 0 && tree.additional === undefined) return;
  for (const key of Object.keys(value)) {
    const property = tree.properties.get(key);
    const below = property ?? tree.additional;
    if (below === undefined) continue;
    const old = isObject(before.old) ? getOwn(before.old, key) : undefined;
    const where = property === undefined ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    validateNode(run, below, where, value[key], beforeOf(value[key], old, before));
  }
}

function validateItems(run: Run, tree: RuleTree, path: string, items: readonly unknown[], before: Before): void {
  const { items: below, node: { schema } } = tree;
  if (below === undefined) return;
  // Only items of lists with keys are the same item after an update.
  const keys = schema['x-kubernetes-list-type'] === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : [];
  const olds = keys.length > 0 && Array.isArray(before.old) ? new Map((before.old as readonly unknown[]).map((item) => [identityOf(item, keys), item])) : undefined;
  items.forEach((item, index) => {
    validateNode(run, below, `${path}[${index}]`, item, beforeOf(item, olds?.get(identityOf(item, keys)), before));
  });
}

function beforeOf(value: unknown, old: unknown, parent: Before): Before {
  const isComparable = old !== undefined;
  return { old, isComparable, isRatcheted: parent.isRatcheted || (isComparable && equalJson(value, old)) };
}

function identityOf(item: unknown, keys: readonly string[]): string {
  return JSON.stringify(keys.map((key) => (isObject(item) ? (getOwn(item, key) ?? null) : null)));
}

function checkRules(run: Run, tree: RuleTree, path: string, value: unknown, before: Before): void {
  const own = tree.own();
  if (own === undefined) return;
  const shown = tree.node.schema.type ?? '';
  const self = own.type.toCel(value);
  const oldSelf = before.old === undefined || before.old === null ? undefined : own.type.toCel(before.old);
  const { Optional } = celHost().library;
  for (const compiled of own.rules) {
    if (run.left <= 0) {
      run.errors.push(invalid(path, shown, 'validation failed due to running out of cost budget, no further validation rules will be run'));
      run.left = -1;
      return;
    }
    if (compiled.program === undefined) {
      run.errors.push(invalid(path, shown, `rule compile error: ${compiled.error}`));
      continue;
    }
    const isOptional = compiled.rule.optionalOldSelf === true;
    if (compiled.usesOldSelf && oldSelf === undefined && !isOptional) continue;
    const variables = { self, oldSelf: isOptional ? (oldSelf === undefined ? Optional.none() : Optional.of(oldSelf)) : oldSelf };
    const outcome = compiled.program.evaluate(variables, Math.min(RULE_COST_MAX, run.left));
    run.left -= outcome.cost;
    const error = judge(run, compiled, outcome, variables, path, shown);
    // A value that this update leaves alone may go on breaking rules about a state; rules about a change apply.
    if (error !== undefined) (compiled.usesOldSelf || !before.isRatcheted || !outcome.ok ? run.errors : run.forgiven).push(error);
    if (run.left < 0) return;
  }
}

function judge(run: Run, compiled: CompiledRule, outcome: Outcome, variables: Readonly<Record<string, unknown>>, path: string, shown: string): FieldError | undefined {
  const said = ruleText(compiled.rule);
  if (!outcome.ok) {
    if (outcome.error === COST_EXCEEDED) {
      run.left = -1;
      return invalid(path, shown, `'${outcome.error}': no further validation rules will be run due to call cost exceeds limit for rule: ${said}`);
    }
    if (outcome.error.startsWith('no such overload')) return invalid(path, shown, `'${outcome.error}': call arguments did not match a supported operator, function or macro signature for rule: ${said}`);
    return invalid(path, shown, `${outcome.error} evaluating rule: ${said}`);
  }
  if (outcome.value === true) return undefined;
  const field = compiled.fieldPath === '' ? path : path === '' ? compiled.fieldPath : `${path}.${compiled.fieldPath}`;
  return errorFor(compiled, field, shown, computedMessage(run, compiled, variables) ?? (compiled.rule.message === undefined || compiled.rule.message === '' ? `failed rule: ${said}` : said));
}

function errorFor({ rule: { reason } }: CompiledRule, field: string, shown: string, detail: string): FieldError {
  switch (reason) {
    case 'FieldValueForbidden': return forbiddenField(field, detail);
    case 'FieldValueRequired': return required(field, detail);
    case 'FieldValueDuplicate': return duplicate(field, shown);
    default: return invalid(field, shown, detail);
  }
}

/** What a messageExpression says; undefined when there is none, or it fails, or says what no message may be. */
function computedMessage(run: Run, { message }: CompiledRule, variables: Readonly<Record<string, unknown>>): string | undefined {
  if (message === undefined) return undefined;
  const outcome = message.evaluate(variables, Math.min(RULE_COST_MAX, Math.max(0, run.left)));
  run.left -= outcome.cost;
  if (!outcome.ok || typeof outcome.value !== 'string') return undefined;
  const text = outcome.value.trim();
  return text === '' || text.includes('\n') || new TextEncoder().encode(text).length > MESSAGE_MAX_BYTES ? undefined : text;
}
