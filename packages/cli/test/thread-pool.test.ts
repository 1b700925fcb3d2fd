// Goal: calls that wait in the kernel for long take no thread from files and names. Method: the executable itself, which counts its threads
// as the kernel names them when the pool has been used.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../src/main.ts');
const COUNT = `
import { readFileSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
process.once('beforeExit', async () => {
  await readFile('/proc/self/comm');
  const names = readdirSync('/proc/self/task').map((task) => readFileSync('/proc/self/task/' + task + '/comm', 'utf8'));
  process.stdout.write('threads ' + names.filter((name) => name.startsWith('libuv')).length);
});`;

test.each([[{}, 7], [{ UV_THREADPOOL_SIZE: '5' }, 5]])('of the pool, with %j: %i', (environment, count) => {
  const said = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', `--import=data:text/javascript,${encodeURIComponent(COUNT)}`, MAIN, '--version'], { encoding: 'utf8', env: { PATH: process.env['PATH'], ...environment } });
  expect(/threads (\d+)$/.exec(said)?.[1]).toBe(String(count));
});
