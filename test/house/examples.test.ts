// Goal: the examples that documents point at run as they stand. Method: each is run as a person would, in a process of its own.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

test.each([
  ['embed-hardware/fleet.ts', /^host-a: 8 VFs, 0000:03:00\.2 trusted\nhost-b: refused at \S+: .+ — .+\n$/],
  ['embed-hardware/linux-view.ts', /^99 VFs: ERANGE\n4 VFs\nVF 0 at 0000:01:10\.0, igbvf\n(?:VF \d at \S+, igbvf\n){3}$/],
  ['embed-scenario/world.ts', /^20 of 20 nodes have 16 VFs\nens3f0np0 16 VFs, first at 0000:03:00\.\d\n/],
])('examples/%s', (path, says) => {
  const done = spawnSync(process.execPath, [join(root, 'examples', path)], { cwd: root, encoding: 'utf8' });
  expect(done.stderr).toBe('');
  expect(done.stdout).toMatch(says);
});
