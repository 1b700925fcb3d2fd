/**
 * `npm run test:cluster [-- --ensure] [-- VITEST ARGUMENTS]`: our parts beside real ones. The first part compares our API server with a real one; the
 * second runs our operator and node on a real control plane, kubelet and containerd, in namespaces of its own; the third builds the image, and runs it
 * there by the manifests; the fourth does so beside Multus, and by the chart; the fifth without one right of the daemon after the other. With --ensure what is
 * missing is built or fetched first; without it that part is skipped, said so, and not failed. `--part` and one of api, node, images, multus and
 * least-rights runs that one. `--sequences N` is how many drawn sequences of requests run (default 200), `--seed TEXT` from which seed. `--churn SECONDS` is
 * how long informers run under churn (default 20). The results are also written as JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCompiler } from './build-shim.ts';
import { nodeParts } from './cluster-parts.ts';
import { ownArchitecture } from './images/architecture.ts';
import { basePackages, hasBasePackages } from './images/base-packages.ts';
import { ImageError } from './images/image-error.ts';
import { cniPlugins, cniPluginsVersion, containerdVersion, ensureContainerRuntime, missingContainerRuntime } from './rigs/container-runtime.ts';
import { ensureHelm, helmIsBuilt, helmVersion } from './rigs/helm.ts';
import { ensureKubernetes, etcdVersion, kubernetesVersion, missingKubernetes } from './rigs/kubernetes.ts';
import { ensureMultus, missingMultus, multusVersion } from './rigs/multus.ts';
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

if (part !== undefined && part !== 'api' && !Object.hasOwn(nodeParts, part)) {
  process.stderr.write(`There is no part ${part}; there are ${['api', ...Object.keys(nodeParts)].join(', ')}.\n`);
  process.exit(2);
}
try {
  const statuses = [];
  if (part === undefined || part === 'api') statuses.push(await besideApiServer());
  for (const which of Object.keys(nodeParts) as (keyof typeof nodeParts)[]) if (part === undefined || part === which) statuses.push(await onNode(which));
  process.exitCode = Math.max(...statuses);
} catch (error) {
  if (!(error instanceof RigError || error instanceof ImageError)) throw error;
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

async function onNode(which: keyof typeof nodeParts): Promise<number> {
  const { folder, bail, results, ours } = nodeParts[which];
  const problem = namespacesProblem();
  if (problem !== undefined) return skipNode(results, `a node takes namespaces of its own, and ${problem}`);
  if (isEnsured) {
    await ensureKubernetes({ with: nodeComponents });
    await ensureContainerRuntime();
    if (which !== 'node') await basePackages(ownArchitecture());
    if (which === 'multus') await ensureMultus();
    if (which === 'multus') await ensureHelm();
  }
  if (which !== 'node' && findCompiler() === undefined) return skipNode(results, 'there is no C compiler for the CNI executable of the image (on Debian: gcc and libc6-dev)');
  if (which !== 'node' && !(await hasBasePackages(ownArchitecture()))) return skipNode(results, 'the Debian packages of the image are missing; `npm run test:cluster -- --ensure` fetches them');
  const missing = [...(await missingKubernetes(nodeComponents)), ...(await missingContainerRuntime()), ...(which === 'multus' ? [...(await missingMultus()), ...((await helmIsBuilt()) ? [] : ['helm'])] : [])];
  if (missing.length > 0) return skipNode(results, `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing; \`npm run test:cluster -- --ensure\` builds them from Go modules (Go 1.24 or newer) and takes runc and busybox from the machine or from Debian packages`);
  print(`Real: etcd ${etcdVersion}; kube-apiserver, kube-scheduler, kube-controller-manager and kubelet ${kubernetesVersion}; containerd ${containerdVersion} with runc; ${Object.keys(cniPlugins).join(', ')} ${cniPluginsVersion};${which === 'multus' ? ` Multus ${multusVersion}; helm ${helmVersion};` : ''} namespaces, interfaces and traffic of pods.
Ours: ${ours}.
Simulated: the NICs (the article's fleet); their VFs are veth pairs, their switch is a bridge. One image of busybox stands for every ${which === 'node' ? '' : 'other '}image.`);
  return runInOwnNamespaces('worker-0', [...vitest('test/cluster/node.vitest.config.ts', results), '--dir', `test/cluster/${folder}`, `--bail=${bail}`], { ...process.env, NODE_ENV: 'test' });
}

/** What did not run has results too, which say so. */
async function skipNode(results: string, cause: string): Promise<number> {
  print(`Skipped, pods on a real kubelet (${results}): ${cause}.`);
  await mkdir(join(root, '.vfleet/results'), { recursive: true });
  const none = { numTotalTests: 0, numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, success: true, testResults: [] };
  await writeFile(join(root, `.vfleet/results/${results}.json`), JSON.stringify(none));
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
