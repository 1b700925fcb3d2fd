import type { JsonSchema, Schema } from './schema.ts';

/** Where a value does not have the shape that a schema asks for. */
export interface SchemaProblem {
  /** `spec.nicSelector.pfNames[2]`, or the empty text for the value as a whole. */
  readonly path: string;
  /** `must be an integer`. */
  readonly cause: string;
}

/**
 * Whether `value` is of the schema's type. An API server has checked what it stores; this is for what arrives from elsewhere, such as
 * requests to an admission webhook. Unknown fields are let pass, as pruning is the API server's matter.
 */
export function conforms<Type>(schema: Schema<Type>, value: unknown): value is Type {
  return schemaProblem(schema.json, value) === undefined;
}

/** The first problem in the order of the schema; undefined when there is none. */
export function schemaProblem(schema: JsonSchema, value: unknown, path = ''): SchemaProblem | undefined {
  if (value === null && schema.nullable === true) return undefined;
  if (schema['x-kubernetes-int-or-string'] === true) return Number.isInteger(value) || typeof value === 'string' ? undefined : { path, cause: 'must be an integer or a string' };
  if (schema.type !== undefined && !isOfType(schema.type, value)) return { path, cause: `must be ${ARTICLES[schema.type]}` };
  if (schema.enum !== undefined && !schema.enum.includes(value)) return { path, cause: `must be one of ${schema.enum.map((one) => JSON.stringify(one)).join(', ')}` };
  if (typeof value === 'number') return numberProblem(schema, value, path);
  if (typeof value === 'string') return textProblem(schema, value, path);
  if (Array.isArray(value)) return listProblem(schema, value, path);
  return isFields(value) ? fieldsProblem(schema, value, path) : undefined;
}

const ARTICLES: Readonly<Record<NonNullable<JsonSchema['type']>, string>> = {
  object: 'an object', array: 'a list', string: 'a string', integer: 'an integer', number: 'a number', boolean: 'true or false',
};

function isOfType(type: NonNullable<JsonSchema['type']>, value: unknown): boolean {
  switch (type) {
    case 'object': return isFields(value);
    case 'array': return Array.isArray(value);
    case 'integer': return Number.isSafeInteger(value);
    default: return typeof value === type;
  }
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberProblem({ minimum, maximum }: JsonSchema, value: number, path: string): SchemaProblem | undefined {
  if (minimum !== undefined && value < minimum) return { path, cause: `must be ${minimum} or more` };
  if (maximum !== undefined && value > maximum) return { path, cause: `must be ${maximum} or less` };
  return undefined;
}

function textProblem({ minLength, maxLength, pattern }: JsonSchema, value: string, path: string): SchemaProblem | undefined {
  if (minLength !== undefined && value.length < minLength) return { path, cause: `must have ${minLength} or more characters` };
  if (maxLength !== undefined && value.length > maxLength) return { path, cause: `must have ${maxLength} or fewer characters` };
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) return { path, cause: `must match ${pattern}` };
  return undefined;
}

function listProblem({ minItems, maxItems, items }: JsonSchema, value: readonly unknown[], path: string): SchemaProblem | undefined {
  if (minItems !== undefined && value.length < minItems) return { path, cause: `must have ${minItems} or more entries` };
  if (maxItems !== undefined && value.length > maxItems) return { path, cause: `must have ${maxItems} or fewer entries` };
  if (items === undefined) return undefined;
  for (const [index, item] of value.entries()) {
    const problem = schemaProblem(items, item, `${path}[${index}]`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function fieldsProblem({ properties = {}, additionalProperties, required = [] }: JsonSchema, value: Readonly<Record<string, unknown>>, path: string): SchemaProblem | undefined {
  const at = (name: string) => (path === '' ? name : `${path}.${name}`);
  for (const name of required) if (!Object.hasOwn(value, name)) return { path: at(name), cause: 'is required' };
  for (const [name, field] of Object.entries(value)) {
    const schema = Object.hasOwn(properties, name) ? properties[name] : typeof additionalProperties === 'object' ? additionalProperties : undefined;
    const problem = schema === undefined ? undefined : schemaProblem(schema, field, at(name));
    if (problem !== undefined) return problem;
  }
  return undefined;
}
