import type { JsonSchema } from '@vfleet/core';
import { problem } from './problem.ts';
import type { FleetProblem } from './problem.ts';
import { didYouMean } from './suggest.ts';

/** More than this many problems are of no use to a reader. */
export const PROBLEMS_MAX = 50;

/** Checks plain data against a schema: types, ranges, patterns, required and unknown fields. Stops at {@link PROBLEMS_MAX}. */
export function checkShape(schema: JsonSchema, value: unknown, path: string, problems: FleetProblem[]): void {
  if (problems.length >= PROBLEMS_MAX) return;
  switch (schema.type) {
    case 'object':
      return checkObject(schema, value, path, problems);
    case 'array':
      return checkArray(schema, value, path, problems);
    case 'string':
      return checkString(schema, value, path, problems);
    case 'integer':
      return checkInteger(schema, value, path, problems);
    case 'boolean':
      if (typeof value !== 'boolean') problems.push(problem(path, `${show(value)} is no boolean`, 'write true or false'));
      return;
    default:
      throw new TypeError(`fleet files have no fields of type ${schema.type}`);
  }
}

function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function checkObject(schema: JsonSchema, value: unknown, path: string, problems: FleetProblem[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(problem(path || '(file)', `${show(value)} is no map`, `write fields: ${Object.keys(schema.properties ?? {}).join(', ')}`));
    return;
  }
  const entries = Object.entries(value);
  const known = schema.properties ?? {};
  for (const [key, inner] of entries) {
    // A field may have no name at all.
    const name = key === '' ? '""' : key;
    const at = path === '' ? name : `${path}.${name}`;
    const additional = schema.additionalProperties;
    if (Object.hasOwn(known, key)) checkShape(known[key]!, inner, at, problems);
    else if (typeof additional === 'object') checkShape(additional, inner, at, problems);
    else problems.push(unknownField(key, Object.keys(known), at));
    if (problems.length >= PROBLEMS_MAX) return;
  }
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(value, key)) problems.push(problem(path === '' ? key : `${path}.${key}`, 'is missing', known[key]?.description ?? 'add it'));
  }
}

function unknownField(key: string, known: readonly string[], path: string): FleetProblem {
  const near = didYouMean(key, known);
  return problem(path, 'is no field here', near === undefined ? `allowed: ${known.join(', ')}` : `did you mean ${near}?`);
}

function checkArray(schema: JsonSchema, value: unknown, path: string, problems: FleetProblem[]): void {
  if (!Array.isArray(value)) {
    problems.push(problem(path, `${show(value)} is no list`, 'write a list'));
    return;
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    problems.push(problem(path, `has ${value.length} items`, `${schema.maxItems} at most`));
    return;
  }
  for (let index = 0; index < value.length && problems.length < PROBLEMS_MAX; index++) checkShape(schema.items!, value[index], `${path}[${index}]`, problems);
}

function checkString(schema: JsonSchema, value: unknown, path: string, problems: FleetProblem[]): void {
  if (typeof value !== 'string') {
    const quoted = typeof value === 'number' || typeof value === 'boolean' ? `write it in quotes: "${value}"` : 'write text';
    problems.push(problem(path, `${show(value)} is no text`, quoted));
  } else if (schema.enum !== undefined && !schema.enum.includes(value)) {
    problems.push(problem(path, `${show(value)} is not allowed`, `one of ${schema.enum.join(', ')}`));
  } else if (schema.maxLength !== undefined && value.length > schema.maxLength) {
    problems.push(problem(path, `has ${value.length} characters`, `${schema.maxLength} at most`));
  } else if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)) {
    problems.push(problem(path, `${show(value)} has not the right form`, schema.description ?? `must match ${schema.pattern}`));
  }
}

function checkInteger(schema: JsonSchema, value: unknown, path: string, problems: FleetProblem[]): void {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    problems.push(problem(path, `${show(value)} is no whole number`, `write a number from ${schema.minimum} to ${schema.maximum}`));
  } else if (value < schema.minimum! || value > schema.maximum!) {
    problems.push(problem(path, `${value} is out of range`, `${schema.minimum} to ${schema.maximum}`));
  }
}
