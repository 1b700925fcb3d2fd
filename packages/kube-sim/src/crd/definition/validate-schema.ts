import type { JsonSchema } from '@vfleet/core';
import { Cursor } from '../../builtin/validation/cursor.ts';
import { compileRules } from '../../cel/compiled-rules.ts';
import { messageProblem, oldSelfProblems, ruleFormProblems, ruleProblem } from '../../cel/rule-definitions.ts';
import { rulesOf } from '../../cel/rule.ts';
import { invalid } from '../../errors/field-error.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { compileSchema } from '../../schema/structural.ts';
import type { SchemaNode } from '../../schema/structural.ts';
import { isObject } from '../../values/json.ts';
import { shownSchema } from './internal-spec.ts';
import { checkRootWithStatus, checkSchemaHead, checkSchemaTail } from './openapi-form.ts';
import type { SchemaPlace } from './openapi-form.ts';
import { childCardinality, RuleCosts } from './rule-costs.ts';
import type { Cardinality } from './rule-costs.ts';
import { defaultProblems } from './schema-defaults.ts';
import { structuralProblems, unsupportedField } from './structural-form.ts';

const RESOURCE_FIELDS: readonly string[] = ['metadata', 'kind', 'apiVersion'];

/** All that is wrong with the schema of a version, or of all versions (apiextensions-apiserver pkg/apis/apiextensions/validation). */
export function schemaProblems(schema: unknown, path: string, hasStatus: boolean): readonly FieldError[] {
  const errors: FieldError[] = [];
  const root = new Cursor(schema, path, errors);
  if (hasStatus && isObject(schema)) checkRootWithStatus(root, shownSchema(schema));
  if (root.at('nullable').value === true) root.at('nullable').forbidden('nullable cannot be true at the root');
  const unsupported = unsupportedField(schema);
  let node: SchemaNode | undefined;
  if (unsupported === undefined) {
    const structural = structuralProblems(schema, path);
    const compiled = structural.length > 0 ? undefined : compileSchema(schema as JsonSchema);
    const defaults = compiled === undefined ? [] : defaultProblems(compiled, path);
    errors.push(...structural, ...defaults);
    if (defaults.length === 0) node = compiled;
  }
  const walk = new SchemaWalk();
  walk.visit(root, node, { isRoot: true, noDefaultsReason: undefined, isInMetadata: false, uncorrelatable: undefined, cardinality: 1 });
  errors.push(...walk.schemaErrors, ...walk.ruleErrors);
  if (errors.length === 0 && unsupported !== undefined) errors.push(invalid(path, '', unsupported));
  return [...errors, ...walk.costs.problems(path)];
}

interface Place extends SchemaPlace {
  /** The schema above whose values cannot be told apart after an update. */
  readonly uncorrelatable: string | undefined;
  /** How many values of this schema one object may hold; undefined when there is no limit. */
  readonly cardinality: Cardinality;
}

class SchemaWalk {
  readonly schemaErrors: FieldError[] = [];
  readonly ruleErrors: FieldError[] = [];
  readonly costs = new RuleCosts();

  /** `node` is absent where rules are not looked at: below allOf and its like, and in schemas that are wrong. */
  visit(said: Cursor, node: SchemaNode | undefined, place: Place): void {
    const before = this.schemaErrors.length;
    const schema = new Cursor(said.value, said.path, this.schemaErrors);
    checkSchemaHead(schema, place);
    this.#visitFields(schema, node, place);
    for (const name of ['not', 'allOf', 'oneOf', 'anyOf', 'definitions']) this.#visitNested(schema.at(name), place);
    const items = schema.at('items');
    const isKeyed = schema.at('x-kubernetes-list-type').text === 'map';
    if (isObject(items.value)) {
      this.visit(items, node?.items, { ...place, isRoot: false, uncorrelatable: isKeyed ? place.uncorrelatable : (place.uncorrelatable ?? schema.path), cardinality: childCardinality(place.cardinality, node) });
    }
    checkSchemaTail(schema);
    this.#checkRules(schema, node, place, before);
  }

  #visitFields(schema: Cursor, node: SchemaNode | undefined, place: Place): void {
    const below = { ...place, isRoot: false, cardinality: childCardinality(place.cardinality, node) };
    const additional = schema.at('additionalProperties');
    if (isObject(additional.value)) {
      this.visit(additional, typeof node?.additional === 'object' ? node.additional : undefined, { ...below, ...(place.isInMetadata && { noDefaultsReason: 'inside additionalProperties applying to object metadata' }) });
    }
    const isResource = place.isRoot || schema.at('x-kubernetes-embedded-resource').value === true;
    const isAtomic = schema.at('x-kubernetes-map-type').text === 'atomic';
    const properties = schema.at('properties');
    for (const name of Object.keys(properties.object)) {
      const isMeta = isResource && RESOURCE_FIELDS.includes(name);
      this.visit(properties.key(name), node?.properties.get(name), {
        ...below,
        uncorrelatable: isAtomic ? (place.uncorrelatable ?? schema.path) : place.uncorrelatable,
        ...(isMeta && { isInMetadata: true }),
        ...(isMeta && place.isRoot && { noDefaultsReason: `in top-level ${name}` }),
      });
    }
  }

  #visitNested(part: Cursor, place: Place): void {
    const below = { ...place, isRoot: false };
    if (Array.isArray(part.value)) for (const item of part.items) this.visit(item, undefined, below);
    else if (part.path.endsWith('.definitions')) for (const key of part.keys) this.visit(part.key(key), undefined, below);
    else if (part.isSet) this.visit(part, undefined, below);
  }

  #checkRules(schema: Cursor, node: SchemaNode | undefined, place: Place, before: number): void {
    const rules = rulesOf(schema.object);
    const at = (index: number) => `${schema.path}.x-kubernetes-validations[${index}]`;
    rules.forEach((rule, index) => this.schemaErrors.push(...ruleFormProblems(rule, node, at(index))));
    // Rules are not compiled against a schema that is wrong, as then every sentence about them would mislead.
    if (rules.length === 0 || node === undefined || this.schemaErrors.length > before) return;
    const isResource = place.isRoot || node.isEmbeddedResource;
    compileRules(node, node, isResource)?.rules.forEach((compiled, index) => {
      this.ruleErrors.push(
        ...this.costs.ruleProblems(compiled, node, isResource, place.cardinality, `${at(index)}.rule`), ...ruleProblem(compiled, at(index)), ...messageProblem(compiled, at(index)),
        ...this.costs.messageProblems(compiled, node, isResource, `${at(index)}.messageExpression`), ...oldSelfProblems(compiled, at(index), place.uncorrelatable),
      );
    });
  }
}
