// Goal: words that are not understood, files that are broken and clusters that are not there get a sentence and a status, never a
// stack trace. Method: run command lines in process with captured streams.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CliFailure } from '../src/failure.ts';
import { parseDocuments, readManifests } from '../src/manifests.ts';
import { buildProgram, run } from '../src/program.ts';
import { completionNodes, completionScript } from '../src/verbs/completion/scripts.ts';

async function vfleet(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  let out = '';
  let err = '';
  const status = await run(words, { environment, terminal: { out: (text) => (out += text), err: (text) => (err += text), colours: false } });
  return { status, out, err };
}

describe('command line', () => {
  test('help teaches, on out, with status 0', async () => {
    const help = await vfleet(['--help']);
    expect(help.status).toBe(0);
    expect(help.out).toContain('vfleet up');
    for (const verb of ['up', 'get', 'describe', 'completion']) expect((await vfleet([verb, '--help'])).out).toMatch(/Usage: vfleet/);
  });

  test.each([
    [['nonsense'], /unknown command/],
    [['get', 'nonsense'], /Allowed choices/],
    [['get', '-o', 'xml'], /Allowed choices/],
    [['up', '--nodes', '-3'], /whole number/],
    [['up', '--port', '70000'], /whole number/],
    [['describe', 'node'], /missing required argument/],
  ])('%j is refused with status 2', async (words, says) => {
    const { status, err } = await vfleet(words);
    expect(status).toBe(2);
    expect(err).toMatch(says);
  });

  test('no cluster: says where it looked and what to do', async () => {
    const { status, err } = await vfleet(['get', '--kubeconfig', '/nonexistent/kubeconfig']);
    expect(status).toBe(1);
    expect(err).toContain('/nonexistent/kubeconfig');
    expect(err).toContain('vfleet up');
  });
});

describe('manifests', () => {
  test('several documents, lists, comments', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'vfleet-test-')), 'm.yaml');
    writeFileSync(path, '# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n');
    expect(readManifests(path).map((object) => object.metadata.name)).toEqual(['a', 'b']);
  });

  test.each([
    ['a: [1, 2', /file\.yaml:1:\d+/],
    ['a: 1\n\tb: 2\n', /file\.yaml:2/],
    [`a: &a [x, x]\n${'bcdefghij'.split('').map((name, index) => `${name}: &${name} [${`*${index === 0 ? 'a' : 'bcdefghij'[index - 1]},`.repeat(9)}]`).join('\n')}\n`, /alias/i],
  ])('broken YAML %#: a sentence with the place', (text, says) => {
    expect(() => parseDocuments(text, 'file.yaml')).toThrow(CliFailure);
    expect(() => parseDocuments(text, 'file.yaml')).toThrow(says);
  });
});

describe('completion', () => {
  const program = buildProgram({ environment: {}, terminal: { out() {}, err() {}, colours: false } }, () => {});

  test('knows every command, option and choice', () => {
    const nodes = new Map(completionNodes(program).map(({ path, words }) => [path, words]));
    expect(nodes.get('vfleet')).toEqual(expect.arrayContaining(['up', 'get', 'describe', 'completion', '--help']));
    expect(nodes.get('vfleet get')).toEqual(expect.arrayContaining(['pods', '--output', '-o']));
    expect(nodes.get('vfleet up')).toEqual(expect.arrayContaining(['--nodes', '--fleet', '--port', '--no-demo', '--exit']));
  });

  test.each(['bash', 'zsh', 'fish'] as const)('a script for %s', (shell) => {
    expect(completionScript(shell, program)).toContain('describe');
  });

  test.each([
    [['get', 'p'], 'pfs pods'],
    [['get', '-o', ''], 'table wide json yaml'],
    [['get', '--output', 'json', 'p'], 'pfs pods'],
    [['describe', 'node', 'node-a', '-o', 'y'], 'yaml'],
    [['up', '--nodes', '3', '--e'], '--exit'],
    [['up', '--fleet', '/etc/host'], '/etc/host'],
  ])('bash completes %j with %j', (words, expected) => {
    const script = `${completionScript('bash', program)}\nCOMP_WORDS=(vfleet "$@")\nCOMP_CWORD=$#\n_vfleet\necho "\${COMPREPLY[*]}"\n`;
    const bash = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], { encoding: 'utf8' });
    if (bash.error === undefined) expect(bash.stdout.trim()).toContain(expected);
  });
});
