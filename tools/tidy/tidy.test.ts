// Goal: the code keeps to ARCHITECTURE.md and STYLE.md. Method: read every source file as text and apply the rules; each rule
// is also shown a file that breaks it, so that a rule that finds nothing is known to look.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as rules from './rules.ts';
import type { Finding } from './rules.ts';
import { blank, sourceFiles } from './source.ts';
import type { SourceFile } from './source.ts';

const root = join(import.meta.dirname, '../..');
const files = sourceFiles(root, ['packages', 'tools', 'test']);

/** Not waited for in place: a time limit can only end what lets go of the thread. */
function run(program: string, ...words: readonly string[]): Promise<{ readonly status: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, program), ...words], { cwd: root });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, said }));
  });
}

function print(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ path, line, says }) => `${path}:${line} ${says}`);
}

function file(path: string, text: string): SourceFile {
  const imports = [...text.matchAll(/from '([^']+)'/g)].map((match) => ({ specifier: match[1]!, typeOnly: false, line: 1 }));
  return { path, text, code: blank(text), imports };
}

const table: readonly (readonly [string, (files: readonly SourceFile[]) => readonly Finding[], SourceFile])[] = [
  ['imports go downwards only', rules.importDirections, file('packages/core/src/a.ts', "import { x } from '@vfleet/kube';")],
  ['no relative import leaves a package', rules.importDirections, file('packages/kube/src/a.ts', "import { x } from '../../core/src/index.ts';")],
  ['logic never imports its edge', rules.edgesFromOutside, file('packages/controllers/src/cni/a.ts', "import { x } from './edge/socket.ts';")],
  ['time, chance, files and the environment come through ports', rules.worldInLogic, file('packages/controllers/src/a.ts', 'const at = Date.now();')],
  ['no module of Node that touches the world in logic', rules.worldInLogic, file('packages/core/src/a.ts', "import { readFileSync } from 'node:fs';")],
  ['no check is silenced', rules.silencedChecks, file('packages/core/src/a.ts', 'const a = b as any;')],
  ['no mutable state of a module', rules.moduleState, file('packages/core/src/a.ts', 'let counter = 0;')],
  ['port classes are documented', rules.exportsDocumented, file('packages/core/src/ports/a.ts', 'export class A {}')],
];

describe('tidy', () => {
  test.each(table)('%s', (_name, rule, offender) => {
    expect(print(rule([offender]))).toHaveLength(1);
    expect(print(rule(files))).toEqual([]);
  });

  test('the stripper blanks comments and strings, and keeps code in templates', () => {
    expect(blank("a('x') // c\n`t${d(1)}u` + /'/.test(e)")).toBe("a(' ')     \n` ${d(1)} ` + /'/.test(e)");
  });

  test('every package is on the map', () => {
    expect(Object.keys(rules.MAY_IMPORT)).toEqual(expect.arrayContaining(readdirSync(join(root, 'packages')).filter((name) => existsSync(join(root, 'packages', name, 'package.json')))));
  });

  test('types check', { timeout: 1_200_000 }, async () => {
    expect((await run('node_modules/typescript/bin/tsc', '-p', root, '--pretty', 'false')).said).toBe('');
  });

  test('lint finds nothing', async () => {
    const { status, said } = await run('node_modules/oxlint/bin/oxlint', '--deny-warnings', 'packages', 'tools', 'test');
    expect(status, said).toBe(0);
  });
});
