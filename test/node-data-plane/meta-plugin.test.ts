// Goal: without Multus, a pod gets the cluster's network and those of its annotations, all or none, and its status says so; every command of the
// specification is answered. Method: the embedded API server, VFs as data, plugins that remember how they were executed; real ones are run in test/cluster/kubelet.
import { MetaPlugin, isMetaPluginCall } from '@vfleet/controllers/meta-plugin/index.ts';
import { createPodNetworks, installedPlugins } from '@vfleet/controllers';
import type { NodePodNetworks } from '@vfleet/controllers';
import type { PluginExecution, PluginOutcome } from '@vfleet/controllers/cni/plugin-runner.ts';
import { MemFiles, SeededRandom, SimClock, ok, silentLog } from '@vfleet/core';
import type { AttachFailure, Kube, PodDevices, Result } from '@vfleet/core';
import * as api from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeHardware } from '../../packages/controllers/test/node-fakes/fake-hardware.ts';
import { inventoryOf, pfOf, vfOf } from '../../packages/controllers/test/node-fakes/inventories.ts';

const PF = '0000:81:00.0';
const NETNS = '/run/netns/a';
const bridge = { type: 'bridge', ipam: { type: 'host-local' } };
const config = (more: object = {}) => ({ cniVersion: '1.1.0', name: 'cluster', type: 'vfleet', delegates: [{ name: 'pods', plugins: [bridge, { type: 'portmap', capabilities: { portMappings: true } }] }], ...more });
const eth0 = { cniVersion: '1.1.0', interfaces: [{ name: 'cni0' }, { name: 'eth0', mac: '02:00:00:00:00:07', mtu: 1450, sandbox: NETNS }], ips: [{ address: '10.244.0.7/24', gateway: '10.244.0.1', interface: 1 }], routes: [{ dst: '0.0.0.0/0' }], dns: {} };

/** Plugins of a node: what each was executed with, and what it answers. */
class Plugins {
  readonly executions: { readonly type: string; readonly command: string; readonly input: Record<string, unknown> }[] = [];
  readonly answers = new Map<string, PluginOutcome>();
  has(type: string): boolean {
    return ['bridge', 'portmap'].includes(type);
  }
  async run({ type, environment, input }: PluginExecution): Promise<PluginOutcome> {
    const command = environment['CNI_COMMAND']!;
    const parsed = JSON.parse(input) as Record<string, unknown>;
    this.executions.push({ type, command, input: parsed });
    const usual = command !== 'ADD' ? '' : JSON.stringify(type === 'bridge' ? eth0 : (parsed['prevResult'] ?? eth0));
    return this.answers.get(`${type} ${command}`) ?? { kind: 'ended', status: 0, output: usual };
  }
  get order(): readonly string[] {
    return this.executions.map(({ type, command }) => `${command} ${type}`);
  }
}

const refused = (msg: string): PluginOutcome => ({ kind: 'ended', status: 1, output: JSON.stringify({ code: 11, msg }) });

interface World {
  readonly kube: Kube;
  readonly hardware: FakeHardware;
  readonly vfs: NodePodNetworks['vfs'];
  readonly files: MemFiles;
  readonly plugins: Plugins;
  readonly events: string[];
  readonly before: unknown;
  devices: PodDevices['containers'] | Error;
  vfStatus: Result<void, AttachFailure>;
  call(command: string, network?: object, variables?: Readonly<Record<string, string>>): Promise<{ readonly status: number; readonly json: Record<string, unknown> | undefined; readonly undo?: () => Promise<void> }>;
  pod(annotations: Readonly<Record<string, string>>): Promise<api.Pod>;
  status(): Promise<unknown>;
}

async function createWorld(): Promise<World> {
  const ports = { clock: new SimClock(), random: new SeededRandom('meta'), log: silentLog };
  const server = createApiServer(ports);
  const kube = server.client();
  const installed = await api.installCrds({ ...ports, kube });
  if (!installed.ok) throw new Error(installed.error.cause);
  await kube.create(api.networkAttachmentDefinitions, {
    apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace: 'default', name: 'fast', annotations: { 'k8s.v1.cni.cncf.io/resourceName': 'openshift.io/fast' } },
    spec: { config: JSON.stringify({ cniVersion: '1.0.0', name: 'fast', type: 'sriov', ipam: { type: 'host-local', subnet: '10.1.1.0/24', gateway: '10.1.1.1', routes: [{ dst: '0.0.0.0/0' }] } }) },
  });
  const hardware = new FakeHardware(inventoryOf(pfOf(PF, 'ens1f0', [vfOf(PF, 0), vfOf(PF, 1)])));
  hardware.namespaces.add(NETNS);
  const files = new MemFiles();
  const plugins = new Plugins();
  const events: string[] = [];
  const networks = createPodNetworks({ ...ports, kube, hardware, files }, { nodeName: 'node-a', chainedPlugins: installedPlugins(plugins) });
  const recorder: api.EventRecorder = { record: (_type, _about, reason, message) => void events.push(`${reason}: ${message}`) };
  const world: World = {
    kube, hardware, vfs: networks.vfs, files, plugins, events, before: hardware.state(),
    devices: [{ name: 'app', devices: [{ resourceName: 'openshift.io/fast', ids: ['0000:81:01.0'] }] }], vfStatus: ok(undefined),
    async call(command, network = config(), variables = {}) {
      const environment = { CNI_COMMAND: command, CNI_CONTAINERID: 'c1', CNI_NETNS: NETNS, CNI_IFNAME: 'eth0', CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web', ...variables };
      const { status, output, undo } = await meta.handle({ environment, input: JSON.stringify(network) });
      return { status, json: output === '' ? undefined : (JSON.parse(output) as Record<string, unknown>), ...(undo === undefined ? {} : { undo }) };
    },
    pod: (annotations) => kube.create(api.pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'web', annotations }, spec: { containers: [{ name: 'app', image: 'x' }] } }),
    async status() {
      const { metadata } = await kube.get(api.pods, { namespace: 'default', name: 'web' });
      const text = metadata.annotations?.['k8s.v1.cni.cncf.io/network-status'];
      return text === undefined ? undefined : JSON.parse(text);
    },
  };
  const podResources = {
    async list() {
      if (world.devices instanceof Error) throw world.devices;
      return [{ namespace: 'default', name: 'other', containers: [{ name: 'app', devices: [{ resourceName: 'openshift.io/fast', ids: ['0000:81:01.1'] }] }] }, { namespace: 'default', name: 'web', containers: world.devices }];
    },
  };
  const meta = new MetaPlugin({ kube, podResources, networks, plugins, vfStatus: async () => world.vfStatus, log: silentLog, events: recorder });
  return world;
}

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
const isUntouched = () => {
  expect(world.hardware.state()).toEqual(world.before);
  expect(world.files.paths().filter((path) => !path.includes('last_reserved_ip') && !path.includes('/locks/') && !path.endsWith('/lock'))).toEqual([]);
};
const fast = { 'k8s.v1.cni.cncf.io/networks': 'fast@sfc1' };

describe('ADD', () => {
  test('the cluster\'s network first, then the VF that the kubelet has allocated to this pod; both in the status', async () => {
    await world.pod(fast);
    expect(await world.call('ADD')).toMatchObject({ status: 0, json: { ...eth0, cniVersion: '1.1.0' } });
    expect(world.plugins.order).toEqual(['ADD bridge', 'ADD portmap']);
    expect(world.plugins.executions[1]!.input).toMatchObject({ cniVersion: '1.1.0', name: 'pods', prevResult: eth0 });
    expect(await world.status()).toEqual([
      { name: 'pods', interface: 'eth0', ips: ['10.244.0.7'], mac: '02:00:00:00:00:07', mtu: 1450, default: true, dns: {}, gateway: ['10.244.0.1'] },
      { name: 'default/fast', interface: 'sfc1', ips: ['10.1.1.2'], mac: '02:00:00:00:81:00', mtu: 1500, dns: {}, gateway: ['10.1.1.1'], 'device-info': { type: 'pci', version: '1.1.0', pci: { 'pci-address': '0000:81:01.0' } } },
    ]);
    expect(world.events).toEqual(['AddedInterface: Add eth0 [10.244.0.7/24] from pods', 'AddedInterface: Add sfc1 [10.1.1.2/24] from default/fast']);
  });

  test('a pod without annotations needs no kubelet to be asked', async () => {
    await world.pod({});
    world.devices = new Error('no kubelet');
    expect(await world.call('ADD')).toMatchObject({ status: 0 });
    expect(await world.status()).toMatchObject([{ name: 'pods' }]);
  });

  test('a default network of the pod\'s own takes the place of the cluster\'s', async () => {
    await world.pod({ 'v1.multus-cni.io/default-network': 'default/fast' });
    expect(await world.call('ADD')).toMatchObject({ status: 0, json: { interfaces: [{ name: 'eth0', mac: '02:00:00:00:81:00', sandbox: NETNS }], ips: [{ interface: 0, address: '10.1.1.2/24', gateway: '10.1.1.1' }], routes: [{ dst: '0.0.0.0/0', gw: '10.1.1.1' }] } });
    expect(world.plugins.order).toEqual([]);
    expect(await world.status()).toMatchObject([{ name: 'default/fast', interface: 'eth0', default: true }]);
  });

  test('plugins get the wishes of the runtime that they declare', async () => {
    await world.pod({});
    const portMappings = [{ hostPort: 80, containerPort: 80 }];
    await world.call('ADD', config({ runtimeConfig: { portMappings, bandwidth: {} } }));
    expect(world.plugins.executions.map(({ input }) => input['runtimeConfig'])).toEqual([undefined, { portMappings }]);
  });

  test.each([['1.0.0', undefined], ['0.3.1', '4']])('is answered in the words of version %s', async (cniVersion, version) => {
    await world.pod({});
    const { json } = await world.call('ADD', config({ cniVersion }));
    expect(json).toMatchObject({ cniVersion, ips: [{ address: '10.244.0.7/24', ...(version === undefined ? {} : { version }) }] });
    expect(JSON.stringify(json)).not.toContain('mtu');
  });
});

describe('all or nothing', () => {
  test('a VF that cannot be had takes the cluster\'s network back', async () => {
    await world.pod(fast);
    world.devices = [];
    expect(await world.call('ADD')).toMatchObject({ status: 1, json: { code: 100, msg: 'network default/fast: the pod has no device of openshift.io/fast' } });
    expect(world.plugins.order).toEqual(['ADD bridge', 'ADD portmap', 'DEL portmap', 'DEL bridge']);
    expect(await world.status()).toBeUndefined();
    isUntouched();
  });

  test('a plugin of the cluster\'s chain that fails takes back those before it', async () => {
    await world.pod(fast);
    world.plugins.answers.set('portmap ADD', refused('no iptables'));
    expect(await world.call('ADD')).toMatchObject({ status: 1, json: { code: 11, msg: expect.stringContaining('no iptables') } });
    expect(world.plugins.order).toEqual(['ADD bridge', 'ADD portmap', 'DEL portmap', 'DEL bridge']);
    isUntouched();
  });

  test('a pod that goes before its status is written gets nothing', async () => {
    await world.pod(fast);
    const patch = world.kube.patch.bind(world.kube);
    world.kube.patch = async (resource, key, change, options) => {
      await world.kube.delete(api.pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
      return patch(resource, key, change, options);
    };
    expect(await world.call('ADD')).toMatchObject({ status: 1, json: { code: 11 } });
    expect(world.plugins.order.slice(2)).toEqual(['DEL portmap', 'DEL bridge']);
    isUntouched();
  });

  test('an answer that nobody hears is taken back', async () => {
    await world.pod(fast);
    await (await world.call('ADD')).undo!();
    isUntouched();
  });
});

describe('refused with a sentence', () => {
  test.each<[string, object, Readonly<Record<string, string>>, number]>([
    ['no delegates', { delegates: undefined }, {}, 7], ['two networks', { delegates: [bridge, bridge] }, {}, 7], ['delegates that are none', { delegates: 'bridge' }, {}, 7],
    ['a network without a type', { delegates: [{ name: 'x' }] }, {}, 7], ['a name that is none', { delegates: [{ ...bridge, name: '../x' }] }, {}, 7],
    ['no pod', {}, { CNI_ARGS: '' }, 4], ['a pod that is not there', {}, { CNI_ARGS: 'K8S_POD_NAMESPACE=default;K8S_POD_NAME=nobody' }, 11],
    ['a pod that was created anew', {}, { CNI_ARGS: 'K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_UID=of-another' }, 11],
  ])('%s', async (_name, more, variables, code) => {
    await world.pod(fast);
    expect(await world.call('ADD', config(more), variables)).toMatchObject({ status: 1, json: { code, msg: expect.stringMatching(/.{10}/), details: expect.stringMatching(/.{10}/) } });
    expect(world.plugins.order).toEqual([]);
    isUntouched();
  });

  test('a kubelet that does not answer: the pod\'s devices are not guessed', async () => {
    await world.pod(fast);
    world.devices = new Error('the kubelet does not answer');
    expect(await world.call('ADD')).toMatchObject({ status: 1, json: { code: 11, msg: 'the kubelet does not answer' } });
    isUntouched();
  });

  test('a static pod is known by the kubelet\'s own name for it', async () => {
    await world.pod({ 'kubernetes.io/config.hash': 'hash-1' });
    expect(await world.call('ADD', config(), { CNI_ARGS: 'K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_UID=hash-1' })).toMatchObject({ status: 0 });
  });
});

describe('DEL', () => {
  test('gives everything back, also twice, also without the pod', async () => {
    await world.pod(fast);
    await world.call('ADD');
    await world.kube.delete(api.pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
    expect(await world.call('DEL', config({ prevResult: eth0 }))).toEqual({ status: 0, json: undefined });
    expect(world.plugins.executions.at(-1)).toMatchObject({ type: 'bridge', command: 'DEL', input: { prevResult: eth0 } });
    isUntouched();
    expect(await world.call('DEL', config(), { CNI_NETNS: '' })).toMatchObject({ status: 0 });
  });

  test('a part that fails keeps the runtime coming; the other part is done', async () => {
    await world.pod(fast);
    await world.call('ADD');
    world.plugins.answers.set('bridge DEL', refused('busy'));
    expect(await world.call('DEL')).toMatchObject({ status: 1, json: { code: 11 } });
    isUntouched();
  });
});

test('GC takes back what is not in the list, and hands the list on', async () => {
  await world.pod(fast);
  await world.call('ADD');
  const attached = world.hardware.state();
  const valid = [{ containerID: 'c1', ifname: 'eth0' }];
  expect(await world.call('GC', config({ 'cni.dev/valid-attachments': valid }))).toMatchObject({ status: 0 });
  expect(world.hardware.state()).toEqual(attached);
  expect(world.plugins.executions.slice(-2)).toMatchObject([{ type: 'bridge', command: 'GC', input: { 'cni.dev/valid-attachments': valid } }, { type: 'portmap' }]);
  for (const broken of [undefined, 'x', [1], [{ ifname: 'eth0' }]]) expect(await world.call('GC', config({ 'cni.dev/valid-attachments': broken }))).toMatchObject({ status: 1, json: { code: 7 } });
  expect(world.hardware.state()).toEqual(attached);
  expect(await world.call('GC', config({ 'cni.dev/valid-attachments': [] }))).toMatchObject({ status: 0 });
  isUntouched();
});

test('GC leaves alone what another network of the runtime has given out', async () => {
  const other = { pod: { namespace: '', name: '', uid: '', containerId: 'other', netns: NETNS }, ifname: 'net1', config: { name: 'direct', type: 'sriov', deviceID: '0000:81:01.1' } };
  expect(await world.vfs.attach(other)).toMatchObject({ ok: true });
  const attached = world.hardware.state();
  expect(await world.call('GC', config({ 'cni.dev/valid-attachments': [] }))).toMatchObject({ status: 0 });
  expect(world.hardware.state()).toEqual(attached);
});

test('STATUS is bad when VFs, a plugin of the cluster\'s network or its configuration are', async () => {
  expect(await world.call('STATUS')).toEqual({ status: 0, json: undefined });
  expect(world.plugins.order).toEqual(['STATUS bridge', 'STATUS portmap']);
  world.plugins.answers.set('bridge STATUS', { kind: 'ended', status: 1, output: JSON.stringify({ code: 50, msg: 'no bridge' }) });
  expect(await world.call('STATUS')).toMatchObject({ status: 1, json: { code: 50 } });
  world.vfStatus = { ok: false, error: { code: 51, cause: 'the disk', remedy: 'Repair it.' } };
  expect(await world.call('STATUS')).toMatchObject({ status: 1, json: { code: 51 } });
  expect(await world.call('STATUS', config({ delegates: [] }))).toMatchObject({ status: 1, json: { code: 50 } });
});

test('CHECK asks the plugins, with what ADD answered', async () => {
  expect(await world.call('CHECK', config({ prevResult: eth0 }))).toEqual({ status: 0, json: undefined });
  expect(world.plugins.order).toEqual(['CHECK bridge', 'CHECK portmap']);
  expect(await world.call('CHECK')).toMatchObject({ status: 1, json: { code: 7 } });
  world.plugins.answers.set('bridge CHECK', refused('gone'));
  expect(await world.call('CHECK', config({ prevResult: eth0 }))).toMatchObject({ status: 1, json: { code: 11 } });
});

test('CHECK asks after the networks of the annotations too', async () => {
  await world.pod(fast);
  await world.call('ADD');
  const check = config({ prevResult: eth0 });
  expect(await world.call('CHECK', check)).toMatchObject({ status: 0 });
  world.hardware.removeNamespace(NETNS);
  expect(await world.call('CHECK', check)).toMatchObject({ status: 1, json: { code: 103, msg: expect.stringContaining('network default/fast (sfc1): ') } });
});

test('CHECK of a pod that has another default network does not ask for the cluster\'s', async () => {
  await world.pod({ 'v1.multus-cni.io/default-network': 'default/fast' });
  const { json } = await world.call('ADD');
  world.plugins.answers.set('bridge CHECK', refused('no eth0 of mine'));
  expect(await world.call('CHECK', config({ prevResult: json }))).toMatchObject({ status: 0 });
});

test('VERSION lists what is spoken', async () => {
  expect(await world.call('VERSION')).toMatchObject({ status: 0, json: { supportedVersions: expect.arrayContaining(['0.3.1', '1.1.0']) } });
});

test('a call is the meta-plugin\'s by its type', () => {
  expect(['{"type":"vfleet"}', '{"type":"sriov"}', '{"name":"vfleet"}', '', '[', '[]'].map((input) => isMetaPluginCall({ environment: {}, input }))).toEqual([true, false, false, false, false, false]);
});
