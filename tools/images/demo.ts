/** The demo on simulated NICs, in whatever cluster `kubectl` talks to: kind's, or that of test/cluster/images. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '../..');
const ARTICLE = join(ROOT, 'examples/sriov-operator-article');
const NAMESPACE = 'sriov-network-operator';
const RESOURCE = 'openshift.io/intel-sriov-netdevice';
/** For what hangs. */
const LIMIT_MS = 300_000;

/** A program's words in a cluster. `input` is its standard input. Rejects with what it said. */
export type Kubectl = (words: readonly string[], input?: string) => Promise<string>;

export interface DemoPod {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
}

const WORKLOADS = ['daemonset/sriov-network-config-daemon', 'deployment/sriov-network-operator'] as const;

/** What there must be before: the namespace's objects, CRDs, the operator with its webhooks. `renew`: pods of before are replaced, whose image may be an older one of the same name. */
export async function installDemo(kubectl: Kubectl, { renew = false } = {}): Promise<void> {
  await kubectl(['apply', '-f', join(ROOT, 'deploy/crds/optional'), '-f', join(ROOT, 'deploy/demo.yaml')]);
  if (renew) await kubectl(['--namespace', NAMESPACE, 'rollout', 'restart', ...WORKLOADS]);
  for (const workload of WORKLOADS) await kubectl(['--namespace', NAMESPACE, 'rollout', 'status', workload, `--timeout=${LIMIT_MS / 1_000}s`]);
}

/** The article's policy and network as they are: four VFs on each node that has the label, offered by its kubelet. */
export async function offerVfs(kubectl: Kubectl, node: string): Promise<void> {
  await kubectl(['label', 'node', node, 'feature.node.kubernetes.io/network-sriov.capable=true', '--overwrite']);
  // Webhooks are called as soon as they are there, and answer some moments later.
  await until(() => kubectl(['apply', '-f', join(ARTICLE, 'policy.yaml'), '-f', join(ARTICLE, 'network.yaml')]));
  await until(async () => {
    const offered = await kubectl(['get', 'node', node, `--output=jsonpath={.status.allocatable.${RESOURCE.replaceAll('.', '\\.')}}`]);
    if (offered !== '4') throw new Error(`node ${node} offers ${offered === '' ? 'no' : offered} VFs, and 4 are wanted`);
  });
  await until(() => kubectl(['get', 'net-attach-def', 'sriov-net-1']));
}

/** The article's pod, then another one; the second pings the first one's VF. Gives what ping said. `articleImage` is in place of the article's, on nodes that cannot pull. */
export async function attachTwoPods(kubectl: Kubectl, second: DemoPod, articleImage?: string): Promise<string> {
  const pod = join(ARTICLE, 'pod.yaml');
  const manifest = articleImage === undefined ? await readFile(pod, 'utf8') : await kubectl(['patch', '--local', '-f', pod, '--type=json', `--patch=${JSON.stringify(withImage(articleImage))}`, '--output=json']);
  await startPod(kubectl, 'sriov-test-pod', manifest);
  await startPod(kubectl, second.name, JSON.stringify(podWithVf(second)));
  return kubectl(['exec', second.name, '--', 'ping', '-c', '3', '-W', '30', '-I', 'net1', await addressOf(kubectl, 'sriov-test-pod')]);
}

/** Applies a pod's manifest, and waits until it is ready. One that has failed, as those with devices do when their node was started anew, is made again. */
export async function startPod(kubectl: Kubectl, name: string, manifest: string): Promise<void> {
  const phase = await kubectl(['get', 'pod', name, '--ignore-not-found', '--output=jsonpath={.status.phase}']);
  if (phase === 'Failed') await kubectl(['delete', 'pod', name]);
  await kubectl(['apply', '-f', '-'], manifest);
  await kubectl(['wait', '--for=condition=Ready', `pod/${name}`, `--timeout=${LIMIT_MS / 1_000}s`]);
}

/** Of a pod's VF, as the network status says: the first of its range on a new cluster, and some later one where pods of before had it. */
export async function addressOf(kubectl: Kubectl, pod: string): Promise<string> {
  const status = await kubectl(['get', 'pod', pod, '--output=jsonpath={.metadata.annotations.k8s\\.v1\\.cni\\.cncf\\.io/network-status}']);
  const address = (JSON.parse(status) as readonly { readonly interface?: string; readonly ips?: readonly string[] }[]).find((one) => one.interface === 'net1')?.ips?.[0];
  if (address === undefined) throw new Error(`pod ${pod} has no address at net1: ${status}`);
  return address;
}

/** A JSON patch (RFC 6902) of a pod of one container, whose image is on the node already. */
function withImage(image: string): object {
  return [{ op: 'add', path: '/spec/containers/0/image', value: image }, { op: 'add', path: '/spec/containers/0/imagePullPolicy', value: 'IfNotPresent' }];
}

/** A pod with one VF of the article's network. */
export function podWithVf({ name, image, command }: DemoPod): object {
  const resources = { [RESOURCE]: '1' };
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name, annotations: { 'k8s.v1.cni.cncf.io/networks': 'sriov-net-1' } },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', image, imagePullPolicy: 'IfNotPresent', command, resources: { requests: resources, limits: resources } }] },
  };
}

/** Runs a program to its end; rejects with all that it said when that is not 0. */
export async function program(file: string, words: readonly string[], input?: string): Promise<string> {
  const child = spawn(file, words, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.err += text));
  // It may end without reading.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`${file} ${words.join(' ')} has ended with ${status}:\n${said.out}${said.err}`);
  return said.out;
}

async function until<Value>(work: () => Promise<Value>): Promise<Value> {
  const startedMs = performance.now();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() - startedMs > LIMIT_MS) throw error;
      await sleep(500);
    }
  }
}
