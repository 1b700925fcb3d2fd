import type { SchemaNode } from '../schema/structural.ts';

export type FieldPath =
  | { readonly ok: true; /** As in a field error. */ readonly path: string; readonly schema: SchemaNode }
  | { readonly ok: false; /** What is wrong, as Go says it. */ readonly problem: string };

/**
 * A path of a rule or a selectable field, `.spec.parts['a.b']`, followed through a schema (apiextensions-apiserver
 * pkg/apiserver/schema/cel/validation.go, ValidFieldPath). Without `takesBrackets` only dots are allowed.
 */
export function fieldPathOf(text: string, schema: SchemaNode, takesBrackets = true): FieldPath {
  const tokens = tokensOf(text);
  let at: { readonly path: string; readonly schema: SchemaNode } = { path: '', schema };
  while (tokens.length > 0) {
    const delimiter = tokens.shift()!;
    if (delimiter !== '.' && delimiter !== '[') return wrong(`expected [ or . but got: ${delimiter}`);
    if (delimiter === '[' && !takesBrackets) return wrong('array notation is not allowed');
    const token = tokens.shift();
    if (token === undefined) return wrong('unexpected end of JSON path');
    const name = delimiter === '.' ? token : quotedName(token);
    if (typeof name !== 'string') return name;
    const next = step(at.path, at.schema, name);
    if (next === undefined) return wrong('does not refer to a valid field');
    at = next;
    if (delimiter === '.') continue;
    const closing = tokens.shift();
    if (closing === undefined) return wrong('unexpected end of JSON path');
    if (closing !== ']') return wrong(`expected ] but got ${closing}`);
  }
  return { ok: true, ...at };
}

/** A rule's fieldPath as the path of a field error; undefined when the schema has no such field. */
export function normalizedFieldPath(text: string, schema: SchemaNode): string | undefined {
  const found = fieldPathOf(text, schema);
  return found.ok ? found.path : undefined;
}

function wrong(problem: string): FieldPath {
  return { ok: false, problem };
}

/** Delimiters, quoted strings and the text between them. */
function tokensOf(text: string): string[] {
  return text.match(/'(?:[^\\']|\\.)*'|[.[\]]|[^.[\]']+|'.*$/g) ?? [];
}

function quotedName(token: string): string | FieldPath {
  if (token.length < 2 || !token.startsWith("'") || !token.endsWith("'")) return wrong(`expected single quoted string but got ${token}`);
  return unescaped(token.slice(1, -1)) ?? wrong('invalid string literal: invalid syntax');
}

function step(path: string, { properties, additional }: SchemaNode, name: string): { readonly path: string; readonly schema: SchemaNode } | undefined {
  if (properties.size > 0) {
    const schema = properties.get(name);
    return schema === undefined ? undefined : { path: path === '' ? name : `${path}.${name}`, schema };
  }
  return typeof additional === 'object' ? { path: `${path}[${name}]`, schema: additional } : undefined;
}

const ESCAPED: Readonly<Record<string, string>> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', "'": "'", '\\': '\\' };

function unescaped(text: string): string | undefined {
  let isValid = true;
  const plain = text.replace(/\\(.)/g, (_whole, letter: string) => {
    isValid &&= Object.hasOwn(ESCAPED, letter);
    return ESCAPED[letter] ?? '';
  });
  return isValid ? plain : undefined;
}
