// Goal: the simulated path loads no native module, so that it runs wherever Node does. Method: the demo's cluster is started and
// ended in a process of its own, which then lists its shared objects.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

test('vfleet up loads no native module', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-native-'));
  const hook = join(folder, 'hook.mjs');
  writeFileSync(hook, `process.on('exit', () => process.stderr.write('\\nNATIVE ' + JSON.stringify(process.report.getReport().sharedObjects.filter((name) => name.endsWith('.node')))));`);
  const done = spawnSync(process.execPath, ['--import', hook, join(root, 'packages/cli/src/main.ts'), 'up', '--no-demo', '--exit', '--timeout', '250', '--port', '0'], {
    encoding: 'utf8', env: { ...process.env, VFLEET_HOME: folder },
  });
  expect(done.status, done.stderr).toBe(0);
  expect(done.stderr).toContain('NATIVE []');
});
