// Goal: the host's files are found where its root is mounted, whatever its links say. Method: a tree with the link that Debian has, on this disk.
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemFiles } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rootedFiles } from '../src/host-ports/rooted-files.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vfleet-rooted-'));
  await mkdir(join(root, 'var/lib'), { recursive: true });
  await mkdir(join(root, 'run'));
  await symlink('/run', join(root, 'var/run'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('/var/run is the host\'s, although its link leads out of the mounted root', async () => {
  const files = rootedFiles(new NodeFiles(new RealClock(), new SystemRandom()), root);
  for (const path of ['/var/run/cdi/a.json', '/var/lib/b.json', '/var/runner/c.json']) expect(await files.replace(path, path)).toMatchObject({ ok: true });
  expect(await Promise.all(['run/cdi/a.json', 'var/lib/b.json', 'var/runner/c.json'].map((path) => readFile(join(root, path), 'utf8')))).toEqual(['/var/run/cdi/a.json', '/var/lib/b.json', '/var/runner/c.json']);
  await writeFile(join(root, 'run/d'), 'd');
  expect(await files.list('/var/run')).toMatchObject({ ok: true, value: expect.arrayContaining(['cdi', 'd']) });
});

test('without a root elsewhere nothing is in between', () => {
  const files = new MemFiles();
  expect([rootedFiles(files, ''), rootedFiles(files, '/')]).toEqual([files, files]);
});
