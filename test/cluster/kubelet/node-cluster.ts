import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kube, NetworkStatus, Resource } from '@vfleet/core';
import { podAnnotations } from '@vfleet/core';
import * as api from '@vfleet/kube';
import type { Pod } from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { vi } from 'vitest';
import { buildShim } from '../../../tools/build-shim.ts';
import { containerRuntimeDir } from '../../../tools/rigs/container-runtime.ts';
import { startRealNode } from '../../../tools/rigs/real-node.ts';
import type { RealNode } from '../../../tools/rigs/real-node.ts';

const ROOT = join(import.meta.dirname, '../../..');
const MAIN = join(ROOT, 'packages/cli/src/main.ts');
export const ARTICLE = join(ROOT, 'examples/sriov-operator-article');
export const RESOURCE = 'openshift.io/intel-sriov-netdevice';

export interface Asks {
  /** Of the annotation of networks; without it the cluster's alone. */
  readonly networks?: string;
  /** What its container asks for; the injector may make it more. */
  readonly vfs?: number;
  /** Of which resource; default the article's. */
  readonly resource?: string;
  readonly command?: readonly string[];
}

/** A pod like the article's, of any name. */
export function sleeper(name: string, { networks, vfs = 0, resource = RESOURCE, command = ['sleep', 'infinity'] }: Asks = {}): Pod {
  const amount = { [resource]: String(vfs) };
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name, ...(networks === undefined ? {} : { annotations: { 'k8s.v1.cni.cncf.io/networks': networks } }) },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', image: 'example.com/sleeper:1', command: [...command], ...(vfs === 0 ? {} : { resources: { requests: amount, limits: amount } }) }] },
  };
}

/** Waits as long as a machine may take that is busy with other things. */
export const eventually = <Value>(check: () => Value | Promise<Value>) => vi.waitFor(check, { timeout: 300_000, interval: 250 });

/** A real cluster of one node, with our operator and `vfleet node` as the processes they are. */
export class NodeCluster {
  readonly node: RealNode;
  readonly kube: Kube;
  readonly #open: AsyncDisposableStack;
  readonly #logDir: string;
  readonly #children: ChildProcess[] = [];
  readonly #nodes: ChildProcess[] = [];

  private constructor(node: RealNode, kube: Kube, logDir: string, open: AsyncDisposableStack) {
    this.node = node;
    this.kube = kube;
    this.#logDir = logDir;
    this.#open = open;
  }

  /** Everything but `vfleet node`, so that the node is registered and not ready. */
  static async start(logDir: string): Promise<NodeCluster> {
    await mkdir(logDir, { recursive: true });
    await using open = new AsyncDisposableStack();
    const node = open.use(await startRealNode({ logDir }));
    for (const type of ['vfleet', 'sriov']) await installShim(join(node.cniBin, type));
    await writeFile(join(node.cniConf, '00-vfleet.conflist'), JSON.stringify(CLUSTER_NETWORK));
    const client = open.adopt(kubeFromConfigFile(node.api.kubeconfig), (one) => one.close());
    const cluster = new NodeCluster(node, client, logDir, open.move());
    await client.patch(api.nodes, { name: node.name }, { type: 'merge', patch: { metadata: { labels: { 'feature.node.kubernetes.io/network-sriov.capable': 'true' } } } });
    cluster.#spawn('operator', ['operator', '--kubeconfig', node.api.kubeconfig, '--install-crds', '--webhook-address', '127.0.0.1']);
    return cluster;
  }

  /** `vfleet node` over the article's simulated NICs, whose VFs are interfaces of this host. */
  startNode(...more: readonly string[]): void {
    this.#nodes.push(this.#spawn('node', ['node', '--kubeconfig', this.node.api.kubeconfig, '--node-name', this.node.name, '--fleet', join(ARTICLE, 'fleet.yaml'), '--stand-ins', ...more]));
  }

  /** The one that was started first. */
  async endNode(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#nodes.shift();
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) throw new Error('vfleet node does not run any more');
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async kubectl(...words: readonly string[]): Promise<string> {
    return runProgram(join(this.node.api.assetsDir, 'kubectl'), ['--kubeconfig', this.node.api.kubeconfig, ...words]);
  }

  apply(...files: readonly string[]): Promise<string> {
    return this.kubectl('apply', ...files.flatMap((file) => ['-f', file]));
  }

  /** Makes an object as a test writes it. */
  async create<Type extends Parameters<Kube['create']>[1]>(resource: Resource<Type>, object: Type): Promise<void> {
    await this.kube.create(resource, object);
  }

  pod(name: string): Promise<api.Pod> {
    return this.kube.get(api.pods, { namespace: 'default', name });
  }

  async running(name: string): Promise<api.Pod> {
    const pod = await eventually(async () => {
      const now = await this.pod(name);
      const isReady = now.status?.phase === 'Running' && now.status.containerStatuses?.every(({ ready }) => ready) === true;
      // One that has failed will not run any more.
      if (!isReady && now.status?.phase !== 'Failed') throw new Error(`pod ${name} is ${now.status?.phase}\n${await this.#eventsOf(name)}`);
      return now;
    });
    if (pod.status?.phase === 'Failed') throw new Error(`pod ${name} has failed\n${await this.#eventsOf(name)}`);
    return pod;
  }

  #eventsOf(pod: string): Promise<string> {
    return this.kubectl('get', 'events', '--field-selector', `involvedObject.name=${pod}`);
  }

  /** How often the device plugin was registered with a kubelet, by the logs of `vfleet node`. */
  async registrations(): Promise<number> {
    return (await readFile(join(this.#logDir, 'vfleet-node.log'), 'utf8')).split('A resource is registered with the kubelet').length - 1;
  }

  /** Deletes a pod and waits until the kubelet has let go of it. */
  async delete(...names: readonly string[]): Promise<void> {
    await this.kubectl('delete', 'pod', '--wait=true', '--grace-period=1', ...names);
  }

  exec(pod: string, ...command: readonly string[]): Promise<string> {
    return this.kubectl('exec', pod, '--', ...command);
  }

  /** One operation on a network in /etc/cni/direct, as a container runtime does it. */
  libcni(...words: readonly string[]): Promise<string> {
    const env = { ...process.env, NETCONFPATH: '/etc/cni/direct', CNI_PATH: this.node.cniBin, CACHE: '/run/libcni' };
    return runProgram(join(containerRuntimeDir(), 'libcni'), words, env);
  }

  /** VFs of the article's PF that are on the host. */
  async freeVfs(): Promise<readonly string[]> {
    const { status } = await this.kube.get(api.nodeStates, { namespace: 'sriov-network-operator', name: this.node.name });
    const vfs = status?.interfaces?.find(({ name }) => name === 'ens801f0')?.Vfs ?? [];
    return vfs.flatMap(({ name, pciAddress }) => (name === undefined ? [] : [pciAddress]));
  }

  /** Of a resource, as the kubelet offers it now. */
  async allocatable(resource: string): Promise<number> {
    return Number((await this.kube.get(api.nodes, { name: this.node.name })).status?.allocatable?.[resource] ?? 0);
  }

  async isReady(): Promise<boolean> {
    return (await this.kube.get(api.nodes, { name: this.node.name })).status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
  }

  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    }
    await this.#open.disposeAsync();
  }

  #spawn(name: string, words: readonly string[]): ChildProcess {
    const log = openSync(join(this.#logDir, `vfleet-${name}.log`), 'a');
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...words], { stdio: ['ignore', log, log], cwd: ROOT });
    closeSync(log);
    this.#children.push(child);
    return child;
  }
}

/** The cluster's own network by the CNI project's plugins, behind our meta-plugin. */
const CLUSTER_NETWORK = {
  cniVersion: '1.1.0', name: 'cluster',
  plugins: [{
    type: 'vfleet', capabilities: { portMappings: true },
    delegates: [{
      name: 'cluster',
      plugins: [
        { type: 'bridge', bridge: 'cni0', isGateway: true, ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] } },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    }],
  }],
} as const;

export function networkStatus(pod: api.Pod): readonly NetworkStatus[] {
  return JSON.parse(pod.metadata.annotations?.[podAnnotations.networkStatus] ?? '[]') as readonly NetworkStatus[];
}

/** The native executable, or the portable one where there is no compiler. */
async function installShim(path: string): Promise<void> {
  const built = buildShim(path);
  if (built.kind === 'failed') throw new Error(built.output);
  if (built.kind === 'noCompiler') await writeFile(path, `#!/bin/sh\nexec ${process.execPath} --disable-warning=ExperimentalWarning ${join(ROOT, 'packages/cli/src/cni/main.ts')}\n`, { mode: 0o755 });
}

export function runProgram(file: string, words: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, words, { timeout: 300_000, env }, (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(`${file} ${words.join(' ')}: ${error.message}\n${stdout}${stderr}`))));
  });
}
