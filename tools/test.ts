/**
 * `npm test`: type check, lint, tidy and all tests that need nothing but this checkout, in one Vitest run.
 * Arguments are passed to Vitest. The results are also written as JSON for whoever sums several runners.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const vitest = spawn(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', root,
    '--reporter=default', '--reporter=json', '--outputFile.json=.vfleet/results/test.json',
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', env: { ...process.env, NODE_ENV: 'test' } },
);
vitest.on('exit', (code) => process.exit(code ?? 1));
