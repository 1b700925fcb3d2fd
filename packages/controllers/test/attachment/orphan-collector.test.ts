// Goal: what pods that went without a DEL had comes back by itself, and what living ones have stays. Method: attachment over fakes whose namespaces go; the
// collector under virtual time.
import { MemFiles, SeededRandom, SimClock, silentLog } from '@vfleet/core';
import type { KubeObject, PodSandbox } from '@vfleet/core';
import { networkAttachmentDefinitions } from '@vfleet/kube';
import { expect, test } from 'vitest';
import { createPodNetworks } from '../../src/attachment/index.ts';
import type { ChainedPlugins } from '../../src/attachment/index.ts';
import { OrphanCollector } from '../../src/attachment/orphan-collector.ts';
import { FakeHardware } from '../node-fakes/fake-hardware.ts';
import { FakeKube } from '../node-fakes/fake-kube.ts';
import { inventoryOf, pfOf, vfOf } from '../node-fakes/inventories.ts';

const PF = '0000:81:00.0';
const RESOURCE = 'openshift.io/vfs';

function world() {
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
  const ports = { kube, hardware, files: new MemFiles(), clock, random: new SeededRandom('x'), log: silentLog, namespaces: { exists: async (netns: string) => hardware.namespaces.has(netns) } };
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
  return { clock, hardware, deleted, process, pod, holders };
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
