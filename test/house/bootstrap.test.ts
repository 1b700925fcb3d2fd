// Goal: the two commands of the README do their own set-up, and an old Node gets one sentence before anything happens.
// Method: run tools/bootstrap.mjs as npm would, with a pretended version, in a folder that holds nothing else of the project.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly scripts: Record<string, string>; readonly optionalDependencies: Record<string, string> };

function emptyCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-bootstrap-'));
  mkdirSync(join(folder, 'tools'));
  mkdirSync(join(folder, 'packages'));
  cpSync(join(root, 'tools/bootstrap.mjs'), join(folder, 'tools/bootstrap.mjs'));
  writeFileSync(join(folder, 'package.json'), '{ "name": "x", "private": true }');
  return folder;
}

function pretending(version: string): string[] {
  return ['--import', `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`];
}

test.each(['16.20.2', '18.20.8', '20.18.3'])('Node %s: one sentence, status 1, nothing installed', (version) => {
  const folder = emptyCheckout();
  const done = spawnSync(process.execPath, [...pretending(version), 'tools/bootstrap.mjs', 'test'], { cwd: folder, encoding: 'utf8' });
  expect(done.status).toBe(1);
  expect(done.stderr.trim().split('\n')).toHaveLength(1);
  expect(done.stderr).toContain('20.19');
  expect(existsSync(join(folder, 'node_modules'))).toBe(false);
  expect(existsSync(join(folder, '.vfleet'))).toBe(false);
});

test('an unknown verb lists the verbs and installs nothing', () => {
  const folder = emptyCheckout();
  const done = spawnSync(process.execPath, ['tools/bootstrap.mjs', 'toString'], { cwd: folder, encoding: 'utf8' });
  expect(done.status).toBe(1);
  expect(done.stderr).toContain('start|');
  expect(existsSync(join(folder, '.vfleet'))).toBe(false);
});

test('every script is the bootstrap with a verb it knows: no pre or post scripts, which ignore-scripts skips', () => {
  const text = readFileSync(join(root, 'tools/bootstrap.mjs'), 'utf8');
  for (const [name, command] of Object.entries(manifest.scripts)) {
    expect(name).not.toMatch(/^(?:pre|post)/);
    expect(command).toMatch(/^node tools\/bootstrap\.mjs \S+$/);
    const verb = command.split(' ')[2]!;
    expect(text).toMatch(new RegExp(`^  '?${verb}'?: \\[`, 'm'));
  }
});

test('versions are pinned, and the lock file knows every platform of the tools', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { readonly packages: Record<string, { version?: string; optionalDependencies?: Record<string, string> }> };
  for (const version of Object.values(manifest.optionalDependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  for (const [path, { optionalDependencies = {} }] of Object.entries(lock.packages)) {
    if (!/^node_modules\/(?:nx|oxlint|rolldown|typescript)$/.test(path)) continue;
    for (const sibling of Object.keys(optionalDependencies)) expect(lock.packages[`node_modules/${sibling}`]?.version, `${path} → ${sibling}`).toBeDefined();
  }
});
