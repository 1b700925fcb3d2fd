/**
 * The operator beside a real kube-apiserver: N nodes with two ports of a ConnectX-5 each, one policy. It runs as deploy/install.yaml runs it, as a
 * process of its own with the same options of Node.js, but with a kubeconfig; this one plays the config daemons and watches.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isKubeError } from '@vfleet/core';
import type { InterfaceStatus, Kube, KubeObject, Resource } from '@vfleet/core';
import { operatorNodeOptions } from '@vfleet/controllers/installation/workloads.ts';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { ApiClient } from '../../test/cluster/client.ts';
import { install, kubeconfigOf } from '../../test/cluster/rbac-install.ts';
import { realServerIsBuilt } from '../../test/cluster/servers.ts';
import { etcdVersion, kubernetesVersion } from '../rigs/kubernetes.ts';
import { startRealApiServer } from '../rigs/real-cluster.ts';
import { LeaseWatch } from './operator-leases.ts';

const NAMESPACE = 'sriov-network-operator';
const CONNECTIONS = 16;
/** Of the operator's controller of node states. */
const OPERATOR_WORKERS = 8;
const LIMIT_OBJECTS = 64;
const LIMIT_PATCHES = 2_000;
/** Measured on a machine of this kind for the Go operator, state of October 2025, 1,000 nodes: 81–94 s, first spec after 33–46 s, 121–145 MB. */
const GOALS: Readonly<Record<number, { readonly allSeconds: number; readonly firstSeconds: number; readonly megabytes?: number }>> = {
  1000: { allSeconds: 3, firstSeconds: 0.5, megabytes: 145 },
  5000: { allSeconds: 15, firstSeconds: 0.5 },
};

/** `--quick` measures 200 nodes only. */
export async function run(print: (line: string) => void, words: readonly string[]): Promise<void> {
  if (!(await realServerIsBuilt())) {
    print('There is no real API server here: `node tools/rigs/kubernetes.ts` builds it (Go 1.24 or newer).');
    return;
  }
  print(`kube-apiserver ${kubernetesVersion}, etcd ${etcdVersion}; one policy over all nodes, 8 VFs on each of two PFs`);
  print('The operator has the rights of deploy/install.yaml and elects its leader; priority and fairness apply to it as to any service account.');
  for (const count of words.includes('--quick') ? [200] : [1000, 5000]) for (const line of await measure(count)) print(line);
}

async function measure(count: number): Promise<readonly string[]> {
  await using server = await startRealApiServer({ unsafeNoFsync: true });
  await install(server);
  const kube = kubeFromConfigFile(server.kubeconfig);
  const client = new ApiClient({ url: server.url, token: server.token, certificateAuthority: await readFile(server.caFile, 'utf8') });
  const flags = ['--disable-warning=ExperimentalWarning', ...operatorNodeOptions.split(' ')];
  const webhooks = ['--webhook-address', '127.0.0.1', '--webhook-port', '0'];
  const operator = spawn(process.execPath, [...flags, join(import.meta.dirname, '../../packages/cli/src/main.ts'), 'operator', '--kubeconfig', await kubeconfigOf(server, 'operator'), ...webhooks, '--log-level', 'warn'], { stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    await until(async () => (await kube.get(api.operatorConfigs, { namespace: NAMESPACE, name: 'default' })).metadata.uid !== undefined);
    const names = Array.from({ length: count }, (_, index) => `node-${String(index).padStart(5, '0')}`);
    await inParallel(names, (name) => kube.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'node-role.kubernetes.io/worker': '', rack: 'a' } } }));
    await until(async () => (await all(kube, api.nodeStates)).length === count);
    await inParallel(names, (name) => kube.patch(api.nodeStates, { namespace: NAMESPACE, name }, { type: 'merge', patch: { status: { syncStatus: 'Succeeded', interfaces: ports() } } }, { subresource: 'status' }));
    await quiet(kube);
    const limit = await patchesPerSecond(kube);
    await using leases = await LeaseWatch.start(kube, client, NAMESPACE);
    const load = loadavg()[0]!;
    const rolled = await roll(kube, operator, count);
    return [...tell(count, rolled, limit, load), ...(await leases.tell(await refused(client)))];
  } finally {
    operator.kill();
    await once(operator, 'exit');
    kube.close();
    client.close();
  }
}

interface RollOut {
  readonly firstMs: number;
  readonly allMs: number;
  readonly writes: number;
  readonly megabytes: number;
}

async function roll(kube: Kube, operator: ChildProcess, count: number): Promise<RollOut> {
  const listed = await kube.list(api.nodeStates, { namespace: NAMESPACE });
  const done = new Set<string>();
  let writes = 0;
  let firstMs = 0;
  const finished = Promise.withResolvers<number>();
  const startedMs = performance.now();
  const watch = kube.watch(api.nodeStates, { namespace: NAMESPACE, resourceVersion: listed.resourceVersion }, {
    event: (event) => {
      if (event.type === 'BOOKMARK') return;
      writes++;
      if (event.object.spec.interfaces?.length !== 2) return;
      if (done.size === 0) firstMs = performance.now() - startedMs;
      done.add(event.object.metadata.name);
      if (done.size === count) finished.resolve(performance.now() - startedMs);
    },
    end: (error) => finished.reject(error ?? new Error('the watch ended early')),
  });
  await kube.create(api.nodePolicies, {
    apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { namespace: NAMESPACE, name: 'all' },
    spec: { resourceName: 'fast', nodeSelector: { rack: 'a' }, numVfs: 8, nicSelector: { vendor: '15b3' }, deviceType: 'netdevice' },
  });
  const allMs = await finished.promise;
  await sleep(5_000);
  watch.stop();
  return { firstMs, allMs, writes, megabytes: await peakMegabytes(operator.pid!) };
}

function tell(count: number, { firstMs, allMs, writes, megabytes }: RollOut, limit: number, load: number): readonly string[] {
  const goal = GOALS[count];
  const judged = (value: number, most: number | undefined, unit: string) => (most === undefined ? '' : ` (≤ ${most}${unit}: ${value <= most ? 'reached' : 'missed'})`);
  const perSecond = count / (allMs / 1000);
  return [
    `${count} nodes: first spec ${(firstMs / 1000).toFixed(2)} s${judged(firstMs / 1000, goal?.firstSeconds, ' s')}, all ${(allMs / 1000).toFixed(2)} s${judged(allMs / 1000, goal?.allSeconds, ' s')}; ${writes} writes of node states${judged(writes, count, '')}; peak memory ${megabytes.toFixed(0)} MB${judged(megabytes, goal?.megabytes, ' MB')}; load of the machine ${load.toFixed(1)}`,
    `  ${perSecond.toFixed(0)} specs/s; the API server alone, asked for nothing but such patches, took ${limit.toFixed(0)}/s just before: ${(limit / perSecond).toFixed(1)}×${judged(limit / perSecond, 3, '×')}`,
  ];
}

/** How many patches of node states the API server takes from as many connections as the operator has workers, in a namespace of their own. */
async function patchesPerSecond(kube: Kube): Promise<number> {
  const namespace = 'limit';
  await kube.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const names = Array.from({ length: LIMIT_OBJECTS }, (_, index) => `state-${index}`);
  await inParallel(names, (name) => kube.create(api.nodeStates, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { namespace, name }, spec: {} }));
  const startedMs = performance.now();
  let sent = 0;
  await Promise.all(Array.from({ length: OPERATOR_WORKERS }, async () => {
    while (sent < LIMIT_PATCHES) {
      const index = sent++;
      const interfaces = [0, 1].map((port) => ({ pciAddress: `0000:3b:00.${port}`, name: `ens1f${port}np${port}`, numVfs: 1 + index % 8, vfGroups: [{ resourceName: 'fast', policyName: 'all', vfRange: '0-7', deviceType: 'netdevice' as const }] }));
      await kube.patch(api.nodeStates, { namespace, name: names[index % names.length]! }, { type: 'merge', patch: { spec: { interfaces } } });
    }
  }));
  return sent / ((performance.now() - startedMs) / 1000);
}

/** Requests that the API server refused because there was no room for them (flow control), of all users since it started. */
async function refused(client: ApiClient): Promise<number> {
  const { text } = await client.send({ method: 'GET', path: '/metrics', headers: { accept: 'text/plain' } });
  return [...text.matchAll(/^apiserver_flowcontrol_rejected_requests_total\{[^}]*\} (\S+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Two ports of a ConnectX-5 as a config daemon reports them. */
function ports(): InterfaceStatus[] {
  return [0, 1].map((port) => ({
    name: `ens1f${port}np${port}`, pciAddress: `0000:3b:00.${port}`, vendor: '15b3', deviceID: '1017', driver: 'mlx5_core', mtu: 1500, totalvfs: 8, numVfs: 0, linkType: 'ETH', linkSpeed: '25000 Mb/s', mac: `0c:42:a1:00:00:0${port}`, eSwitchMode: 'legacy',
  }));
}

/** Until two seconds pass without a write to a node state. */
async function quiet(kube: Kube): Promise<void> {
  let before = '';
  await until(async () => {
    const versions = (await all(kube, api.nodeStates)).map(({ metadata }) => metadata.resourceVersion).join();
    const isSame = versions === before;
    before = versions;
    if (!isSame) await sleep(2_000);
    return isSame;
  });
}

async function all<Type extends KubeObject>(kube: Kube, resource: Resource<Type>): Promise<readonly Type[]> {
  return (await kube.list(resource)).items;
}

async function inParallel(names: readonly string[], work: (name: string) => Promise<unknown>): Promise<void> {
  const left = [...names];
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) await work(name);
  }));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 120_000;
  for (;;) {
    const held = await holds().catch((error: unknown) => {
      if (!isKubeError(error)) throw error;
      return false;
    });
    if (held) return;
    if (performance.now() > deadlineMs) throw new Error('the cluster did not get ready within two minutes');
    await sleep(100);
  }
}

/** The most it ever had in memory (VmHWM), in MiB. */
async function peakMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}
