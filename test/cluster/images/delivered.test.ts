// Goal: what is delivered works as it is delivered, is replaced under pods that do not notice, and goes without a trace. Method: the image as an archive, imported by
// containerd; the manifests as they are, applied by the commands of docs/images.md (deploy/install.yaml with its patches for simulated NICs); operator and daemons as pods
// with the shipped rights, on a real control plane, kubelet and containerd. What an earlier commit delivers takes their place, and they take its place.
import { cp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod, SriovNetworkNodePolicy } from '@vfleet/kube';
import * as api from '@vfleet/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { IMAGE, buildImage } from '../../../tools/images/build.ts';
import { attachTwoPods, offerVfs } from '../../../tools/images/demo.ts';
import { ARTICLE, RESOURCE, eventually, networkStatus, runProgram, sleeper } from '../kubelet/node-cluster.ts';
import { DeliveredCluster, NAMESPACE } from './delivered-cluster.ts';
import { PodStream } from './pod-stream.ts';
import { PolicyStream } from './policy-stream.ts';
import { previousDelivered } from './previous.ts';
import type { Delivered } from './previous.ts';
import { sandboxCalls } from './sandbox-log.ts';
import { figuresOf } from './spans.ts';
import type { Span } from './spans.ts';
import { clusterTraces, nodeTraces } from './traces.ts';

const LOGS = join(import.meta.dirname, '../../../.vfleet/image-logs');
const ROOT = join(import.meta.dirname, '../../..');
const PREVIOUS = 'vfleet:previous';
const EPOCH = 1_700_000_000;
const [OPERATOR, DAEMON] = ['sriov-network-operator', 'sriov-network-config-daemon'];

/** It asks for its network alone: the rest is admission's. And it ends when it is told to. */
const wantingVf = (name: string) => sleeper(name, { networks: 'sriov-net-1', command: ['sh', '-c', 'trap "exit 0" TERM; sleep infinity & wait'] });

// Steps that cannot be gone back: none is tried again.
describe('an image and its manifests', { retry: 0 }, () => {
  let cluster: DeliveredCluster;
  let previous: Delivered;
  let before: { readonly node: Awaited<ReturnType<typeof nodeTraces>>; readonly cluster: Awaited<ReturnType<typeof clusterTraces>> };
  beforeAll(async () => {
    cluster = await DeliveredCluster.start(LOGS);
  });
  afterAll(async () => {
    // What the processes said, for whoever wonders.
    if (cluster !== undefined) for (const name of [OPERATOR, DAEMON]) await writeFile(join(LOGS, `${name}.log`), await cluster.own('logs', `--selector=app.kubernetes.io/name=${name}`, '--all-containers', '--tail=-1', '--prefix').catch(String));
    await cluster?.stop();
  });

  const podsOf = async (name: string): Promise<readonly Pod[]> => (await cluster.kube.list(api.pods, { namespace: NAMESPACE, labelSelector: `app.kubernetes.io/name=${name}` })).items;
  const imagesOf = async (name: string) => (await podsOf(name)).map(({ spec }) => spec?.containers[0]?.image);
  const pings = async () => expect(await cluster.exec('second', 'ping', '-c', '2', '-W', '30', '-I', 'net1', '10.10.10.100')).toContain('2 packets received');
  const restartsOf = async (...names: readonly string[]) => Promise.all(names.map(async (name) => {
    const { metadata, status } = await cluster.kube.get(api.pods, { namespace: 'default', name });
    return [name, metadata.uid, status?.containerStatuses?.map(({ containerID, restartCount }) => [containerID, restartCount]), metadata.annotations];
  }));

  /** From the start of an operator's process, by its metrics, to the line that says that webhooks are served and the controllers run. */
  const readyAfterMs = async (pod: string): Promise<number> => {
    const metrics = await cluster.kubectl('get', '--raw', `/api/v1/namespaces/${NAMESPACE}/pods/${pod}:8080/proxy/metrics`);
    const startedMs = Number(/^process_start_time_seconds (\S+)$/m.exec(metrics)?.[1]) * 1_000;
    const line = (await cluster.own('logs', pod)).split('\n').find((one) => one.includes('"the operator runs"')) ?? '{}';
    return Math.round(Date.parse((JSON.parse(line) as { readonly time: string }).time) - startedMs);
  };

  test('the same sources give the same image, which the runtime takes', async () => {
    const [one, other] = [join(tmpdir(), 'image'), join(tmpdir(), 'image-again')];
    const first = await buildImage({ output: one, epoch: EPOCH });
    const second = await buildImage({ output: other, epoch: EPOCH });
    expect(second.image.manifest.digest).toBe(first.image.manifest.digest);
    for (const file of ['sbom.cdx.json', 'licences.txt', 'provenance.intoto.json']) expect(await readFile(join(other, file), 'utf8')).toBe(await readFile(join(one, file), 'utf8'));
    expect(first.image.layers.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0)).toBeLessThan(200e6);
    // Both have the name of their version, which may be the same.
    previous = await previousDelivered(PREVIOUS, first, EPOCH);
    await cluster.node.importImages(previous.archive);
    await cluster.node.tagImage(`docker.io/library/${IMAGE}`, `docker.io/library/${PREVIOUS}`);
    await cluster.node.importImages(first.archive);
  });

  test('a cluster with a network of its own, before', async () => {
    await cluster.apply('deploy/crds/optional/k8s.cni.cncf.io_network-attachment-definitions.yaml');
    await cluster.kube.create(api.pods, sleeper('early'));
    await cluster.running('early');
    await cluster.kubectl('delete', 'pod', 'early');
    await eventually(async () => expect(Object.keys(await nodeTraces()).filter((path) => /\/10\.244\.|netns\/|interface veth/.test(path))).toEqual([]));
    before = { node: await nodeTraces(), cluster: await clusterTraces(cluster) };
  });

  test('is applied as it is documented, and operator and daemon get ready, as who they are to be', async () => {
    await documented('deploy/patches/simulated.json');
    await cluster.atWork();
    // All at once it would have been the same: kubectl ends with 1 where it finds a difference.
    expect(await cluster.kubectl('diff', '-f', join(ROOT, 'deploy/demo.yaml'))).toBe('');
    const pods = [...(await podsOf(OPERATOR)), ...(await podsOf(DAEMON))];
    expect(pods).toHaveLength(3);
    for (const { spec, status } of pods) expect([spec?.containers.map(({ image }) => image), status?.containerStatuses?.map(({ restartCount }) => restartCount)]).toEqual([[IMAGE], [0]]);
    for (const { metadata: { name } } of await podsOf(OPERATOR)) process.stdout.write(`${name}: ready ${await readyAfterMs(name)} ms after its process was started\n`);
    const [operator] = await processes('operator');
    expect(operator).toMatchObject({ Uid: '65532\t65532\t65532\t65532', CapEff: '0000000000000000', CapPrm: '0000000000000000', CapBnd: '0000000000000000', NoNewPrivs: '1' });
  });

  test('gives the article\'s pod its interface, and two pods exchange traffic', async () => {
    await offerVfs(cluster.words, cluster.node.name);
    expect(await attachTwoPods(cluster.words, { name: 'second', image: 'example.com/sleeper:1', command: ['sleep', 'infinity'] })).toContain('3 packets received');
    const pod = await cluster.kube.get(api.pods, { namespace: 'default', name: 'sriov-test-pod' });
    expect(networkStatus(pod).map(({ name, interface: ifname, ips }) => [name, ifname, ips])).toEqual([['cluster', 'eth0', [pod.status!.podIP]], ['default/sriov-net-1', 'net1', ['10.10.10.100']]]);
    expect(await cluster.exec('sriov-test-pod', 'ip', 'address', 'show', 'net1')).toMatch(/UP[^]* mtu 1500 [^]*inet 10\.10\.10\.100\/24/);
    await pings();
    // A stream of TCP, too: the one that has it says how much it was.
    const [, said] = await Promise.all([
      cluster.exec('sriov-test-pod', 'busybox', 'nc', '-l', '-p', '5201', '-e', 'wc', '-c'),
      cluster.exec('second', 'sh', '-c', 'until busybox dd if=/dev/zero bs=1M count=32 2>/dev/null | busybox nc 10.10.10.100 5201; do sleep 1; done'),
    ]);
    expect(said.trim()).toBe(String(32 << 20));
  });

  /** Runs the commands of docs/images.md that name a file, beside a copy of what is delivered. */
  async function documented(file: string): Promise<void> {
    const blocks = [...(await readFile(join(ROOT, 'docs/images.md'), 'utf8')).matchAll(/^```sh\n(.*?)^```$/gms)].filter(([, commands]) => commands!.includes(file));
    expect(blocks).toHaveLength(1);
    const folder = join(tmpdir(), 'delivered');
    await cp(join(ROOT, 'deploy'), join(folder, 'deploy'), { recursive: true });
    await cluster.shell(blocks[0]![1]!, folder);
  }

  const policy = async (name: string, numVfs: number): Promise<SriovNetworkNodePolicy> => {
    const article = parse(await readFile(join(ARTICLE, 'policy.yaml'), 'utf8')) as SriovNetworkNodePolicy;
    return { ...article, metadata: { ...article.metadata, name }, spec: { ...article.spec, nicSelector: { ...article.spec.nicSelector, pfNames: ['ens801f1'] }, numVfs } };
  };

  const isReady = ({ status }: Pod) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
  const startsOf = async (name: string) => (await podsOf(name)).filter(isReady).map(({ status }) => status?.containerStatuses?.[0]?.containerID ?? '');

  /** Does something by which containers of a workload are replaced, and sees when the first of the new ones is ready, and the last of the old ones gone. */
  async function spanOf(name: string, workload: string, work: () => Promise<unknown>): Promise<Span> {
    const old = await startsOf(workload);
    const fromMs = Date.now();
    const seen = (hasNew: boolean, hasOld: boolean) => eventually(async () => {
      const now = await startsOf(workload);
      expect([now.some((one) => !old.includes(one)) || !hasNew, now.some((one) => old.includes(one)) && !hasOld], name).toEqual([true, false]);
      return Date.now();
    });
    const [readyMs, toMs] = await Promise.all([seen(true, true), work().then(() => seen(true, false))]);
    return { name, replaces: workload, fromMs, readyMs, toMs };
  }

  const steps: readonly { readonly name: string; readonly image: string; readonly replaces: string; readonly work: () => Promise<unknown> }[] = [
    { name: 'daemon restarted', image: IMAGE, replaces: DAEMON, work: () => cluster.own('rollout', 'restart', `daemonset/${DAEMON}`).then(() => cluster.atWork()) },
    { name: 'operator restarted', image: IMAGE, replaces: OPERATOR, work: () => cluster.own('rollout', 'restart', `deployment/${OPERATOR}`).then(() => cluster.atWork()) },
    {
      name: 'rolled back', image: PREVIOUS, replaces: DAEMON, async work() {
        await cluster.kubectl('apply', '-f', join(previous.deploy, 'crds/optional'), '-f', join(previous.deploy, 'demo.yaml'));
        await cluster.atWork();
      },
    },
    { name: 'upgraded', image: IMAGE, replaces: DAEMON, work: () => documented('kubectl apply -k deploy').then(() => cluster.atWork()) },
    {
      name: 'daemon killed', image: IMAGE, replaces: DAEMON, async work() {
        const [daemon, ...more] = await processes('node');
        expect(more).toEqual([]);
        process.kill(Number(daemon!['Pid']), 'SIGKILL');
      },
    },
  ];

  test('is restarted, rolled back to the commit before, upgraded again and killed, under pods that run and pods that come and go: none is lost, none waits for longer', async () => {
    const pods = await restartsOf('sriov-test-pod', 'second');
    await cluster.exec('second', 'sh', '-c', 'ping -I net1 10.10.10.100 >/tmp/pings 2>&1 &');
    const log = join(LOGS, 'containerd.log');
    const { size: logStart } = await stat(log);
    using stream = new PodStream(cluster.kube, 'default', 2, wantingVf);
    using policies = new PolicyStream(cluster.kube, await policy('can-be', 4), await policy('cannot-be', 4_000));
    await stream.passed(2);
    const spans: Span[] = [];
    for (const { name, image, replaces, work } of steps) {
      const span = await spanOf(name, replaces, work);
      spans.push(span);
      // Some were made since it began.
      await stream.passed(4);
      await eventually(async () => expect(await imagesOf(DAEMON), name).toEqual([image]));
      await eventually(async () => expect(await imagesOf(OPERATOR), name).toEqual([image, image]));
      expect(await restartsOf('sriov-test-pod', 'second'), name).toEqual(pods);
    }
    const [streamed, judged] = await Promise.all([stream.stop(), policies.stop()]);
    await eventually(async () => expect(await cluster.allocatable(RESOURCE)).toBe(4));
    const calls = sandboxCalls((await readFile(log)).subarray(logStart).toString('utf8'));
    for (const line of figuresOf(spans, calls, streamed, judged)) process.stdout.write(`${line}\n`);
    // While nobody serves the node, and only then, calls fail.
    const gap = spans.at(-1)!;
    expect(calls.filter(({ failure, fromMs, toMs }) => failure !== undefined && (toMs < gap.fromMs || fromMs > gap.readyMs))).toEqual([]);
    // The kubelet has no device between its plugins, and refuses pods that come then, for good.
    const replacements = spans.filter(({ replaces }) => replaces === DAEMON);
    expect(streamed.pods.filter(({ refused, createdMs }) => refused !== undefined && !replacements.some(({ fromMs, toMs }) => refused.atMs >= fromMs && createdMs <= toMs))).toEqual([]);
    expect(streamed.pods.filter(({ attachedMs, refused }) => attachedMs === undefined && refused === undefined)).toEqual([]);
    expect([...streamed.unadmitted, ...judged.failures]).toEqual([]);
    expect(judged.judged).toBeGreaterThan(0);
    await pings();
    const seen = [...(await cluster.exec('second', 'cat', '/tmp/pings')).matchAll(/ seq=(\d+) /g)].map(([, seq]) => Number(seq));
    expect(seen).toEqual(seen.map((_, index) => index));
    expect(seen.length).toBeGreaterThan(1);
  });

  test('goes, and node and cluster are as they were', async () => {
    await cluster.kubectl('delete', 'pod', 'sriov-test-pod', 'second', '--grace-period=1');
    expect(await cluster.verb('uninstall', '--reset-nics', '--custom-resources', '--crds', '--delete-namespace')).toContain('done');
    await cluster.apply('deploy/node-removal.yaml');
    await cluster.rolledOut('daemonset/vfleet-node-removal', 'kube-system');
    await cluster.kubectl('delete', '-f', join(import.meta.dirname, '../../../deploy/node-removal.yaml'));
    await eventually(async () => expect({ node: await nodeTraces(), cluster: await clusterTraces(cluster) }).toEqual(before));
    // The cluster's own network is as good as before.
    await cluster.kube.create(api.pods, sleeper('late'));
    await cluster.running('late');
    await cluster.kubectl('delete', 'pod', 'late');
  });
});

/** What the kernel says of the processes of a verb (proc_pid_status(5)). */
async function processes(verb: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const pids = (await runProgram('sh', ['-c', `grep -lazE '^${verb}$' /proc/[0-9]*/cmdline 2>/dev/null || true`])).trim().split('\n').map((path) => path.split('/')[2] ?? '');
  const found: Readonly<Record<string, string>>[] = [];
  for (const pid of pids) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!commandLine.includes('/opt/vfleet/lib/main.js')) continue;
    const lines = (await readFile(`/proc/${pid}/status`, 'utf8')).split('\n');
    found.push(Object.fromEntries(lines.map((line) => line.split(/:\s*(.*)/s).slice(0, 2) as [string, string])));
  }
  return found;
}
