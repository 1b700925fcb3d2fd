import { duplicate, goJson, invalid, notSupported, required, tooLong, tooMany, typeInvalid } from '../errors/field-error.ts';
import type { FieldError } from '../errors/field-error.ts';
import { equalJson, getOwn, isObject, LONG } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import { hasFormat } from './formats.ts';
import type { SchemaNode } from './structural.ts';

/**
 * What a value does against a schema, in the words of the API server (kube-openapi pkg/validation and the conversion of its
 * results in apiextensions-apiserver pkg/apiserver/validation). Paths look like `spec.list[0].name`.
 */
export function validateValue(value: unknown, node: SchemaNode, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  check(value, node, path, errors);
  return errors;
}

function check(value: unknown, node: SchemaNode, path: string, errors: FieldError[]): void {
  if (value === null && node.isNullable) {
    checkEnum(value, node, path, errors);
    return;
  }
  checkType(value, node, path, errors);
  checkCombinations(value, node, path, errors);
  if (typeof value === 'string') checkString(value, node, path, errors);
  else if (typeof value === 'number') checkNumber(value, node, path, errors);
  else if (Array.isArray(value)) checkArray(value, node, path, errors);
  checkEnum(value, node, path, errors);
  if (isObject(value)) checkObject(value, node, path, errors);
}

function checkType(value: unknown, node: SchemaNode, path: string, errors: FieldError[]): void {
  const actual = jsonTypeOf(value);
  const { type } = node;
  if (type === undefined || type === actual || (type === 'number' && actual === 'integer')) return;
  if (type === 'intOrString' && (actual === 'integer' || actual === 'string')) return;
  errors.push(typeInvalid(path, actual, `${path} in body must be of type ${type === 'intOrString' ? 'integer,string' : type}: "${actual}"`));
}

const INTEGER_MAX = 2 ** 63;

function jsonTypeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  // Integers of more than 64 bits are floating point numbers to Go.
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) <= INTEGER_MAX ? 'integer' : 'number';
  return typeof value;
}

/** Of length and pattern only the first fault is said. */
function checkString(value: string, { schema, pattern }: SchemaNode, path: string, errors: FieldError[]): void {
  const length = schema.maxLength === undefined && schema.minLength === undefined ? 0 : codePoints(value);
  if (schema.maxLength !== undefined && length > schema.maxLength) errors.push(tooLong(path, schema.maxLength));
  else if (schema.minLength !== undefined && length < schema.minLength) errors.push(invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`));
  else if (pattern !== undefined && !pattern.test(value)) errors.push(invalid(path, value, `${path} in body should match '${schema.pattern}'`));
  if (schema.format !== undefined && !hasFormat(value, schema.format)) errors.push(typeInvalid(path, value, `${path} in body must be of type ${schema.format}: "${value}"`));
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

type NumberSchema = SchemaNode['schema'] & { readonly exclusiveMinimum?: boolean; readonly exclusiveMaximum?: boolean; readonly multipleOf?: number };

function checkNumber(value: number, node: SchemaNode, path: string, errors: FieldError[]): void {
  const schema: NumberSchema = node.schema;
  if (schema.multipleOf !== undefined && !Number.isInteger(value / schema.multipleOf)) errors.push(invalid(path, value, `${path} in body should be a multiple of ${schema.multipleOf}`));
  if (schema.minimum !== undefined) {
    if (schema.exclusiveMinimum === true ? value <= schema.minimum : value < schema.minimum) {
      errors.push(invalid(path, value, `${path} in body should be greater than ${schema.exclusiveMinimum === true ? '' : 'or equal to '}${schema.minimum}`));
    }
  }
  if (schema.maximum !== undefined) {
    if (schema.exclusiveMaximum === true ? value >= schema.maximum : value > schema.maximum) {
      errors.push(invalid(path, value, `${path} in body should be less than ${schema.exclusiveMaximum === true ? '' : 'or equal to '}${schema.maximum}`));
    }
  }
}

function checkArray(value: readonly unknown[], node: SchemaNode, path: string, errors: FieldError[]): void {
  const { schema, items, known: { valid } } = node;
  if (valid.has(value)) return;
  const before = errors.length;
  if (schema.minItems !== undefined && value.length < schema.minItems) errors.push(invalid(path, value.length, `${path} in body should have at least ${schema.minItems} items`));
  if (schema.maxItems !== undefined && value.length > schema.maxItems) errors.push(tooMany(path, value.length, schema.maxItems));
  if (items !== undefined) for (let index = 0; index < value.length; index++) check(value[index], items, `${path}[${index}]`, errors);
  if (errors.length === before && value.length >= LONG && Object.isFrozen(value)) valid.add(value);
}

function checkObject(value: JsonObject, node: SchemaNode, path: string, errors: FieldError[]): void {
  const { schema, properties, additional } = node;
  const keys = Object.keys(value);
  const { minProperties, maxProperties } = schema as { readonly minProperties?: number; readonly maxProperties?: number };
  if (minProperties !== undefined && keys.length < minProperties) errors.push(invalid(path, keys.length, `${path} in body should have at least ${minProperties} properties`));
  if (maxProperties !== undefined && keys.length > maxProperties) errors.push(tooMany(path, keys.length, maxProperties));
  const below = (key: string) => (path === '' ? key : `${path}.${key}`);
  for (const key of node.required) if (getOwn(value, key) === undefined) errors.push(required(below(key)));
  for (const key of keys) {
    const property = properties.get(key) ?? (typeof additional === 'object' ? additional : undefined);
    if (property !== undefined) check(value[key], property, below(key), errors);
  }
}

function checkEnum(value: unknown, { schema }: SchemaNode, path: string, errors: FieldError[]): void {
  if (schema.enum === undefined || schema.enum.some((allowed) => equalJson(allowed, value))) return;
  errors.push(notSupported(path, value, schema.enum.map((allowed) => (typeof allowed === 'string' ? allowed : goJson(allowed)))));
}

function checkCombinations(value: unknown, node: SchemaNode, path: string, errors: FieldError[]): void {
  const combined = (sentence: string) => errors.push(invalid('', '', `"${path}" ${sentence}`));
  const outcomes = (alternatives: readonly SchemaNode[]) => alternatives.map((alternative) => validateValue(value, alternative, path));
  if (node.anyOf.length > 0) {
    const results = outcomes(node.anyOf);
    if (results.every((result) => result.length > 0)) {
      combined('must validate at least one schema (anyOf)');
      errors.push(...best(results));
    }
  }
  if (node.oneOf.length > 0) {
    const results = outcomes(node.oneOf);
    const valid = results.filter((result) => result.length === 0).length;
    if (valid === 0) {
      combined('must validate one and only one schema (oneOf). Found none valid');
      errors.push(...best(results));
    } else if (valid > 1) combined(`must validate one and only one schema (oneOf). Found ${valid} valid alternatives`);
  }
  if (node.allOf.length > 0) {
    const results = outcomes(node.allOf);
    const valid = results.filter((result) => result.length === 0).length;
    errors.push(...results.flat());
    if (valid < results.length) combined(`must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
  }
  if (node.not !== undefined && validateValue(value, node.not, path).length === 0) combined('must not validate the schema (not)');
}

/** The alternative that came closest: the one with the fewest faults, the first of equals. */
function best(results: readonly (readonly FieldError[])[]): readonly FieldError[] {
  return results.reduce((least, result) => (result.length < least.length ? result : least));
}

/** Lists marked as sets or maps hold nothing twice. */
export function validateListTypes(value: unknown, node: SchemaNode, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  checkLists(value, node, path, errors);
  return errors;
}

function checkLists(value: unknown, node: SchemaNode, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const { items, known: { distinct } } = node;
    if (distinct.has(value)) return;
    const before = errors.length;
    checkDuplicates(value, node, path, errors);
    if (items !== undefined) value.forEach((item, index) => checkLists(item, items, `${path}[${index}]`, errors));
    if (errors.length === before && value.length >= LONG && Object.isFrozen(value)) distinct.add(value);
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const property = node.properties.get(key) ?? (typeof node.additional === 'object' ? node.additional : undefined);
      if (property !== undefined) checkLists(value[key], property, path === '' ? key : `${path}.${key}`, errors);
    }
  }
}

function checkDuplicates(items: readonly unknown[], { schema }: SchemaNode, path: string, errors: FieldError[]): void {
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== 'set' && listType !== 'map') return;
  const seen = new Set<string>();
  items.forEach((item, index) => {
    const identity = listType === 'set' ? item : keysOf(item, schema['x-kubernetes-list-map-keys'] ?? []);
    const text = goJson(identity);
    if (seen.has(text)) errors.push(duplicate(`${path}[${index}]`, identity));
    seen.add(text);
  });
}

function keysOf(item: unknown, keys: readonly string[]): JsonObject {
  if (!isObject(item)) return {};
  return Object.fromEntries(keys.filter((key) => getOwn(item, key) !== undefined).map((key) => [key, item[key]]));
}
