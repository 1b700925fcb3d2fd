import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kube } from '@vfleet/core';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { IMAGE } from '../../../tools/images/build.ts';
import { program } from '../../../tools/images/demo.ts';
import type { Kubectl } from '../../../tools/images/demo.ts';
import { kubernetesServiceAddress } from '../../../tools/rigs/cluster-services.ts';
import { startRealNode } from '../../../tools/rigs/real-node.ts';
import type { RealNode } from '../../../tools/rigs/real-node.ts';
import { eventually, runProgram } from '../kubelet/node-cluster.ts';

const ROOT = join(import.meta.dirname, '../../..');
export const NAMESPACE = 'sriov-network-operator';

/** A network as clusters have it before anybody thinks of a second one. */
const BRIDGE_NETWORK = {
  cniVersion: '1.0.0', name: 'cluster',
  plugins: [
    { type: 'bridge', bridge: 'cni0', isGateway: true, ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
} as const;

/** A real cluster of one node, whose pods reach the API server; nothing of ours is in it or on it. */
export class DeliveredCluster {
  readonly node: RealNode;
  readonly kube: Kube;
  readonly #open: AsyncDisposableStack;

  private constructor(node: RealNode, kube: Kube, open: AsyncDisposableStack) {
    this.node = node;
    this.kube = kube;
    this.#open = open;
  }

  /** `network` is the configuration list of the cluster's own network. */
  static async start(logDir: string, network: object = BRIDGE_NETWORK): Promise<DeliveredCluster> {
    await mkdir(logDir, { recursive: true });
    await using open = new AsyncDisposableStack();
    const node = open.use(await startRealNode({ logDir, services: true }));
    await writeFile(join(node.cniConf, '10-cluster.conflist'), JSON.stringify(network));
    const kube = open.adopt(kubeFromConfigFile(node.api.kubeconfig), (one) => one.close());
    const cluster = new DeliveredCluster(node, kube, open.move());
    await kube.patch(api.nodes, { name: node.name }, { type: 'merge', patch: { metadata: { labels: { 'feature.node.kubernetes.io/network-sriov.capable': 'true' } } } });
    await eventually(() => cluster.kubectl('wait', '--for=condition=Ready', `node/${node.name}`, '--timeout=60s'));
    await eventually(() => cluster.kubectl('get', 'serviceaccount', 'default'));
    return cluster;
  }

  kubectl(...words: readonly string[]): Promise<string> {
    return runProgram(join(this.node.api.assetsDir, 'kubectl'), ['--kubeconfig', this.node.api.kubeconfig, ...words]);
  }

  /** As the demo wants it. */
  readonly words: Kubectl = (words, input) => program(join(this.node.api.assetsDir, 'kubectl'), ['--kubeconfig', this.node.api.kubeconfig, ...words], input);

  apply(...files: readonly string[]): Promise<string> {
    return this.kubectl('apply', ...files.flatMap((file) => ['-f', join(ROOT, file)]));
  }

  /** In the operator's namespace. */
  own(...words: readonly string[]): Promise<string> {
    return this.kubectl('--namespace', NAMESPACE, ...words);
  }

  /** Runs commands as users type them, for this cluster, in a folder. */
  shell(commands: string, folder: string): Promise<string> {
    const { assetsDir, kubeconfig } = this.node.api;
    return runProgram('sh', ['-euc', `cd "$0"\n${commands}`, folder], { ...process.env, KUBECONFIG: kubeconfig, PATH: `${assetsDir}:${process.env['PATH']}` });
  }

  /** Waits until operator and daemon are, all of them, what was applied last. */
  async atWork(): Promise<void> {
    for (const workload of ['daemonset/sriov-network-config-daemon', 'deployment/sriov-network-operator']) await this.rolledOut(workload);
  }

  /** Waits until every pod of a workload is of its newest template and ready. What has crashed three times will not get ready. */
  async rolledOut(workload: string, namespace: string = NAMESPACE): Promise<void> {
    const done = await eventually(async () => {
      const said = await this.kubectl('--namespace', namespace, 'rollout', 'status', workload, '--watch=false');
      if (/successfully rolled out/.test(said)) return true;
      const restarts = await this.kubectl('--namespace', namespace, 'get', 'pods', '--output=jsonpath={.items[*].status.initContainerStatuses[*].restartCount} {.items[*].status.containerStatuses[*].restartCount}');
      if (restarts.split(/\s+/).some((count) => Number(count) >= 3)) return false;
      throw new Error(said);
    });
    if (!done) throw new Error(`${workload} crashes\n${await this.kubectl('--namespace', namespace, 'get', 'pods,events')}\n${await this.kubectl('--namespace', namespace, 'logs', workload, '--all-containers', '--tail=20').catch(String)}`);
  }

  /** Waits until pods are ready; one that has failed will not be. */
  async running(...names: readonly string[]): Promise<void> {
    const phases = await eventually(async () => {
      const pods = await Promise.all(names.map((name) => this.kube.get(api.pods, { namespace: 'default', name })));
      const isReady = pods.every(({ status }) => status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true);
      const failed = pods.flatMap(({ metadata: { name }, status }) => (status?.phase === 'Failed' ? [name] : []));
      if (!isReady && failed.length === 0) throw new Error(`not ready yet: ${await this.kubectl('get', 'pods,events')}`);
      return failed;
    });
    if (phases.length > 0) throw new Error(`failed: ${phases.join(', ')}\n${await this.kubectl('get', 'pods,events')}\n${await this.own('get', 'pods', '--output=wide')}`);
  }

  exec(pod: string, ...command: readonly string[]): Promise<string> {
    return this.kubectl('exec', pod, '--', ...command);
  }

  async allocatable(resource: string): Promise<number> {
    return Number((await this.kube.get(api.nodes, { name: this.node.name })).status?.allocatable?.[resource] ?? 0);
  }

  /** Runs a verb of the image in a pod with an administrator's rights; gives what it said, and takes the pod away. Rejects when the verb fails. */
  async verb(verb: string, ...words: readonly string[]): Promise<string> {
    const reference = { namespace: 'default', name: `vfleet-${verb}` };
    await this.kubectl('create', 'configmap', 'administrator', `--from-literal=kubeconfig=${await this.#kubeconfigForPods()}`);
    await this.kube.create(api.pods, {
      apiVersion: 'v1', kind: 'Pod', metadata: reference,
      spec: {
        hostNetwork: true, restartPolicy: 'Never', volumes: [{ name: 'administrator', configMap: { name: 'administrator' } }],
        containers: [{ name: 'vfleet', image: IMAGE, args: [verb, '--kubeconfig=/etc/vfleet/kubeconfig', ...words], volumeMounts: [{ name: 'administrator', mountPath: '/etc/vfleet' }] }],
      },
    });
    const phase = await eventually(async () => {
      const { status } = await this.kube.get(api.pods, reference);
      if (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') throw new Error(`${verb} is ${status?.phase}`);
      return status.phase;
    });
    const said = await this.kubectl('logs', reference.name);
    if (phase === 'Failed') throw new Error(`${verb} has failed: ${said}`);
    await this.kubectl('delete', `pod/${reference.name}`, 'configmap/administrator');
    return said;
  }

  /** One that a pod may have: the administrator's, with the address by which pods reach the server. */
  async #kubeconfigForPods(): Promise<string> {
    return (await readFile(this.node.api.kubeconfig, 'utf8')).replaceAll(this.node.api.url, `https://${kubernetesServiceAddress}`);
  }

  stop(): Promise<void> {
    return this.#open.disposeAsync();
  }
}
