// Goal: a pod gets the networks of its annotations, or none of them and a sentence that says why; what the status says is exact.
// Method: fake API server, hardware and chained plugins; faults at every write; the Chelsio paper's and the article's objects.
import { journalLine } from '../../src/config-daemon/journal.ts';
import { KubeError, MemFiles, SeededRandom, SimClock, pciAddress, silentLog } from '@vfleet/core';
import type { HardwareErrorCode, KubeObject, PodSandbox } from '@vfleet/core';
import { networkAttachmentDefinitions } from '@vfleet/kube';
import { describe, expect, test } from 'vitest';
import { createPodNetworks } from '../../src/attachment/index.ts';
import type { ChainedPlugins, NodePodNetworks } from '../../src/attachment/index.ts';
import { deviceInfoPath } from '../../src/device-plugin/index.ts';
import type { EventRecorder } from '@vfleet/kube';
import { FakeHardware } from '../node-fakes/fake-hardware.ts';
import { FakeKube } from '../node-fakes/fake-kube.ts';
import { inventoryOf, pfOf, vfioVfOf, vfOf } from '../node-fakes/inventories.ts';

const A = '0000:81:00.0';
const vf = (index: number) => `0000:81:01.${index}`;
const NETNS = '/var/run/netns/cni-1';
const RESOURCE = 'openshift.io/intel-sriov-netdevice';

/** Plugins of the node that remember how they were called. */
function recordingPlugins(types: readonly string[]) {
  const calls: string[] = [];
  const refuse = new Set<string>();
  const plugins: ChainedPlugins = {
    has: (type) => types.includes(type),
    add: async ({ type, ifname, previous }) => {
      calls.push(`add ${type} ${ifname}`);
      if (refuse.has(type)) return { ok: false, error: { code: 999, cause: `${type} refused`, remedy: 'Ask again.' } };
      return { ok: true, value: previous ?? { interfaces: [{ name: ifname, mac: '02:0a:00:00:00:01', sandbox: NETNS }], ips: [{ address: '192.0.2.5/24' }], routes: [], dns: {} } };
    },
    del: async ({ type, ifname }) => {
      calls.push(`del ${type} ${ifname}`);
      return { ok: true, value: undefined };
    },
    check: async ({ type, ifname, previous }) => {
      calls.push(`check ${type} ${ifname} ${JSON.stringify(previous?.ips)}`);
      return refuse.has(type) ? { ok: false, error: { code: 999, cause: `${type} refused`, remedy: 'Ask again.' } } : { ok: true, value: undefined };
    },
  };
  return { plugins, calls, refuse };
}

function world(pluginTypes: readonly string[] = []) {
  const kube = new FakeKube();
  const clock = new SimClock();
  const hardware = new FakeHardware(inventoryOf(pfOf(A, 'ens801f0', [0, 1, 2].map((index) => vfOf(A, index)))));
  hardware.namespaces.add(NETNS);
  const fault: { file: () => 'none' | 'noSpace' } = { file: () => 'none' };
  const files = new MemFiles(() => fault.file());
  const events: string[] = [];
  const recorder: EventRecorder = { record: (type, about, reason, message) => void events.push(`${type} ${reason} ${about.kind}/${about.metadata.name}: ${message}`) };
  const installed = recordingPlugins(pluginTypes);
  const process = (): NodePodNetworks =>
    createPodNetworks({ kube, hardware, files, clock, random: new SeededRandom('x'), log: silentLog, events: recorder }, { nodeName: 'node-a', chainedPlugins: installed.plugins });
  const network = (name: string, config: object | string, more: { readonly namespace?: string; readonly resource?: string } = {}) =>
    kube.put(networkAttachmentDefinitions, {
      apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition',
      metadata: { namespace: more.namespace ?? 'default', name, ...(more.resource === '' ? {} : { annotations: { 'k8s.v1.cni.cncf.io/resourceName': more.resource ?? RESOURCE } }) },
      spec: { config: typeof config === 'string' ? config : JSON.stringify(config) },
    } as KubeObject);
  network('sriov-net-1', { cniVersion: '1.0.0', name: 'sriov-net-1', type: 'sriov', vlan: 0, vlanQoS: 0, logLevel: 'info', ipam: { type: 'host-local', subnet: '10.10.10.0/24', rangeStart: '10.10.10.100', rangeEnd: '10.10.10.200', gateway: '10.10.10.1' } });
  network('plain', { cniVersion: '1.0.0', type: 'sriov', ipam: {} });
  return { kube, clock, hardware, files, fault, events, process, networks: process(), network, ...installed, before: hardware.state(), leftovers: () => files.paths().filter((path) => !path.includes('last_reserved_ip')) };
}

function pod(networks: string, ids: readonly string[] = [vf(0), vf(1), vf(2)], more: Partial<PodSandbox> & { readonly defaultNetwork?: string } = {}): PodSandbox {
  const { defaultNetwork, ...rest } = more;
  return {
    namespace: 'default', name: 'app', uid: 'uid-1', containerId: 'c0ffee', netns: NETNS,
    annotations: { 'k8s.v1.cni.cncf.io/networks': networks, ...(defaultNetwork === undefined ? {} : { 'v1.multus-cni.io/default-network': defaultNetwork }) },
    devices: [{ name: 'app', devices: [{ resourceName: RESOURCE, ids }] }],
    ...rest,
  };
}

describe('attach', () => {
  test('the article\'s pod: exact status, in the order of its fields', async () => {
    const { networks, hardware, before, leftovers } = world();
    const attached = await networks.attach(pod('sriov-net-1'));
    expect(attached.ok && JSON.stringify(attached.value)).toBe(
      '[{"name":"default/sriov-net-1","interface":"net1","ips":["10.10.10.100/24"],"mac":"02:00:00:00:81:00","mtu":1500,"dns":{},'
      + '"device-info":{"type":"pci","version":"1.1.0","pci":{"pci-address":"0000:81:01.0"}}}]',
    );
    expect((await networks.detach(pod(''))).ok).toBe(true);
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });

  test('the Chelsio paper\'s network: old version, default route, hand-written resource', async () => {
    const { networks, network } = world();
    network('sriov-net1', '{ "type": "sriov", "cniVersion": "0.3.1", "name": "sriov-network", "ipam": { "type": "host-local", "subnet": "102.100.2.0/24", "routes": [{ "dst": "0.0.0.0/0" }], "gateway": "102.100.2.1" } }', { resource: 'intel.com/chelsio_sriov_netdevice' });
    const attached = await networks.attach(pod('sriov-net1', [], { devices: [{ name: 'iperf', devices: [{ resourceName: 'intel.com/chelsio_sriov_netdevice', ids: [vf(1)] }] }] }));
    expect(attached.ok && attached.value).toMatchObject([{ name: 'default/sriov-net1', interface: 'net1', ips: ['102.100.2.2/24'], gateway: ['102.100.2.1'], 'device-info': { pci: { 'pci-address': vf(1) } } }]);
  });

  test('no VF of a PF that the config daemon is at, until its journal says that the run has ended', async () => {
    const { networks, files, leftovers } = world();
    const journal = '/etc/sriov-operator/journal';
    await files.create(journal, journalLine({ type: 'begin', generation: 2, pfs: [A], clean: [] }));
    expect(await networks.attach(pod('plain'))).toMatchObject({ ok: false, error: { code: 11, cause: expect.stringContaining('the VFs of ens801f0 are being configured') } });
    expect(leftovers()).toEqual([journal]);
    await files.append(journal, journalLine({ type: 'end' }));
    expect((await networks.attach(pod('plain'))).ok).toBe(true);
    await networks.detach(pod(''));
    await files.replace(journal, journalLine({ type: 'begin', generation: 3, pfs: ['0000:3b:00.0'], clean: [] }));
    expect((await networks.attach(pod('plain'))).ok).toBe(true);
  });

  test('devices go to the networks in order, those of one resource across containers', async () => {
    const { networks, network, kube } = world();
    network('other', { type: 'sriov' }, { resource: 'x.y/other' });
    const devices = [
      { name: 'a', devices: [{ resourceName: RESOURCE, ids: [vf(2)] }] },
      { name: 'b', devices: [{ resourceName: 'x.y/other', ids: [vf(1)] }, { resourceName: RESOURCE, ids: [vf(0)] }] },
    ];
    const attached = await networks.attach(pod('plain,other@fast,plain', [], { devices }));
    expect(attached.ok && attached.value.map((status) => [status.interface, status['device-info']])).toEqual([
      ['net1', { type: 'pci', version: '1.1.0', pci: { 'pci-address': vf(2) } }], ['fast', { type: 'pci', version: '1.1.0', pci: { 'pci-address': vf(1) } }], ['net3', { type: 'pci', version: '1.1.0', pci: { 'pci-address': vf(0) } }],
    ]);
    expect(kube.gets).toBe(2);
  });

  test('the device information that the device plugin wrote is passed on', async () => {
    const { networks, files } = world();
    await files.create(deviceInfoPath(RESOURCE, vf(0)), '{"type":"pci","version":"1.1.0","pci":{"pci-address":"0000:81:01.0","rdma-device":"mlx5_4"}}');
    const attached = await networks.attach(pod('plain'));
    expect(attached.ok && attached.value[0]!['device-info']).toEqual({ type: 'pci', version: '1.1.0', pci: { 'pci-address': vf(0), 'rdma-device': 'mlx5_4' } });
  });

  test('a VF in user space: address and device, and an interface in name only', async () => {
    const made = world();
    made.hardware.become(inventoryOf(pfOf(A, 'ens801f0', [vfioVfOf(A, 0)])));
    const attached = await made.networks.attach(pod('sriov-net-1', [vf(0)]));
    expect(attached.ok && attached.value).toEqual([{ name: 'default/sriov-net-1', interface: 'net1', ips: ['10.10.10.100/24'], mtu: 1500, dns: {}, 'device-info': { type: 'pci', version: '1.1.0', pci: { 'pci-address': vf(0) } } }]);
  });

  test('the default network: looked up in kube-system, eth0, and first to get a device', async () => {
    const { networks, network } = world();
    network('default', { type: 'sriov', name: 'antrea' }, { namespace: 'kube-system' });
    const attached = await networks.attach(pod('plain', [vf(0), vf(1)], { defaultNetwork: 'default' }));
    expect(attached.ok && attached.value.map(({ name, interface: ifname, default: isDefault }) => [name, ifname, isDefault])).toEqual([['kube-system/default', 'eth0', true], ['default/plain', 'net1', undefined]]);
    const two = await networks.attach(pod('', [], { containerId: 'c2', defaultNetwork: 'a,b' }));
    expect(!two.ok && two.error).toMatchObject({ code: 7, cause: expect.stringContaining('it names 2 networks') });
  });

  test('MAC, addresses and default route that the pod asks for', async () => {
    const { networks, network, hardware, events } = world();
    network('wishes', { type: 'sriov', capabilities: { mac: true, ips: true }, ipam: { type: 'host-local', subnet: '10.10.10.0/24', routes: [{ dst: '0.0.0.0/0' }] } });
    network('own', { type: 'sriov', ipam: { type: 'host-local', subnet: '10.20.20.0/24', routes: [{ dst: '0.0.0.0/0' }, { dst: '10.30.0.0/16' }] } });
    const attached = await networks.attach(pod(JSON.stringify([{ name: 'wishes', mac: '02:AA:00:00:00:09', ips: ['10.10.10.77'], 'default-route': ['10.10.10.254'] }, { name: 'own', mac: '02:aa:00:00:00:08' }])));
    expect(attached.ok && attached.value).toMatchObject([{ mac: '02:aa:00:00:00:09', ips: ['10.10.10.77/24'], gateway: ['10.10.10.254'] }, { mac: '02:00:00:00:81:01', ips: ['10.20.20.2/24'] }]);
    expect(hardware.placed.get(pciAddress(vf(1)))!.routes).toEqual([{ dst: '10.30.0.0/16', gw: '10.20.20.1' }]);
    expect(events).toEqual([expect.stringMatching(/^Warning NetworkRequestIgnored Pod\/app: default\/own does not take mac from pods/)]);
  });

  test('repeating it gives the same and changes nothing; a new sandbox of the pod is attached anew', async () => {
    const { networks, hardware, kube } = world();
    const first = await networks.attach(pod('sriov-net-1,plain'));
    const [steps, gets] = [hardware.steps.length, kube.gets];
    expect(await networks.attach(pod('sriov-net-1,plain'))).toEqual(first);
    expect([hardware.steps.length, kube.gets]).toEqual([steps, gets]);
    const other = await networks.attach(pod('plain'));
    expect(other.ok && other.value).toMatchObject([{ name: 'default/plain', interface: 'net1' }]);
  });

  test('many pods at once, and one pod\'s ADD and DEL at once', async () => {
    const { networks, hardware, before, leftovers } = world();
    const netns = (index: number) => `/var/run/netns/cni-${index}`;
    const pods = [0, 1, 2].map((index) => {
      hardware.namespaces.add(netns(index));
      return pod('sriov-net-1', [vf(index)], { name: `app-${index}`, containerId: `c${index}`, netns: netns(index) });
    });
    const attached = await Promise.all(pods.map((one) => networks.attach(one)));
    expect(attached.map((answer) => answer.ok && answer.value[0]!.ips).toSorted()).toEqual([['10.10.10.100/24'], ['10.10.10.101/24'], ['10.10.10.102/24']]);
    await Promise.all(pods.flatMap((one) => [networks.detach(one), networks.detach(one)]));
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
    await Promise.all([networks.attach(pods[0]!), networks.detach(pods[0]!)]);
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });

  test('a pod that asks for nothing costs nothing', async () => {
    const { networks, kube, files, hardware } = world();
    expect([await networks.attach(pod('')), await networks.attach(pod(' ', [], { annotations: {} }))]).toEqual([{ ok: true, value: [] }, { ok: true, value: [] }]);
    expect([kube.gets, files.paths(), hardware.discoveries]).toEqual([0, [], 0]);
  });
});

describe('plugin chains', () => {
  test('tuning changes MTU and MAC of the VF, and both are restored', async () => {
    const { networks, network, hardware, before } = world();
    network('tuned', { plugins: [{ type: 'sriov', vlan: 7 }, { type: 'tuning', mtu: 1400, mac: '02:AA:00:00:00:07' }] });
    const attached = await networks.attach(pod('tuned'));
    expect(attached.ok && attached.value).toMatchObject([{ mac: '02:aa:00:00:00:07', mtu: 1400 }]);
    expect(hardware.placed.get(pciAddress(vf(0)))!.netdev).toMatchObject({ mtu: 1400, mac: '02:aa:00:00:00:07' });
    await networks.detach(pod(''));
    expect(hardware.state()).toEqual(before);
  });

  test('what tuning cannot do is refused, and the VF taken back', async () => {
    const { networks, network, hardware, before, leftovers } = world();
    network('sysctl', { plugins: [{ type: 'sriov' }, { type: 'tuning', sysctl: { 'net.ipv4.conf.IFNAME.arp_filter': '1' } }] });
    const refused = await networks.attach(pod('sysctl'));
    expect(!refused.ok && refused.error).toMatchObject({ code: 2, cause: 'network default/sysctl (net1): the built-in tuning plugin does not know "sysctl"' });
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });

  test('plugins of the node are called in order, and undone in reverse', async () => {
    const { networks, network, calls } = world(['portmap', 'bandwidth', 'macvlan']);
    network('chain', { plugins: [{ type: 'sriov' }, { type: 'portmap' }, { type: 'bandwidth' }] });
    network('vlan', { type: 'macvlan' }, { resource: '' });
    const attached = await networks.attach(pod('chain,vlan'));
    expect(attached.ok && attached.value[1]).toEqual({ name: 'default/vlan', interface: 'net2', ips: ['192.0.2.5/24'], mac: '02:0a:00:00:00:01', dns: {} });
    await networks.detach(pod(''));
    expect(calls).toEqual(['add portmap net1', 'add bandwidth net1', 'add macvlan net2', 'del macvlan net2', 'del bandwidth net1', 'del portmap net1']);
  });

  test('a later network that fails takes the earlier ones back', async () => {
    const { networks, network, calls, refuse, hardware, before, leftovers } = world(['macvlan']);
    network('vlan', { type: 'macvlan' }, { resource: '' });
    refuse.add('macvlan');
    const refused = await networks.attach(pod('plain,sriov-net-1,vlan'));
    expect(refused).toEqual({ ok: false, error: { code: 999, cause: 'network default/vlan (net3): macvlan refused', remedy: 'Ask again.' } });
    expect(calls).toEqual(['add macvlan net3', 'del macvlan net3']);
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });
});

describe('what cannot be', () => {
  test.each<[string, string, number, string, string]>([
    ['a network that does not exist', 'nowhere', 104, 'there is no NetworkAttachmentDefinition nowhere in namespace default', 'networkNamespace: default'],
    ['an annotation with a mistake', 'a/b/c', 7, 'entry 1: "a/b/c" is not of the form', 'Correct the annotation'],
    ['two interfaces of one name', 'plain@x,plain@x', 7, 'entries 1 and 2', 'Correct the annotation'],
    ['config that is no JSON', 'broken', 7, 'NetworkAttachmentDefinition default/broken cannot be used: its config is not JSON: line 1', 'Correct its spec.config'],
    ['no config', 'empty', 7, 'it has no config', 'Correct its spec.config'],
    ['a plugin that the node does not have', 'dhcp', 5, 'the plugin "macvlan" is not installed on this node', 'built in are sriov, ib-sriov, tuning'],
    ['more networks than devices', 'plain,plain,plain,plain', 100, 'the pod has 3 of openshift.io/intel-sriov-netdevice, and all are with networks before it', 'Request one openshift.io/intel-sriov-netdevice for each network'],
    ['no device at all', 'other', 100, 'the pod has no device of x.y/z', 'Request one x.y/z'],
    ['no resource and no device', 'bare', 7, 'no device was given to the pod', 'k8s.v1.cni.cncf.io/resourceName'],
    ['two default routes', '[{"name":"plain","default-route":["10.0.0.1"]},{"name":"plain","default-route":[]}]', 7, 'two entries ask for the default route of IPv4', 'Correct the annotation'],
  ])('%s', async (_name, annotation, code, cause, remedy) => {
    const { networks, network, hardware, before, leftovers, events } = world();
    network('broken', '{');
    network('empty', ' ');
    network('dhcp', { plugins: [{ type: 'macvlan' }] });
    network('other', { type: 'sriov' }, { resource: 'x.y/z' });
    network('bare', { type: 'sriov' }, { resource: '' });
    const refused = await networks.attach(pod(annotation));
    expect(!refused.ok && refused.error).toMatchObject({ code, cause: expect.stringContaining(cause), remedy: expect.stringContaining(remedy) });
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
    expect(events.map((event) => event.split(' ')[1])).toEqual(code === 104 ? ['NoNetworkFound'] : []);
  });

  test('an API server that does not answer is "try again"; a sandbox id that would be a path is refused', async () => {
    const { networks, kube } = world();
    kube.outage = new KubeError('Unreachable', 0, 'connection refused');
    const away = await networks.attach(pod('plain'));
    expect(!away.ok && away.error).toMatchObject({ code: 11, cause: expect.stringContaining('connection refused') });
    const path = await networks.attach(pod('plain', [], { containerId: '../../etc' }));
    expect(!path.ok && path.error.code).toBe(4);
  });
});

describe('detach', () => {
  test('nothing is there: success, however often', async () => {
    const { networks, leftovers } = world();
    expect([await networks.detach(pod('')), await networks.detach(pod(''))]).toEqual(Array(2).fill({ ok: true, value: undefined }));
    expect(leftovers()).toEqual([]);
  });

  test('one network that cannot be taken down does not keep the others; the repeated DEL completes', async () => {
    const { networks, hardware, before, leftovers } = world();
    await networks.attach(pod('plain,sriov-net-1'));
    hardware.before = (step) => ('device' in step && step.device === vf(1) ? 'busy' : 'none');
    expect((await networks.detach(pod(''))).ok).toBe(false);
    expect(hardware.placed.get(pciAddress(vf(0)))!.netns).toBe('host');
    hardware.before = () => 'none';
    expect((await networks.detach(pod(''))).ok).toBe(true);
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });

  test('without the pod\'s record its VFs are found by their own; a record that cannot be read is dropped', async () => {
    for (const loss of ['removed', 'garbage'] as const) {
      const { networks, files, hardware, before, leftovers } = world();
      await networks.attach(pod('plain'));
      const path = '/var/lib/cni/vfleet/pods/c0ffee.json';
      await (loss === 'removed' ? files.remove(path) : files.replace(path, 'x'));
      expect((await networks.detach(pod(''))).ok).toBe(true);
      expect([hardware.state(), leftovers()]).toEqual([before, []]);
    }
  });

  test('the namespace is gone already: the VF is taken back from the host', async () => {
    const { networks, hardware, before, leftovers } = world();
    await networks.attach(pod('sriov-net-1'));
    hardware.removeNamespace(NETNS);
    expect((await networks.detach({ ...pod(''), netns: '' })).ok).toBe(true);
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });

  test('garbage collection takes back what no live sandbox has', async () => {
    const { networks, hardware, before, leftovers } = world();
    await networks.attach(pod('sriov-net-1'));
    await networks.collectGarbage(['c0ffee']);
    expect(await networks.attachments()).toMatchObject({ ok: true, value: [{ device: vf(0), state: 'attached', podName: 'app' }] });
    expect(await networks.collectGarbage([])).toEqual({ ok: true, value: undefined });
    expect([hardware.state(), leftovers()]).toEqual([before, []]);
  });
});

describe('check', () => {
  const chained = { cniVersion: '1.0.0', name: 'chained', plugins: [{ type: 'sriov', vlan: 7, ipam: { type: 'host-local', subnet: '10.1.1.0/24' } }, { type: 'portmap' }] };

  test('asks the plugins of every network, with what the chain answered; nothing of pods without networks', async () => {
    const { networks, network, calls } = world(['portmap', 'macvlan']);
    network('chained', chained);
    network('mac', { cniVersion: '1.0.0', type: 'macvlan' }, { resource: '' });
    expect(await networks.check({ containerId: 'c0ffee' })).toEqual({ ok: true, value: { replaceDefault: false } });
    expect((await networks.attach(pod('chained,mac'))).ok).toBe(true);
    calls.length = 0;
    expect(await networks.check({ containerId: 'c0ffee' })).toEqual({ ok: true, value: { replaceDefault: false } });
    expect(calls).toEqual(['check portmap net1 [{"address":"10.1.1.2/24","gateway":"10.1.1.1"}]', 'check macvlan net2 [{"address":"192.0.2.5/24"}]']);
  });

  test.each<[string, (made: ReturnType<typeof world>) => unknown, string, number]>([
    ['a VF whose VLAN somebody has taken', ({ hardware }) => hardware.apply({ kind: 'setVf', pf: pciAddress(A), vfIndex: 0, vlan: { id: 8, qos: 0, protocol: '802.1q' } }), 'network default/chained (net1): setting vlan of VF 0 on its PF was undone by somebody', 103],
    ['a VF that is on the host', ({ hardware }) => hardware.removeNamespace(NETNS), 'network default/chained (net1): the interface of 0000:81:01.0 is on the host as net1', 103],
    ['a plugin that says no', ({ refuse }) => refuse.add('portmap'), 'network default/chained (net1): portmap refused', 999],
  ])('tells of %s', async (_name, spoil, cause, code) => {
    const made = world(['portmap']);
    made.network('chained', chained);
    await made.networks.attach(pod('chained'));
    await spoil(made);
    expect(await made.networks.check({ containerId: 'c0ffee' })).toMatchObject({ ok: false, error: { code, cause } });
  });

  test('an attachment that has not come to its end is none; a record of a version before tells of its VFs', async () => {
    const { networks, network, files, refuse, calls } = world(['portmap']);
    network('chained', chained);
    await networks.attach(pod('chained'));
    const path = files.paths().find((one) => one.endsWith('/pods/c0ffee.json'))!;
    const written = await files.read(path);
    const record = JSON.parse(written.ok ? written.value : '') as Record<string, unknown>;
    const { results: _, ...older } = record;
    await files.replace(path, JSON.stringify(older));
    refuse.add('portmap');
    calls.length = 0;
    expect(await networks.check({ containerId: 'c0ffee' })).toMatchObject({ ok: true });
    expect(calls).toEqual([]);
    const { statuses: _s, ...unfinished } = older as Record<string, unknown> & { readonly statuses?: unknown };
    await files.replace(path, JSON.stringify(unfinished));
    expect(await networks.check({ containerId: 'c0ffee' })).toMatchObject({ ok: false, error: { code: 103 } });
    expect(await networks.check({ containerId: '../x' })).toMatchObject({ ok: false, error: { code: 4 } });
  });
});

describe('every write may fail, and the process may die at it', () => {
  class Killed extends Error {}
  const annotation = 'sriov-net-1,tuned';

  function prepared() {
    const made = world();
    made.network('tuned', { plugins: [{ type: 'sriov', vlan: 7, trust: 'on' }, { type: 'tuning', mtu: 1400 }] });
    return made;
  }

  async function counts() {
    const made = prepared();
    let fileWrites = 0;
    made.fault.file = () => {
      fileWrites++;
      return 'none';
    };
    await made.networks.attach(pod(annotation));
    return { steps: made.hardware.steps.length, fileWrites };
  }

  test('refused: nothing is left, and the next try succeeds', async () => {
    const { steps, fileWrites } = await counts();
    expect(steps).toBeGreaterThan(7);
    expect(fileWrites).toBeGreaterThan(6);
    for (let at = 0; at < steps + fileWrites; at++) {
      const made = prepared();
      let writes = 0;
      made.hardware.before = (_, number) => (number === at ? 'busy' : 'none') satisfies HardwareErrorCode | 'none';
      made.fault.file = () => (steps + writes++ === at ? 'noSpace' : 'none');
      const refused = await made.networks.attach(pod(annotation));
      expect(!refused.ok && [5, 11]).toContain(!refused.ok && refused.error.code);
      made.hardware.before = () => 'none';
      made.fault.file = () => 'none';
      expect((await made.networks.detach(pod(''))).ok).toBe(true);
      expect([made.hardware.state(), made.leftovers()]).toEqual([made.before, []]);
      expect((await made.networks.attach(pod(annotation))).ok).toBe(true);
    }
  });

  test.each(['ADD is repeated', 'DEL follows'])('killed, then %s', async (then) => {
    const { steps, fileWrites } = await counts();
    for (let at = 0; at < steps + fileWrites; at++) {
      const made = prepared();
      let writes = 0;
      const kill = (): never => {
        throw new Killed();
      };
      made.hardware.after = (_, number) => (number === at ? kill() : undefined);
      made.fault.file = () => (steps + writes++ === at ? kill() : 'none');
      await expect(made.networks.attach(pod(annotation))).rejects.toBeInstanceOf(Killed);
      made.hardware.after = () => {};
      made.fault.file = () => 'none';
      const networks = made.process();
      await networks.recover();
      const answer = then === 'ADD is repeated' ? await networks.attach(pod(annotation)) : ({ ok: true, value: [0, 0] } as const);
      expect(answer.ok && answer.value.length).toBe(2);
      expect((await networks.detach(pod(''))).ok).toBe(true);
      expect([made.hardware.state(), made.leftovers()]).toEqual([made.before, []]);
    }
  });
});
