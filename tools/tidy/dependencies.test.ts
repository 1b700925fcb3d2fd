// Goal: a package installs exactly what it imports. Method: imports of all sources against the manifests; the rule is also shown packages
// that break it.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ListedDependencies } from './dependencies.ts';
import { dependencyMistakes } from './dependencies.ts';
import { sourceFiles } from './source.ts';
import type { SourceFile } from './source.ts';

const root = join(import.meta.dirname, '../..');

function importing(...specifiers: readonly string[]): SourceFile {
  return { path: 'packages/a/src/a.ts', text: '', code: '', imports: specifiers.map((specifier) => ({ specifier, typeOnly: true, line: 1 })) };
}

test.each<readonly [string, readonly string[], Record<string, string>, readonly string[]]>([
  ['what is listed and imported', ['./b.ts', 'node:fs', 'yaml', '@a/b/c/d.js'], { yaml: '1.2.3', '@a/b': '1.2.3-rc.1' }, []],
  ['what is not listed', ['yaml/util'], {}, ['a imports yaml without listing it']],
  ['what is not imported', ['./yaml'], { yaml: '1.2.3' }, ['a lists yaml without importing it']],
  ['a range', ['yaml'], { yaml: '^1.2.3' }, ['a lists yaml ^1.2.3, which is no exact version']],
  ['a name of Object.prototype', ['constructor'], {}, ['a imports constructor without listing it']],
])('%s', (_what, specifiers, dependencies, mistakes) => {
  expect(dependencyMistakes([importing(...specifiers)], [{ folder: 'a', dependencies }])).toEqual(mistakes);
});

test('every package lists exactly what it imports', () => {
  const packages = readdirSync(join(root, 'packages')).map((folder): ListedDependencies => {
    const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as { readonly dependencies?: Record<string, string> };
    return { folder, dependencies };
  });
  expect(dependencyMistakes(sourceFiles(root, ['packages']), packages)).toEqual([]);
});
