// Goal: the reference names what a module exports, wherever it is declared, and nothing else. Method: small declaration files in memory, with
// every way to export that TypeScript has; then the packages' own entry points against what they export at run time.
import * as core from '@vfleet/core';
import { describe, expect, test } from 'vitest';
import { apiReference, markdown, signature } from './api-reference.ts';
import { Declarations } from './declarations.ts';

function exportsOf(files: Readonly<Record<string, string>>) {
  const declarations = new Declarations((path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`there is no ${path}`);
    return text;
  });
  return declarations.exportsOf('index.d.ts');
}

describe('declarations', () => {
  test('with their docstrings, private names left out', () => {
    expect(exportsOf({
      'index.d.ts': `interface Hidden {}\n/** Does it.\n *\n * Throws. */\nexport declare function a(): Hidden;\nexport declare function a(b: string): Hidden;\n/** Of another. */\n\nexport declare const c: 1, d: 2;\nexport {};`,
    })).toEqual([
      { name: 'a', declarations: ['function a(): Hidden;', 'function a(b: string): Hidden;'], doc: 'Does it.\n\nThrows.' },
      { name: 'c', declarations: ['const c: 1, d: 2;'], doc: 'Of another.' },
      { name: 'd', declarations: ['const c: 1, d: 2;'], doc: 'Of another.' },
    ]);
  });

  test('through every way of exporting what another module declares', () => {
    const names = exportsOf({
      'index.d.ts': "export * from './all.ts';\nexport * as space from './all.js';\nexport { one as renamed } from './some.ts';\nexport type { Two } from './some.ts';\nimport { three } from './some.ts';\nimport * as some from './some.ts';\nexport { three, some };",
      'all.d.ts': "export * from './deeper/more.ts';\nexport interface All {}\nexport * from './index.ts';",
      'deeper/more.d.ts': "export type More = import('../some.ts').Two;",
      'some.d.ts': 'declare const one: 1;\ninterface Two {}\ndeclare class three {}\nexport { one, type Two, three };',
    });
    expect(names.map(({ name, declarations }) => [name, ...declarations])).toEqual([
      ['All', 'interface All {}'], ['More', "type More = import('../some.ts').Two;"], ['Two', 'interface Two {}'], ['renamed', 'const one: 1;'],
      ['some', 'namespace some { Two, one, three }'],
      ['space', 'namespace space { All, More, Two, renamed, some, space, three }'], ['three', 'class three {}'],
    ]);
  });

  test.each([
    ['no such module', "export * from './gone.ts';", 'there is no gone.d.ts'],
    ['no such name', "export { gone } from './empty.ts';", 'empty.d.ts exports no gone'],
    ['a name that is not declared', 'export { gone };', 'index.d.ts'],
    ['no TypeScript', 'export declare function (', 'index.d.ts'],
  ])('%s is said', (_what, text, says) => {
    expect(() => exportsOf({ 'index.d.ts': text, 'empty.d.ts': 'export {};' })).toThrow(says);
  });
});

describe('text', () => {
  test('private members are left out, links become names', () => {
    expect(signature('class A {\n    #private;\n    private readonly b;\n    c: {\n        d: 1;\n    };\n}')).toBe('class A {\n  c: {\n    d: 1;\n  };\n}');
    expect(markdown('See {@link Clock.now}, a Result<A> as `Result<A>`.')).toBe('See `Clock.now`, a Result&lt;A> as `Result<A>`.');
  });

  test('every value that the core exports has its section, and every section is fenced', () => {
    const text = apiReference.outputs().get('docs/reference/api/core.md')!;
    const sections = new Set([...text.matchAll(/^### (\S+)$/gm)].map((match) => match[1]));
    expect(Object.keys(core).filter((name) => !sections.has(name))).toEqual([]);
    expect(text.split('```')).toHaveLength(2 * text.split('\n### ').length - 1);
  });
});
