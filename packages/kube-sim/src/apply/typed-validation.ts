import type { MergeSchema } from '../patch/merge-schema.ts';
import { goPrint, goSyntax } from '../values/go-print.ts';
import { isObject } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import { fieldSchema, itemElement, itemSchema, PathElementError } from './path-elements.ts';
import { pathText } from './field-set.ts';

/** Where a configuration does not fit its kind's schema (structured-merge-diff typed/validate.go); apply refuses it as a whole. */
export function typeProblems(configuration: JsonObject, schema: MergeSchema): readonly string[] {
  const problems: string[] = [];
  check(configuration, schema, '', problems);
  return problems;
}

function check(value: unknown, schema: MergeSchema, path: string, problems: string[]): void {
  if (value === null || value === undefined) return;
  const problem = mismatch(value, schema);
  if (problem !== undefined) {
    problems.push(path === '' ? problem : `${path}: ${problem}`);
    return;
  }
  if (Array.isArray(value)) checkItems(value, schema, path, problems);
  else if (isObject(value)) checkFields(value, schema, path, problems);
}

function mismatch(value: unknown, schema: MergeSchema): string | undefined {
  switch (schema.type) {
    case 'object':
    case 'map': return isObject(value) ? undefined : `expected map, got &{${goPrint(value)}}`;
    case 'list': return Array.isArray(value) ? undefined : `expected list, got &{${goPrint(value)}}`;
    case 'string': return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'numeric': return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case 'boolean': return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goPrint(value)}}`;
    case 'scalar': return Array.isArray(value) || isObject(value) ? 'expected any scalar' : undefined;
    case 'unknown': return undefined;
  }
}

function goType(value: unknown): string {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}

function checkFields(value: JsonObject, schema: MergeSchema, path: string, problems: string[]): void {
  for (const [key, inner] of Object.entries(value)) {
    const where = `${path}.${key}`;
    if (schema.type === 'object' && schema.items === undefined && schema.field(key) === undefined) problems.push(`${where}: field not declared in schema`);
    else check(inner, fieldSchema(schema, key), where, problems);
  }
}

function checkItems(items: readonly unknown[], schema: MergeSchema, path: string, problems: string[]): void {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    let where = `${path}[${index}]`;
    if (schema.listType === 'map' || schema.listType === 'set') {
      try {
        const element = itemElement(item, schema);
        if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${pathText([element])}`);
        seen.add(element);
        where = `${path}${pathText([element])}`;
      } catch (error) {
        if (!(error instanceof PathElementError)) throw error;
        problems.push(`${path}: element ${index}: ${error.message}`);
        return;
      }
    }
    check(item, itemSchema(schema), where, problems);
  });
}
