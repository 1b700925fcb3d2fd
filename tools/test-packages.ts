/**
 * `npm run test:packages [-- VITEST ARGUMENTS]`: the packages as they are published, installed into projects outside of the checkout, which
 * takes a package registry for what they depend on. The results are also written as JSON.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const vitest = spawn(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', root, '--config', 'test/packages/vitest.config.ts',
    '--reporter=default', '--reporter=json', '--outputFile.json=.vfleet/results/packages.json', ...process.argv.slice(2),
  ],
  { stdio: 'inherit', env: { ...process.env, NODE_ENV: 'test' } },
);
vitest.on('exit', (code) => process.exit(code ?? 1));
