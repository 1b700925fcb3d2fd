/**
 * Records what the Go operator makes of the scenarios: runs its manager against a real API server, plays users and config daemons, and writes the
 * objects that it made into `recorded/`. By hand only:
 *
 *     git clone https://github.com/k8snetworkplumbingwg/sriov-network-operator DIR && (cd DIR && git checkout COMMIT && go build -o manager .)
 *     node test/upgrade/recording/record.ts --manager DIR/manager --source DIR --version 'at COMMIT' [SCENARIO...]
 *
 * Its webhooks are off here: nobody would answer for them.
 */
import { execFile, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import type { Kube, Resource } from '@vfleet/core';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { startRealApiServer } from '../../../tools/rigs/real-cluster.ts';
import { NAMESPACE } from '../../operator/harness.ts';
import { change, discover, prepare, readAnswers, write } from './scenario.ts';
import type { Answers } from './scenario.ts';
import { scenarios } from './scenarios.ts';

const IMAGES = ['SRIOV_CNI', 'SRIOV_INFINIBAND_CNI', 'OVS_CNI', 'RDMA_CNI', 'SRIOV_DEVICE_PLUGIN', 'NETWORK_RESOURCES_INJECTOR', 'SRIOV_NETWORK_CONFIG_DAEMON', 'SRIOV_NETWORK_WEBHOOK', 'METRICS_EXPORTER'];
/** As its Deployment sets them. */
const ENVIRONMENT = { NAMESPACE, WATCH_NAMESPACE: NAMESPACE, POD_NAME: 'manager', NODE_NAME: 'none', OPERATOR_NAME: 'sriov-network-operator', RESOURCE_PREFIX: 'openshift.io', CLUSTER_TYPE: 'kubernetes', DEV_MODE: 'FALSE', SRIOV_CNI_BIN_PATH: '/opt/cni/bin', ...Object.fromEntries(IMAGES.map((name) => [`${name}_IMAGE`, name.toLowerCase()])) };

/** Nothing that an operator writes has changed for this long: its slowest timer in these scenarios is five seconds. */
const QUIET_MS = 7_000;

async function quiet(kube: Kube): Promise<void> {
  const kinds: readonly Resource[] = [api.nodeStates, api.operatorConfigs, api.poolConfigs, api.sriovNetworks, api.sriovIbNetworks, api.ovsNetworks, api.networkAttachmentDefinitions, api.nodes];
  const versions = async () => (await Promise.all(kinds.map(async (kind) => (await kube.list(kind)).items.map(({ metadata }) => metadata.resourceVersion)))).join();
  for (let [last, since] = [await versions(), performance.now()]; performance.now() - since < QUIET_MS; await sleep(300)) {
    const now = await versions();
    if (now !== last) [last, since] = [now, performance.now()];
  }
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { manager: { type: 'string' }, source: { type: 'string' }, version: { type: 'string' } } });
const { manager, source, version } = values;
if (manager === undefined || source === undefined || version === undefined) throw new Error('--manager, --source and --version are needed: the head of this file says how');
for (const scenario of scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  await using open = new AsyncDisposableStack();
  const server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (one) => one.stop());
  const kube = open.adopt(await kubeFromConfigFile(server.kubeconfig), (one) => one.close());
  await promisify(execFile)(join(server.assetsDir, 'kubectl'), ['--kubeconfig', server.kubeconfig, 'apply', '--server-side', '-f', join(source, 'config/crd/bases')]);
  await kube.create(api.customResourceDefinitionResource, api.networkAttachmentDefinitionCrd());
  await sleep(5_000);
  await kube.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await prepare(kube, scenario);
  const running = spawn(resolve(manager), ['--kubeconfig', server.kubeconfig, '--health-probe-bind-address=0'], { cwd: source, env: { ...process.env, ...ENVIRONMENT }, stdio: 'ignore' });
  open.defer(() => new Promise<void>((ended) => void (running.once('exit', () => ended()), running.kill())));
  while (!(await discover(kube, scenario).catch(() => false))) await sleep(300);
  await sleep(1_500);
  const refused = await write(kube, scenario);
  await quiet(kube);
  const answers = await readAnswers(kube, refused);
  const then: Answers[] = [];
  for (const step of scenario.changes) {
    await change(kube, step);
    await quiet(kube);
    then.push(await readAnswers(kube, refused));
  }
  const recorded = { recordedFrom: `k8snetworkplumbingwg/sriov-network-operator ${version}, its manager on Kubernetes ${server.kubernetesVersion}`, scenario, answers, then };
  await writeFile(join(import.meta.dirname, `recorded/${scenario.name}.json`), `${inLines(recorded, 3)}\n`);
  process.stdout.write(`${scenario.name}: ${Object.keys(recorded.answers.nodes).length} nodes, ${Object.keys(recorded.answers.networks).length} networks\n`);
}

/** JSON of which the outer levels have an entry a line. */
function inLines(value: unknown, levels: number, indent = ''): string {
  if (levels === 0 || typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent} `;
  const entries = Array.isArray(value) ? value.map((item: unknown) => inLines(item, levels - 1, inner)) : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${inLines(item, levels - 1, inner)}`);
  const [first, last] = Array.isArray(value) ? '[]' : '{}';
  return entries.length === 0 ? `${first}${last}` : `${first}\n${entries.map((entry) => inner + entry).join(',\n')}\n${indent}${last}`;
}
