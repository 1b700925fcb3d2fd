/**
 * `npm run test:cluster [-- --ensure] [-- VITEST ARGUMENTS]`: the tests that compare our API server with a real one. With --ensure the
 * real one is built first where it is missing; without, and where it is missing, these tests are skipped, said so, and not failed.
 * `--sequences N` is how many drawn sequences of requests run (default 200), `--seed TEXT` from which seed.
 * `--churn SECONDS` is how long informers run under churn (default 20). The results are also written as JSON.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { realServerIsBuilt } from '../test/cluster/servers.ts';
import { ensureKubernetes, etcdVersion, kubernetesVersion } from './rigs/kubernetes.ts';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const environment: NodeJS.ProcessEnv = { ...option('--sequences', 'VFLEET_SEQUENCES'), ...option('--seed', 'VFLEET_SEED'), ...option('--churn', 'VFLEET_CHURN_SECONDS') };
const forVitest = words.filter((word) => word !== '--ensure');

if (words.includes('--ensure')) await ensureKubernetes();
else if (!(await realServerIsBuilt())) {
  process.stdout.write(`Skipped: there is no kube-apiserver ${kubernetesVersion} with etcd ${etcdVersion} to compare with; \`npm run test:cluster -- --ensure\` builds both from Go modules in some minutes (Go 1.24 or newer).\n`);
}

const vitest = spawn(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', root, '--config', 'test/cluster/vitest.config.ts',
    '--reporter=default', '--reporter=json', '--outputFile.json=.vfleet/results/cluster.json', ...forVitest,
  ],
  { stdio: 'inherit', env: { ...process.env, NODE_ENV: 'test', ...environment } },
);
vitest.on('exit', (code) => process.exit(code ?? 1));

/** Takes a flag and its value out of the words, for the environment of the tests. */
function option(flag: string, variable: string): NodeJS.ProcessEnv {
  const at = words.indexOf(flag);
  return at === -1 ? {} : { [variable]: words.splice(at, 2)[1] };
}
