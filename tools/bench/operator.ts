/**
 * The operator beside a real kube-apiserver: N nodes with two ports of a ConnectX-5 each, one policy. It runs as deploy/install.yaml runs it, as a
 * process of its own with the same options of Node.js, but with a kubeconfig; this one plays the config daemons and watches.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isKubeError } from '@vfleet/core';
import type { InterfaceStatus, Kube, KubeObject, Resource } from '@vfleet/core';
import { operatorNodeOptions } from '@vfleet/controllers/installation/workloads.ts';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { realServerIsBuilt } from '../../test/cluster/servers.ts';
import { etcdVersion, kubernetesVersion } from '../rigs/kubernetes.ts';
import { startRealApiServer } from '../rigs/real-cluster.ts';

const NAMESPACE = 'sriov-network-operator';
const CONNECTIONS = 16;
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
  print('nodes   first spec s   all specs s   specs/s   writes of node states   operator MB   goal');
  for (const count of words.includes('--quick') ? [200] : [1000, 5000]) print(await measure(count));
}

async function measure(count: number): Promise<string> {
  await using server = await startRealApiServer({ unsafeNoFsync: true });
  const kube = kubeFromConfigFile(server.kubeconfig);
  const operator = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...operatorNodeOptions.split(' '), join(import.meta.dirname, '../../packages/cli/src/main.ts'), 'operator', '--kubeconfig', server.kubeconfig, '--install-crds', '--no-webhooks', '--no-leader-elect', '--log-level', 'warn'], { stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    await until(async () => (await kube.list(api.nodePolicies)).items.length === 0);
    await kube.create(api.operatorConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovOperatorConfig', metadata: { namespace: NAMESPACE, name: 'default' }, spec: {} }).catch(madeAlready);
    const names = Array.from({ length: count }, (_, index) => `node-${String(index).padStart(5, '0')}`);
    await inParallel(names, (name) => kube.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'node-role.kubernetes.io/worker': '', rack: 'a' } } }));
    await until(async () => (await all(kube, api.nodeStates)).length === count);
    await inParallel(names, (name) => kube.patch(api.nodeStates, { namespace: NAMESPACE, name }, { type: 'merge', patch: { status: { syncStatus: 'Succeeded', interfaces: ports() } } }, { subresource: 'status' }));
    await quiet(kube);
    return await roll(kube, operator, count);
  } finally {
    operator.kill();
    await once(operator, 'exit');
    kube.close();
  }
}

async function roll(kube: Kube, operator: ChildProcess, count: number): Promise<string> {
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
  const megabytes = await peakMegabytes(operator.pid!);
  await sleep(1_000);
  watch.stop();
  const goal = GOALS[count];
  const said = goal === undefined ? '' : `≤ ${goal.firstSeconds} s, ≤ ${goal.allSeconds} s${goal.megabytes === undefined ? '' : `, ≤ ${goal.megabytes} MB`}: ${firstMs <= goal.firstSeconds * 1000 && allMs <= goal.allSeconds * 1000 && megabytes <= (goal.megabytes ?? Infinity) ? 'reached' : 'missed'}`;
  return `${String(count).padStart(5)} ${(firstMs / 1000).toFixed(2).padStart(14)} ${(allMs / 1000).toFixed(2).padStart(13)} ${Math.round(count / (allMs / 1000)).toString().padStart(9)} ${String(writes).padStart(23)} ${megabytes.toFixed(0).padStart(13)}   ${said}`;
}

/** Two ports of a ConnectX-5 as a config daemon reports them. */
function ports(): InterfaceStatus[] {
  return [0, 1].map((port) => ({
    name: `ens1f${port}np${port}`, pciAddress: `0000:3b:00.${port}`, vendor: '15b3', deviceID: '1017', driver: 'mlx5_core', mtu: 1500, totalvfs: 8, numVfs: 0, linkType: 'ETH', linkSpeed: '25000 Mb/s', mac: `0c:42:a1:00:00:0${port}`, eSwitchMode: 'legacy',
  }));
}

/** The operator makes its own configuration where there is none. */
function madeAlready(error: unknown): void {
  if (!isKubeError(error, 'AlreadyExists')) throw error;
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
