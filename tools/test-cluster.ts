/**
 * `npm run test:cluster [-- --ensure] [-- VITEST ARGUMENTS]`: our parts beside real ones. The first half compares our API server with a real one; the
 * second runs our operator and node on a real control plane, kubelet and containerd, in namespaces of its own. With --ensure what is missing is
 * built or fetched first; without it that half is skipped, said so, and not failed.
 * `--part api` and `--part node` run one half. `--sequences N` is how many drawn sequences of requests run (default 200), `--seed TEXT` from which
 * seed. `--churn SECONDS` is how long informers run under churn (default 20). The results are also written as JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cniPlugins, cniPluginsVersion, containerdVersion, ensureContainerRuntime, missingContainerRuntime } from './rigs/container-runtime.ts';
import { ensureHelm, helmIsBuilt, helmVersion } from './rigs/helm.ts';
import { ensureKubernetes, etcdVersion, kubernetesVersion, missingKubernetes } from './rigs/kubernetes.ts';
import { namespacesProblem, runInOwnNamespaces } from './rigs/own-namespaces.ts';
import { RigError } from './rigs/rig-error.ts';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const environment: NodeJS.ProcessEnv = { ...option('--sequences', 'VFLEET_SEQUENCES'), ...option('--seed', 'VFLEET_SEED'), ...option('--churn', 'VFLEET_CHURN_SECONDS') };
const { part } = option('--part', 'part');
const isEnsured = words.includes('--ensure');
const forVitest = words.filter((word) => word !== '--ensure');
const nodeComponents = ['kube-scheduler', 'kube-controller-manager', 'kubelet'] as const;
const print = (line: string) => void process.stdout.write(`${line}\n`);

if (part !== undefined && part !== 'api' && part !== 'node') {
  process.stderr.write(`There is no part ${part}; there are api and node.\n`);
  process.exit(2);
}
try {
  const statuses = [part === 'node' ? 0 : await besideApiServer(), part === 'api' ? 0 : await onNode()];
  process.exitCode = Math.max(...statuses);
} catch (error) {
  if (!(error instanceof RigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function besideApiServer(): Promise<number> {
  if (isEnsured) {
    await ensureKubernetes();
    await ensureHelm();
  } else if ((await missingKubernetes([])).length > 0) print(`Skipped: there is no kube-apiserver ${kubernetesVersion} with etcd ${etcdVersion} to compare with; \`npm run test:cluster -- --ensure\` builds both from Go modules in some minutes (Go 1.24 or newer).`);
  if (!(await helmIsBuilt())) print(`Skipped: there is no helm ${helmVersion} to install the chart with; \`npm run test:cluster -- --ensure\` builds it in a minute.`);
  const [program = '', ...programArguments] = vitest('test/cluster/vitest.config.ts', 'cluster');
  const child = spawn(program, programArguments, { stdio: 'inherit', env: { ...process.env, NODE_ENV: 'test', ...environment } });
  const [status] = (await once(child, 'exit')) as [number | null];
  return status ?? 1;
}

async function onNode(): Promise<number> {
  const problem = namespacesProblem();
  if (problem !== undefined) return skipNode(`a node takes namespaces of its own, and ${problem}`);
  if (isEnsured) {
    await ensureKubernetes({ with: nodeComponents });
    await ensureContainerRuntime();
  }
  const missing = [...(await missingKubernetes(nodeComponents)), ...(await missingContainerRuntime())];
  if (missing.length > 0) return skipNode(`${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing; \`npm run test:cluster -- --ensure\` builds them from Go modules (Go 1.24 or newer) and takes runc and busybox from the machine or from Debian packages`);
  print(`Real: etcd ${etcdVersion}; kube-apiserver, kube-scheduler, kube-controller-manager and kubelet ${kubernetesVersion}; containerd ${containerdVersion} with runc; ${Object.keys(cniPlugins).join(', ')} ${cniPluginsVersion}; namespaces, interfaces and traffic of pods.
Ours: operator with webhooks, vfleet node (config daemon, device plugin, CNI), the meta-plugin in the place of Multus.
Simulated: the NICs (the article's fleet); their VFs are veth pairs, their switch is a bridge. One image of busybox stands for every image.`);
  return runInOwnNamespaces('worker-0', vitest('test/cluster/kubelet/vitest.config.ts', 'cluster-kubelet'), { ...process.env, NODE_ENV: 'test' });
}

/** What did not run has results too, which say so. */
async function skipNode(cause: string): Promise<number> {
  print(`Skipped, pods on a real kubelet: ${cause}.`);
  await mkdir(join(root, '.vfleet/results'), { recursive: true });
  const none = { numTotalTests: 0, numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, success: true, testResults: [] };
  await writeFile(join(root, '.vfleet/results/cluster-kubelet.json'), JSON.stringify(none));
  return 0;
}

function vitest(config: string, results: string): readonly string[] {
  return [
    process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', root, '--config', config,
    '--reporter=default', '--reporter=json', `--outputFile.json=.vfleet/results/${results}.json`, '--passWithNoTests', ...forVitest,
  ];
}

/** Takes a flag and its value out of the words. */
function option<Name extends string>(flag: string, name: Name): { readonly [Key in Name]?: string } {
  const at = words.indexOf(flag);
  return (at === -1 ? {} : { [name]: words.splice(at, 2)[1] }) as { readonly [Key in Name]?: string };
}
