// Goal: beside a real Multus the delivered image and manifests do what they promise, in both of its forms, and leave what is Multus' alone; and the chart goes without a trace, by its own Job.
// Method: Multus by the manifests of its own installation on a real control plane, kubelet and containerd, in front of a ptp network as kind has it; deploy/install.yaml on simulated NICs, then the
// chart by helm; the article's manifests unchanged. What pods get is compared with what our own meta-plugin gives the same pod.
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Pod } from '@vfleet/kube';
import * as api from '@vfleet/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../../tools/images/build.ts';
import { offerVfs } from '../../../tools/images/demo.ts';
import { multusImages, multusManifest, writeMultusImage } from '../../../tools/rigs/multus.ts';
import { DeliveredCluster, NAMESPACE } from '../images/delivered-cluster.ts';
import { clusterTraces, nodeTraces } from '../images/traces.ts';
import { ARTICLE, RESOURCE, eventually, networkStatus, sleeper } from '../kubelet/node-cluster.ts';
import { attachOnceMore, bothInFront, comparable, isOurText } from './beside-ours.ts';
import type { Wish } from './beside-ours.ts';
import { callPlugin } from './plugin-call.ts';
import { Release } from './release.ts';

const ROOT = join(import.meta.dirname, '../../..');
const LOGS = join(ROOT, '.vfleet/multus-logs');
const VARIABLE = 'PCIDEVICE_OPENSHIFT_IO_INTEL-SRIOV-NETDEVICE';
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const ATTACHED_VFS = '/var/lib/cni/vfleet/vfs';

/** As kind's network is, and of the version of CNI that has STATUS. */
const PTP_NETWORK = {
  cniVersion: '1.1.0', name: 'cluster',
  plugins: [
    { type: 'ptp', mtu: 1_500, ipMasq: false, ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

/** Further networks, for what the article's does not have. */
const MORE_NETWORKS = [
  { name: 'wishes', networkNamespace: 'default', capabilities: '{ "mac": true, "ips": true }', ipam: '{ "type": "static" }' },
  { name: 'tuned', networkNamespace: 'default', ipam: '{ "type": "host-local", "subnet": "10.20.0.0/24" }', metaPlugins: '{ "type": "tuning", "mtu": 1400 }' },
  { name: 'primary', networkNamespace: 'kube-system', ipam: '{ "type": "host-local", "subnet": "10.30.0.0/24", "gateway": "10.30.0.1", "routes": [{ "dst": "0.0.0.0/0", "gw": "10.30.0.1" }] }' },
] as const;

const WISHES: readonly Wish[] = [
  { what: 'no network of its own' },
  { what: 'the short form', networks: 'sriov-net-1' },
  { what: 'two VFs of one resource, one by a name of its own', networks: 'default/sriov-net-1@first, sriov-net-1' },
  { what: 'MAC and addresses of its own', networks: '[{ "name": "wishes", "mac": "02:00:00:00:00:07", "ips": ["10.40.0.7/24", "fd40::7/64"], "interface": "wished" }]' },
  { what: 'arguments for the plugins', networks: '[{ "name": "sriov-net-1", "cni-args": { "ips": ["10.10.10.150"] } }]' },
  { what: 'a network of the node', networks: 'of-the-node' },
  { what: 'a VF as the default network', defaultNetwork: 'primary' },
  { what: 'a network that is not there', networks: 'nowhere' },
  { what: 'more VFs than it has', networks: 'sriov-net-1, sriov-net-1, sriov-net-1' },
  { what: 'no list', networks: '[{ "name": ' },
];

// Steps that cannot be gone back: none is tried again.
describe('beside Multus', { retry: 0 }, () => {
  let cluster: DeliveredCluster;
  /** What there was before anything of ours came. */
  let before: { readonly node: Awaited<ReturnType<typeof nodeTraces>>; readonly cluster: Awaited<ReturnType<typeof clusterTraces>> };

  let release: Release;
  beforeAll(async () => {
    const archive = join(tmpdir(), 'multus.tar');
    const [started, built] = await Promise.all([DeliveredCluster.start(LOGS, PTP_NETWORK), buildImage({ output: join(tmpdir(), 'image') }), writeMultusImage(archive)]);
    cluster = started;
    release = await Release.of(cluster);
    await Promise.all([cluster.node.importImages(built.archive), cluster.node.importImages(archive)]);
    await cluster.node.tagImage(multusImages.thin, multusImages.thick);
  });
  afterAll(async () => {
    // What the processes said, for whoever wonders.
    const kept: readonly (readonly [string, string, string])[] = [[NAMESPACE, 'app.kubernetes.io/name', 'sriov-network-operator'], [NAMESPACE, 'app.kubernetes.io/name', 'sriov-network-config-daemon'], ['kube-system', 'app', 'multus']];
    if (cluster !== undefined) for (const [namespace, label, name] of kept) await writeFile(join(LOGS, `${name}.log`), await cluster.kubectl('--namespace', namespace, 'logs', `--selector=${label}=${name}`, '--all-containers', '--tail=-1', '--prefix').catch(String));
    await cluster?.stop();
  });

  const get = (name: string) => cluster.kube.get(api.pods, { namespace: 'default', name });
  const run = async (pod: Pod): Promise<Pod> => {
    await cluster.kube.create(api.pods, pod);
    await cluster.running(pod.metadata.name);
    return get(pod.metadata.name);
  };
  /** For the time after a daemon has come: a pod that is there before the device plugin is registered again is refused for good. */
  const runAgain = (pod: Pod): Promise<Pod> => eventually(async () => {
    await cluster.kubectl('delete', 'pod', pod.metadata.name, '--ignore-not-found', '--grace-period=1');
    return run(pod);
  });
  /** Does not wait until they are gone. */
  const deletePods = (...names: readonly string[]) => cluster.kubectl('delete', 'pod', '--grace-period=1', '--wait=false', ...names);
  const areGone = (...names: readonly string[]) => cluster.kubectl('wait', '--for=delete', '--timeout=300s', ...names.map((name) => `pod/${name}`));
  const devicesOf = async (pod: string) => (await cluster.exec(pod, 'env')).split('\n').flatMap((line) => (line.startsWith(`${VARIABLE}=`) ? line.slice(VARIABLE.length + 1).split(',') : []));
  const pings = async () => expect(await cluster.exec('second', 'ping', '-c', '1', '-W', '30', '-I', 'net1', '10.10.10.100')).toContain('1 packets received');
  const attachedVfs = async () => (await readdir(ATTACHED_VFS)).length;
  /** What a restart of the pod, of its containers, or of its networks would change. */
  const lives = async (...names: readonly string[]) => Promise.all(names.map(async (name) => {
    const { metadata, status } = await get(name);
    return [name, metadata.uid, metadata.annotations, status?.containerStatuses?.map(({ containerID, restartCount }) => [containerID, restartCount])];
  }));

  test('Multus puts itself in front of the cluster\'s network', async () => {
    await cluster.kubectl('apply', '-f', multusManifest('thin'));
    await cluster.rolledOut('daemonset/kube-multus-ds', 'kube-system');
    await eventually(async () => expect(await readdir(cluster.node.cniConf)).toContain('00-multus.conflist'));
    before = { node: await nodeTraces(), cluster: await clusterTraces(cluster) };
    expect(Object.keys(before.node)).toEqual(expect.arrayContaining(['/opt/cni/bin/multus', '/etc/cni/net.d/multus.d/multus.kubeconfig']));
  });

  test('vfleet is installed beside it, and changes nothing of its', async () => {
    await cluster.kubectl('apply', '-k', await simulatedInstallation());
    await cluster.rolledOut('deployment/sriov-network-operator');
    await offerVfs(cluster.words, cluster.node.name);
    expect(await nodeTraces()).toMatchObject(before.node);
    expect(await readdir(cluster.node.cniConf)).not.toContain('00-vfleet.conflist');
  });

  test('the article\'s pod has its interface: variable, address, status, device information', async () => {
    await cluster.kubectl('apply', '-f', join(ARTICLE, 'pod.yaml'));
    await cluster.running('sriov-test-pod');
    const pod = await get('sriov-test-pod');
    const [device, ...more] = await devicesOf('sriov-test-pod');
    expect([device, more]).toEqual([expect.stringMatching(/^0000:81:[0-9a-f]{2}\.[0-7]$/), []]);
    const information = { type: 'pci', version: '1.1.0', pci: { 'pci-address': device } };
    expect(networkStatus(pod)).toEqual([
      expect.objectContaining({ name: 'cluster', interface: 'eth0', ips: [pod.status!.podIP], mac: expect.stringMatching(MAC), default: true, dns: {} }),
      { name: 'default/sriov-net-1', interface: 'net1', ips: ['10.10.10.100'], mac: expect.stringMatching(MAC), dns: {}, 'device-info': information },
    ]);
    expect(await cluster.exec('sriov-test-pod', 'ip', 'address', 'show', 'net1')).toMatch(/UP[^]* mtu 1500 [^]*inet 10\.10\.10\.100\/24/);
    expect(await cluster.exec('sriov-test-pod', 'cat', '/sys/class/net/net1/address')).toContain(networkStatus(pod)[1]!.mac);
    expect(await cluster.kubectl('get', 'events', '--field-selector', 'reason=AddedInterface', '-o', 'jsonpath={.items[*].message}')).toContain('Add net1 [10.10.10.100/24] from default/sriov-net-1');
    // What our device plugin has written, Multus has copied for the attachment (device information specification 1.1, §5).
    const folder = '/run/k8s.cni.cncf.io/devinfo';
    const copies = (await readdir(join(folder, 'cni'))).filter((name) => name.startsWith('default-sriov-net-1-') && name.endsWith('_net1'));
    const contents = await Promise.all(copies.map(async (name) => JSON.parse(await readFile(join(folder, 'cni', name), 'utf8')) as object));
    expect(contents).toEqual([information]);
    expect(JSON.parse(await readFile(join(folder, 'dp', `${RESOURCE.replace('/', '-')}-${device}-device.json`), 'utf8'))).toEqual(information);
  });

  test('a pod that names a network and asks for nothing gets the VF by the injector, and reaches the first', async () => {
    const pod = await run(sleeper('second', { networks: 'sriov-net-1' }));
    expect(pod.spec?.containers[0]?.resources).toEqual({ requests: { [RESOURCE]: '1' }, limits: { [RESOURCE]: '1' } });
    expect(networkStatus(pod)[1]).toMatchObject({ name: 'default/sriov-net-1', ips: ['10.10.10.101'], 'device-info': { pci: { 'pci-address': (await devicesOf('second'))[0] } } });
    await pings();
  });

  test('the same pod gets the same by Multus as by our own meta-plugin, whatever it asks for', async () => {
    for (const { name, ...spec } of MORE_NETWORKS) {
      await cluster.kube.create(api.sriovNetworks, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetwork', metadata: { namespace: NAMESPACE, name }, spec: { resourceName: 'intel-sriov-netdevice', ...spec } });
    }
    await cluster.kube.create(api.networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace: 'default', name: 'of-the-node' } });
    await mkdir('/etc/cni/multus/net.d', { recursive: true });
    await writeFile('/etc/cni/multus/net.d/of-the-node.conf', JSON.stringify({ cniVersion: '1.0.0', name: 'of-the-node', type: 'ptp', ipam: { type: 'host-local', subnet: '10.50.0.0/24' } }));
    await run(sleeper('compared', { vfs: 2 }));
    const { multus, ours } = await bothInFront(cluster);
    for (const { name, networkNamespace: namespace } of MORE_NETWORKS) await eventually(() => cluster.kube.get(api.networkAttachmentDefinitions, { namespace, name }));
    for (const wish of WISHES) {
      const theirs = await attachOnceMore(cluster, 'compared', multus, wish);
      const own = await attachOnceMore(cluster, 'compared', ours, wish);
      expect.soft(comparable(own, wish.networks ?? ''), `${wish.what}: ${own.kind === 'refused' ? own.said : ''}`).toEqual(comparable(theirs, wish.networks ?? ''));
      if (theirs.kind === 'attached') expect.soft(isOurText(theirs), wish.what).toBe(true);
    }
    // Behind Multus the runtime's side runs what follows a VF in a chain, with its own rights; our daemon has only those that it needs there itself.
    const chain = await attachOnceMore(cluster, 'compared', multus, { what: '', networks: 'tuned' });
    expect(chain).toMatchObject({ inPod: { links: expect.arrayContaining([expect.objectContaining({ name: 'net1', mtu: 1_400 })]) } });
    // Multus 4.2.2 to 4.3.0 do not find the default route that is to go, and the one that is to come then "exists" (their pull request 1552).
    const route = { what: '', networks: '[{ "name": "sriov-net-1", "default-route": ["10.10.10.1"] }]' };
    expect(await attachOnceMore(cluster, 'compared', multus, route)).toMatchObject({ inPod: { routes: expect.arrayContaining(['default 10.244.0.1 eth0']) } });
    expect(await attachOnceMore(cluster, 'compared', ours, route)).toMatchObject({ inPod: { routes: expect.arrayContaining(['default 10.10.10.1 net1']) } });
    // Multus counts devices anew for the other networks, in whatever order the kubelet lists them then: the first may be given the default network's VF, which is refused.
    const both = { what: '', defaultNetwork: 'primary', networks: 'sriov-net-1' };
    const theirs = await attachOnceMore(cluster, 'compared', multus, both);
    if (theirs.kind === 'refused') expect(theirs.said).toContain('Use a resource for each of the two networks');
    expect(await attachOnceMore(cluster, 'compared', ours, both)).toMatchObject({ status: [{ name: 'kube-system/primary', interface: 'eth0' }, { name: 'default/sriov-net-1', interface: 'net1' }] });
    await deletePods('compared');
    await areGone('compared');
    await rm('/etc/cni/multus', { recursive: true });
  });

  test('STATUS and GC of Multus end well, and take nobody\'s VF', async () => {
    const { multus } = await bothInFront(cluster);
    expect(await callPlugin(cluster.node.cniBin, 'STATUS', multus)).toMatchObject({ ok: true });
    expect(await callPlugin(cluster.node.cniBin, 'GC', { ...multus, 'cni.dev/valid-attachments': [] })).toMatchObject({ ok: true });
    await pings();
  });

  test('without the daemon pods go on; what is deleted meanwhile gives its VF back when the daemon is there again', async () => {
    const lived = await lives('sriov-test-pod', 'second');
    await run(sleeper('left', { networks: 'sriov-net-1', vfs: 1 }));
    expect(await attachedVfs()).toBe(3);
    const daemons = async () => (await cluster.kube.list(api.pods, { namespace: NAMESPACE, labelSelector: 'app.kubernetes.io/name=sriov-network-config-daemon' })).items;
    await cluster.own('patch', 'daemonset', 'sriov-network-config-daemon', '--patch', JSON.stringify({ spec: { template: { spec: { nodeSelector: { 'vfleet.invalid/nowhere': '' } } } } }));
    await eventually(async () => expect(await daemons()).toEqual([]));
    await deletePods('left');
    const events = () => cluster.kubectl('get', 'events', '--field-selector', 'involvedObject.name=left', '-o', 'jsonpath={.items[*].message}');
    await eventually(async () => expect(await events()).toContain('the vfleet daemon of this node does not run'));
    expect(await attachedVfs()).toBe(3);
    await pings();
    await cluster.own('patch', 'daemonset', 'sriov-network-config-daemon', '--patch', JSON.stringify({ spec: { template: { spec: { nodeSelector: { 'vfleet.invalid/nowhere': null } } } } }));
    await areGone('left');
    await eventually(async () => expect(await attachedVfs()).toBe(2));
    expect(await lives('sriov-test-pod', 'second')).toEqual(lived);
    await pings();
  });

  test('Multus\' daemon takes the place of its plugin under running pods, and gives and takes back VFs as well', async () => {
    await cluster.kubectl('--namespace', 'kube-system', 'delete', 'daemonset', 'kube-multus-ds');
    await cluster.kubectl('apply', '-f', multusManifest('thick'));
    await cluster.rolledOut('daemonset/kube-multus-ds', 'kube-system');
    await eventually(async () => expect(await readdir(cluster.node.cniConf)).toContain('00-multus.conf'));
    await rm(join(cluster.node.cniConf, '00-multus.conflist'));
    await pings();
    const pod = await runAgain(sleeper('thick', { networks: 'sriov-net-1@other', vfs: 1 }));
    expect(networkStatus(pod)[1]).toMatchObject({ name: 'default/sriov-net-1', interface: 'other', 'device-info': { pci: { 'pci-address': (await devicesOf('thick'))[0] } } });
    expect(await cluster.exec('thick', 'ping', '-c', '1', '-W', '30', '-I', 'other', '10.10.10.100')).toContain('1 packets received');
    // One that it has given a VF, and two that the plugin had.
    await deletePods('thick', 'second', 'sriov-test-pod');
    await areGone('thick', 'second', 'sriov-test-pod');
    await eventually(async () => expect(await attachedVfs()).toBe(0));
  });

  test('uninstalled, and installed anew by helm over what stayed', async () => {
    expect(await cluster.verb('uninstall')).toContain('done');
    await cluster.kubectl('delete', '-f', join(ROOT, 'deploy/simulated-fleet.yaml'));
    // The same NICs, whose VFs are there still.
    await release.install({ simulated: { fleet: { nodes: [{ name: 'every-node', pfs: [0, 1].map((port) => ({ personality: 'E810-CQDA2', pciAddress: `0000:81:00.${port}`, name: `ens801f${port}` })) }] }, standIns: true } });
    await offerVfs(cluster.words, cluster.node.name);
    const pod = await runAgain(sleeper('of-the-chart', { networks: 'sriov-net-1', vfs: 1 }));
    expect(networkStatus(pod)[1]).toMatchObject({ name: 'default/sriov-net-1', interface: 'net1' });
    await deletePods('of-the-chart');
    await areGone('of-the-chart');
  });

  test('helm uninstalls: the chart\'s Job runs as a pod, nothing of ours is left, and what is Multus\' is as it was', async () => {
    await cluster.own('delete', 'sriovnetworks,sriovnetworknodepolicies', '--all');
    await cluster.kubectl('delete', 'net-attach-def', 'of-the-node');
    // NICs stay as they are when the chart goes: first they are given back.
    await eventually(async () => expect(Object.keys(await nodeTraces()).filter((name) => name.startsWith('interface ens801f0'))).toEqual([]));
    await release.uninstall();
    expect(await cluster.own('get', 'events', '--field-selector=reason=Completed', '--output=jsonpath={.items[*].involvedObject.name}')).toBe('vfleet-uninstall');
    expect(await cluster.own('get', 'events', '--field-selector=reason=Started', '--output=jsonpath={.items[*].message}')).toContain('uninstall');
    await cluster.apply('deploy/node-removal.yaml');
    await cluster.rolledOut('daemonset/vfleet-node-removal', 'kube-system');
    await cluster.kubectl('delete', '-f', join(ROOT, 'deploy/node-removal.yaml'));
    await cluster.kubectl('delete', '-f', join(ROOT, 'deploy/chart/vfleet/crds'));
    await eventually(async () => expect(othersOn(await nodeTraces())).toEqual(othersOn(before.node)));
    await eventually(async () => expect(await clusterTraces(cluster)).toEqual([...before.cluster, ...LEFT].toSorted()));
    // Nobody stands in the way of a pod, and Multus gives it the cluster's network as before.
    expect(networkStatus(await run(sleeper('late'))).map(({ name }) => name)).toEqual(['cluster']);
  });
});

/** The namespace, which helm leaves, and a part of Multus' second manifest. */
const LEFT = [
  `Namespace /${NAMESPACE}`, `ConfigMap ${NAMESPACE}/kube-root-ca.crt`, `ServiceAccount ${NAMESPACE}/default`,
  'ConfigMap kube-system/multus-daemon-config',
];

/** Without what its own daemon has brought, and what the plugins of other networks remember. */
function othersOn(traces: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const isPassing = (path: string) => /^\/etc\/cni\/(?:multus|net\.d\/00-multus\.)|^\/opt\/cni\/bin\/multus-shim$|^\/run\/k8s\.cni\.cncf\.io|^\/var\/lib\/cni(?:$|\/multus|\/networks$|\/networks\/(?:cluster|of-the-node)|\/results)/.test(path);
  return Object.fromEntries(Object.entries(traces).filter(([path]) => !isPassing(path)));
}

/** deploy/install.yaml with the patch for simulated NICs, as a folder for kustomize: applied in two steps, the daemons of the first would be replaced at once. */
async function simulatedInstallation(): Promise<string> {
  const folder = join(tmpdir(), 'installation');
  await mkdir(folder);
  const [resources, patch] = [['install.yaml', 'simulated-fleet.yaml'], 'patches/simulated.json'] as const;
  for (const name of [...resources, patch]) await cp(join(ROOT, 'deploy', name), join(folder, basename(name)));
  await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify({ resources, patches: [{ path: basename(patch) }] }));
  return folder;
}
