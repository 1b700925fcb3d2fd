// Goal: a write that hangs can be left alone, and one that does not is answered with its errno. Method: the real helper process on plain
// files, and on a pipe that nobody reads, whose opening hangs as a kernel attribute may.
import { fork, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { fail, ok } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { HelperWrites } from '../src/sysfs/long-writes.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-writes-'));
const writes = new HelperWrites(new RealClock());

afterAll(() => writes.close());

test('writes, one after the other and at the same time, and errnos', async () => {
  const paths = ['a', 'b'].map((name) => join(folder, name));
  for (const path of paths) writeFileSync(path, '');
  expect(await Promise.all(paths.map((path) => writes.write(path, '4', 120_000).outcome))).toEqual([ok(undefined), ok(undefined)]);
  expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['4', '4']);
  const missing = join(folder, 'missing');
  expect(await writes.write(missing, '4', 120_000).outcome).toEqual(fail({ errno: 'ENOENT', path: missing }));
});

test.skipIf(process.platform === 'win32')('one that hangs is over when it is let go, and others do not wait for it', async () => {
  const pipe = join(folder, 'pipe');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  // Whatever fails below: a helper that hangs for ever would keep the test run from ending.
  onTestFinished(() => closeSync(openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)));
  const hanging = writes.write(pipe, '0', 300);
  let over = false;
  void hanging.over.then(() => (over = true));
  expect(await hanging.outcome).toEqual(fail('deadlinePassed'));
  const other = join(folder, 'other');
  writeFileSync(other, '');
  expect(await writes.write(other, '7', 120_000).outcome).toEqual(ok(undefined));
  expect(over).toBe(false);
  expect(readFileSync(pipe, 'utf8')).toBe('0');
  await hanging.over;
});

test.each([['lives', '9'], ['was killed meanwhile', '']])('what an owner asked for who %s', async (owner, written) => {
  const path = join(folder, owner);
  writeFileSync(path, '');
  const pid = owner === 'lives' ? process.pid : spawnSync('true').pid;
  const helper = fork(new URL('../src/sysfs/write-helper.ts', import.meta.url), [String(pid)], { execArgv: ['--disable-warning=ExperimentalWarning'] });
  helper.once('message', () => helper.disconnect());
  helper.send({ path, text: '9' });
  expect(await new Promise((resolve) => void helper.once('exit', resolve))).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe(written);
});
