import type { SchemaNode } from '../schema/structural.ts';

/**
 * A rule's fieldPath, `.spec.parts['a.b']`, as the path of a field error; undefined when the schema has no such field
 * (apiextensions-apiserver pkg/apiserver/schema/cel/validation.go, ValidFieldPath).
 */
export function normalizedFieldPath(text: string, schema: SchemaNode): string | undefined {
  let path = '';
  let at: SchemaNode | undefined = schema;
  let rest = text;
  while (rest !== '') {
    const step = /^\.([^.[\]]+)|^\['((?:[^'\\]|\\.)*)'\]/.exec(rest);
    if (step === null || at === undefined) return undefined;
    rest = rest.slice(step[0].length);
    const name = step[1] ?? unescaped(step[2]!);
    if (name === undefined) return undefined;
    if (at.properties.size > 0) {
      path = path === '' ? name : `${path}.${name}`;
      at = at.properties.get(name);
      if (at === undefined) return undefined;
    } else if (typeof at.additional === 'object') {
      path = `${path}[${name}]`;
      at = at.additional;
    } else return undefined;
  }
  return path;
}

const ESCAPED: Readonly<Record<string, string>> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', "'": "'", '\\': '\\' };

function unescaped(text: string): string | undefined {
  let isValid = true;
  const plain = text.replace(/\\(.)/g, (_whole, letter: string) => {
    isValid &&= letter in ESCAPED;
    return ESCAPED[letter] ?? '';
  });
  return isValid ? plain : undefined;
}
