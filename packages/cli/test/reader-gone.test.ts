// Goal: `vfleet … | head` ends quietly when its reader goes. Method: the executable with a pipe whose other end is closed before it writes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '..', 'src', 'main.ts');

test.each([['the help', ['--help']], ['a table', ['sim', 'list', '--faults']], ['a script', ['completion', 'bash']]])('%s without a reader', async (_, words) => {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text));
  const [status] = (await once(child, 'close')) as unknown as readonly [number | null];
  expect({ status, err }).toEqual({ status: 141, err: '' });
});
