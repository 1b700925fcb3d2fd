// Goal: what is delivered works as it is delivered, and goes without a trace. Method: the image as an archive, imported by containerd; the manifests as they are,
// applied by kubectl (deploy/demo.yaml: deploy/install.yaml, on simulated NICs); operator and daemons as pods with the shipped rights, on a real control plane, kubelet
// and containerd.
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '@vfleet/kube';
import * as api from '@vfleet/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMAGE, buildImage } from '../../../tools/images/build.ts';
import { attachTwoPods, installDemo, offerVfs } from '../../../tools/images/demo.ts';
import { ARTICLE, RESOURCE, eventually, networkStatus, runProgram } from '../kubelet/node-cluster.ts';
import { DeliveredCluster, NAMESPACE } from './delivered-cluster.ts';
import { previousDelivered, withImage } from './previous.ts';
import type { Delivered } from './previous.ts';
import { clusterTraces, nodeTraces } from './traces.ts';

const LOGS = join(import.meta.dirname, '../../../.vfleet/image-logs');
const ROOT = join(import.meta.dirname, '../../..');
const MANIFEST = join(ROOT, 'deploy/demo.yaml');
const PREVIOUS = 'vfleet:previous';

function sleeper(name: string, more: Partial<Pod['spec']> = {}, annotations: Readonly<Record<string, string>> = {}, resources: Readonly<Record<string, string>> = {}): Pod {
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name, annotations: { ...annotations } },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', image: 'example.com/sleeper:1', command: ['sleep', 'infinity'], resources: { requests: { ...resources }, limits: { ...resources } } }], ...more },
  };
}
const withVf = (name: string) => sleeper(name, {}, { 'k8s.v1.cni.cncf.io/networks': 'sriov-net-1' }, { [RESOURCE]: '1' });

// Steps that cannot be gone back: none is tried again.
describe('an image and its manifests', { retry: 0 }, () => {
  let cluster: DeliveredCluster;
  let previous: Delivered | undefined;
  let before: { readonly node: Awaited<ReturnType<typeof nodeTraces>>; readonly cluster: Awaited<ReturnType<typeof clusterTraces>> };
  beforeAll(async () => {
    cluster = await DeliveredCluster.start(LOGS);
  });
  afterAll(async () => {
    // What the processes said, for whoever wonders.
    if (cluster !== undefined) for (const name of ['sriov-network-operator', 'sriov-network-config-daemon']) await writeFile(join(LOGS, `${name}.log`), await cluster.own('logs', `--selector=app.kubernetes.io/name=${name}`, '--all-containers', '--tail=-1', '--prefix').catch(String));
    await cluster?.stop();
  });

  const podsOf = async (name: string): Promise<readonly Pod[]> => (await cluster.kube.list(api.pods, { namespace: NAMESPACE, labelSelector: `app.kubernetes.io/name=${name}` })).items;
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
    const first = await buildImage({ output: one, epoch: 1_700_000_000 });
    const second = await buildImage({ output: other, epoch: 1_700_000_000 });
    expect(second.image.manifest.digest).toBe(first.image.manifest.digest);
    for (const file of ['sbom.cdx.json', 'licences.txt', 'provenance.intoto.json']) expect(await readFile(join(other, file), 'utf8')).toBe(await readFile(join(one, file), 'utf8'));
    expect(first.image.layers.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0)).toBeLessThan(200e6);
    // Both have the name of their version, which may be the same.
    previous = await previousDelivered();
    await cluster.node.importImages(previous?.archive ?? first.archive);
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

  test('is applied, and operator and daemon get ready, as who they are to be', async () => {
    await installDemo(cluster.words);
    const pods = [...(await podsOf('sriov-network-operator')), ...(await podsOf('sriov-network-config-daemon'))];
    expect(pods).toHaveLength(3);
    for (const { spec, status } of pods) expect([spec?.containers.map(({ image }) => image), status?.containerStatuses?.map(({ restartCount }) => restartCount)]).toEqual([[IMAGE], [0]]);
    for (const { metadata: { name } } of await podsOf('sriov-network-operator')) process.stdout.write(`${name}: ready ${await readyAfterMs(name)} ms after its process was started\n`);
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
  });

  test('admission answers in the cluster: what cannot be is refused', async () => {
    const policy = (await readFile(join(ARTICLE, 'policy.yaml'), 'utf8')).replace('numVfs: 4', 'numVfs: 4000').replace('policy-intel-nic', 'too-many');
    const file = join(tmpdir(), 'too-many.yaml');
    await writeFile(file, policy);
    await expect(cluster.kubectl('apply', '-f', file)).rejects.toThrow(/denied the request/);
  });

  test('is restarted, rolled back to the commit before, and upgraded again, under running pods, which lose nothing', async () => {
    const pods = await restartsOf('sriov-test-pod', 'second');
    const back = join(tmpdir(), 'previous.yaml');
    await writeFile(back, withImage(previous?.manifest ?? (await readFile(MANIFEST, 'utf8')), PREVIOUS));
    const steps: readonly (readonly [string, string, () => Promise<void>])[] = [
      ['restarted', IMAGE, async () => {
        for (const workload of ['daemonset/sriov-network-config-daemon', 'deployment/sriov-network-operator']) {
          await cluster.own('rollout', 'restart', workload);
          await cluster.rolledOut(workload);
        }
      }],
      ['rolled-back', PREVIOUS, () => cluster.install(back)],
      ['upgraded', IMAGE, () => cluster.install(MANIFEST)],
    ];
    for (const [name, image, step] of steps) {
      await step();
      await pings();
      await eventually(async () => expect((await podsOf('sriov-network-config-daemon')).map(({ spec }) => spec?.containers[0]?.image), name).toEqual([image]));
      await eventually(async () => expect(await cluster.allocatable(RESOURCE), name).toBe(4));
      await cluster.kube.create(api.pods, withVf(name));
      await cluster.running(name);
      expect(await cluster.exec(name, 'ping', '-c', '2', '-W', '30', '-I', 'net1', '10.10.10.100'), name).toContain('2 packets received');
      await cluster.kubectl('delete', 'pod', name, '--grace-period=1');
      expect(await restartsOf('sriov-test-pod', 'second'), name).toEqual(pods);
    }
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
