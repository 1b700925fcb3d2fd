import { celHost } from '../../cel/environment.ts';
import type { Environment } from '../../cel/library.ts';
import { once } from '../../values/once.ts';
import { compileProgram } from '../../cel/program.ts';
import type { FieldsOf, Program } from '../../cel/program.ts';
import { SchemaTypes } from '../../cel/schema-types.ts';
import type { ValueType } from '../../cel/schema-types.ts';
import { compileSchema } from '../../schema/structural.ts';
import type { JsonObject } from '../../values/json.ts';

export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

export type CompiledCondition =
  | { readonly condition: MatchCondition; readonly program: Program; readonly error?: undefined }
  | { readonly condition: MatchCondition; readonly error: string };

/** All conditions of one webhook together may cost so much (apiserver pkg/apis/cel/config.go). */
const COST_MAX = 2_500_000;

/** Lazily, as most servers have no webhooks: the variables object, oldObject and request (apiserver pkg/admission/plugin/cel/compile.go). */
const conditionHost = once((): { readonly environment: Environment; readonly fields: FieldsOf; readonly request: ValueType } => {
  const host = celHost();
  const environment = host.newEnvironment();
  const types = new SchemaTypes(environment, host);
  const text = { type: 'string' } as const;
  const kind = { type: 'object', properties: { group: text, version: text, kind: text } } as const;
  const resource = { type: 'object', properties: { group: text, version: text, resource: text } } as const;
  const request = types.typeOf(compileSchema({
    type: 'object',
    properties: {
      kind, resource, subResource: text, requestKind: kind, requestResource: resource, requestSubResource: text, name: text, namespace: text, operation: text, dryRun: { type: 'boolean' },
      userInfo: { type: 'object', properties: { username: text, uid: text, groups: { type: 'array', items: text }, extra: { type: 'object', additionalProperties: { type: 'array', items: text } } } },
    },
  }), false)!;
  environment.registerVariable('object', 'dyn').registerVariable('oldObject', 'dyn').registerVariable('request', request.name);
  return { environment, fields: types.fields, request };
});

export function compileConditions(conditions: readonly MatchCondition[]): readonly CompiledCondition[] {
  if (conditions.length === 0) return [];
  const { environment, fields } = conditionHost();
  return conditions.map((condition) => {
    const compiled = compileProgram(environment, condition.expression, fields);
    if (!compiled.ok) return { condition, error: `compilation failed: ${compiled.error}` };
    const { outputType } = compiled.program;
    if (outputType !== 'bool') return { condition, error: `must evaluate to bool${outputType === 'dyn' ? '' : ` but got ${outputType}`}` };
    return { condition, program: compiled.program };
  });
}

/** What conditions are asked about: an AdmissionRequest with its objects apart. */
export interface ConditionInput {
  readonly request: JsonObject;
  readonly object: unknown;
  readonly oldObject: unknown;
}

export type Match = { readonly matches: boolean; readonly errors?: undefined } | { readonly errors: readonly string[] };

/** False as soon as one condition is; errors only count when none is. */
export function evaluateConditions(conditions: readonly CompiledCondition[], input: ConditionInput): Match {
  const variables = { object: dynamic(input.object), oldObject: dynamic(input.oldObject), request: conditionHost().request.toCel(input.request) };
  const errors: string[] = [];
  let left = COST_MAX;
  for (const compiled of conditions) {
    const { condition: { expression } } = compiled;
    if (compiled.error !== undefined) {
      errors.push(compiled.error);
      continue;
    }
    const outcome = compiled.program.evaluate(variables, left);
    left -= outcome.cost;
    if (!outcome.ok) errors.push(`expression '${expression}' resulted in error: ${outcome.error}`);
    else if (outcome.value === false) return { matches: false };
  }
  return errors.length > 0 ? { errors } : { matches: true };
}

/** JSON as CEL's dynamic values: whole numbers are ints, objects are maps. */
function dynamic(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(dynamic);
  if (typeof value === 'object' && value !== null) return new Map(Object.entries(value).map(([key, item]) => [key, dynamic(item)]));
  return value ?? null;
}
