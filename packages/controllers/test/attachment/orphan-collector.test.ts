// Goal: what pods that went without a DEL had comes back by itself, and what living ones have stays. Method: attachment over fakes whose namespaces go; the
// collector under virtual time.
import { MemFiles, SeededRandom, SimClock, silentLog } from '@vfleet/core';
import type { KubeObject, PodSandbox } from '@vfleet/core';
import { networkAttachmentDefinitions, pods } from '@vfleet/kube';
import { expect, test } from 'vitest';
import { createPodNetworks } from '../../src/attachment/index.ts';
import type { ChainedPlugins } from '../../src/attachment/index.ts';
import { OrphanCollector } from '../../src/attachment/orphan-collector.ts';
import { FakeHardware } from '../node-fakes/fake-hardware.ts';
import { fakeNamespaces } from '../node-fakes/fake-namespaces.ts';
import { FakeKube } from '../node-fakes/fake-kube.ts';
import { inventoryOf, pfOf, vfOf } from '../node-fakes/inventories.ts';

const PF = '0000:81:00.0';
const RESOURCE = 'openshift.io/vfs';

function world({ isHidden = () => false }: { readonly isHidden?: () => boolean } = {}) {
  const kube = new FakeKube();
  const clock = new SimClock();
  const hardware = new FakeHardware(inventoryOf(pfOf(PF, 'ens1f0', [0, 1].map((index) => vfOf(PF, index)))));
  const deleted: string[] = [];
  const chainedPlugins: ChainedPlugins = {
    has: (type) => type === 'macvlan',
    add: async ({ ifname }) => ({ ok: true, value: { interfaces: [{ name: ifname, sandbox: 'x' }], ips: [], routes: [], dns: {} } }),
    del: async ({ type, containerId }) => {
      deleted.push(`${type} ${containerId}`);
      return { ok: true, value: undefined };
    },
    check: async () => ({ ok: true, value: undefined }),
  };
  for (const [name, config, resource] of [['vf', { cniVersion: '1.0.0', name: 'vf', type: 'sriov' }, RESOURCE], ['mac', { cniVersion: '1.0.0', name: 'mac', type: 'macvlan' }, undefined]] as const) {
    kube.put(networkAttachmentDefinitions, {
      apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition',
      metadata: { namespace: 'default', name, ...(resource === undefined ? {} : { annotations: { 'k8s.v1.cni.cncf.io/resourceName': resource } }) }, spec: { config: JSON.stringify(config) },
    } as KubeObject);
  }
  const ports = { kube, hardware, files: new MemFiles(), clock, random: new SeededRandom('x'), log: silentLog, namespaces: fakeNamespaces(hardware, isHidden) };
  const process = () => createPodNetworks(ports, { nodeName: 'node', chainedPlugins });
  const pod = (number: number): PodSandbox => {
    const netns = `/var/run/netns/pod-${number}`;
    hardware.namespaces.add(netns);
    const device = `0000:81:01.${number}`;
    return { namespace: 'default', name: `pod-${number}`, uid: `uid-${number}`, containerId: `c${number}`, netns, annotations: { 'k8s.v1.cni.cncf.io/networks': 'vf,mac' }, devices: [{ name: 'app', devices: [{ resourceName: RESOURCE, ids: [device] }] }] };
  };
  const holders = async (networks: ReturnType<typeof process>) => {
    const all = await networks.attachments();
    return all.ok ? all.value.map(({ containerId }) => containerId) : undefined;
  };
  return { kube, clock, hardware, deleted, process, pod, holders };
}

test('a namespace that went while a process runs is noticed within a minute, the VF and the plugins’ part come back; the living pod keeps its own', async () => {
  const { clock, hardware, deleted, process, pod, holders } = world();
  const networks = process();
  const collector = new OrphanCollector({ attachments: networks, clock, log: silentLog });
  collector.start();
  for (const number of [0, 1]) expect((await networks.attach(pod(number))).ok).toBe(true);
  await clock.run(120_000);
  expect([await holders(networks), deleted]).toEqual([['c0', 'c1'], []]);
  hardware.removeNamespace('/var/run/netns/pod-0');
  await clock.run(60_000);
  expect([await holders(networks), deleted]).toEqual([['c1'], ['macvlan c0']]);
  collector.stop();
  hardware.removeNamespace('/var/run/netns/pod-1');
  await clock.run(600_000);
  expect(await holders(networks)).toEqual(['c1']);
});

test('what went while no process ran is noticed at the start', async () => {
  const { clock, hardware, deleted, process, pod, holders } = world();
  const before = process();
  for (const number of [0, 1]) await before.attach(pod(number));
  before.stop();
  hardware.removeNamespace('/var/run/netns/pod-1');
  const networks = process();
  const collector = new OrphanCollector({ attachments: networks, clock, log: silentLog });
  collector.start();
  await clock.run(0);
  expect([await holders(networks), deleted]).toEqual([['c0'], ['macvlan c1']]);
  collector.stop();
});

test('while namespaces are not seen running pods keep what they have, and their VFs are refused to others; whose pod is deleted is taken back all the same', async () => {
  let hidden = false;
  const { kube, clock, hardware, deleted, process, pod, holders } = world({ isHidden: () => hidden });
  const before = process();
  const attached: PodSandbox[] = [];
  for (const number of [0, 1]) {
    kube.put(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: `pod-${number}` } } as KubeObject);
    const { metadata } = await kube.get(pods, { namespace: 'default', name: `pod-${number}` });
    attached.push({ ...pod(number), uid: metadata.uid! });
    expect((await before.attach(attached[number]!)).ok).toBe(true);
  }
  before.stop();
  hidden = true;
  const state = JSON.stringify(hardware.state());
  const networks = process();
  const collector = new OrphanCollector({ attachments: networks, clock, log: silentLog });
  collector.start();
  await clock.run(300_000);
  expect([await holders(networks), deleted, JSON.stringify(hardware.state())]).toEqual([['c0', 'c1'], [], state]);
  expect([...networks.unknownSandboxes()].map(([id, { remedy }]) => [id, remedy])).toEqual([['c0', 'Mount it.'], ['c1', 'Mount it.']]);
  const refused = await networks.attach({ ...pod(0), name: 'other', uid: 'uid-other', containerId: 'c9' });
  expect(!refused.ok && refused.error).toMatchObject({ code: 11, cause: expect.stringContaining('as far as can be known: there is nothing at /var/run/netns/pod-0'), remedy: 'Mount it.' });

  kube.remove(pods, { namespace: 'default', name: 'pod-1' });
  hardware.removeNamespace('/var/run/netns/pod-1');
  await clock.run(60_000);
  expect([await holders(networks), deleted]).toEqual([['c0'], ['macvlan c1']]);

  hidden = false;
  await clock.run(60_000);
  expect([await holders(networks), networks.unknownSandboxes().size]).toEqual([['c0'], 0]);
  collector.stop();
  expect((await networks.detach(attached[0]!)).ok).toBe(true);
  expect(await holders(networks)).toEqual([]);
});

test('a pod\'s next sandbox gets the VF of the one before, whatever is seen of that one', async () => {
  let hidden = false;
  const { kube, hardware, process, pod, holders } = world({ isHidden: () => hidden });
  kube.put(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'pod-0' } } as KubeObject);
  const networks = process();
  const first = { ...pod(0), uid: 'uid-pods/default/pod-0' };
  expect((await networks.attach(first)).ok).toBe(true);
  hidden = true;
  hardware.namespaces.add('/var/run/netns/next');
  const next = { ...first, containerId: 'c0-next', netns: '/var/run/netns/next' };
  expect((await networks.attach({ ...next, uid: '' })).ok).toBe(false);
  expect((await networks.attach(next)).ok).toBe(true);
  expect(await holders(networks)).toEqual(['c0-next']);
});
