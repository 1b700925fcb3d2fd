// Goal: a pod of an OVSNetwork gets its VF, and the VF's representor is a port of the bridge for as long; what cannot be is said on the pod.
// Method: the whole loop under virtual time, ConnectX in switchdev mode; the pod's namespace, the ports and the VFs afterwards.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodePolicySpec, OvsNetworkSpec } from '@vfleet/core';
import { SeededRandom, SimClock, silentLog } from '@vfleet/core';
import { parseFleet } from '@vfleet/hw-sim';
import type { Pod } from '@vfleet/kube';
import { events, networkAttachmentDefinitions, nodePolicies, nodeStates, operatorConfigs, ovsNetworks, pods } from '@vfleet/kube';
import type { BridgePort, World } from '@vfleet/sim';
import { createWorld } from '@vfleet/sim';
import { vlansOf } from '@vfleet/sim/ovs-cni.ts';
import type { WorldNode } from '@vfleet/sim/world-node.ts';

const OPERATOR = 'sriov-network-operator';
const PF = '0000:5e:00.0';

async function portsOf(node: WorldNode): Promise<readonly BridgePort[]> {
  const ports = await node.ovsDatabase.ports();
  if (!ports.ok) throw new Error(ports.error.cause);
  return ports.value;
}

async function world(policy: Partial<NodePolicySpec>, network: Partial<OvsNetworkSpec>, featureGates: Readonly<Record<string, boolean>> = {}): Promise<{ readonly clock: SimClock; readonly world: World }> {
  const fleet = parseFleet({ nodes: [{ name: 'worker-0', labels: { nic: 'fast' }, pfs: [{ personality: 'ConnectX-6 Dx', pciAddress: PF, name: 'ens2f0' }] }] });
  if (!fleet.ok) throw new Error(JSON.stringify(fleet.error));
  const clock = new SimClock();
  const made = createWorld({ clock, random: new SeededRandom('ovs'), log: silentLog }, fleet.value);
  const started = made.start();
  await clock.run(30_000);
  await started;
  await made.kube.patch(operatorConfigs, { namespace: OPERATOR, name: 'default' }, { type: 'merge', patch: { spec: { featureGates } } });
  await made.kube.create(nodePolicies, {
    apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { name: 'fast', namespace: OPERATOR },
    spec: { resourceName: 'fast', nodeSelector: { nic: 'fast' }, numVfs: 4, nicSelector: { pfNames: ['ens2f0'] }, ...policy },
  });
  await made.kube.create(ovsNetworks, {
    apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'OVSNetwork', metadata: { name: 'ovs', namespace: OPERATOR },
    spec: { resourceName: 'fast', networkNamespace: 'default', ipam: '{"type": "host-local", "subnet": "10.9.0.0/24"}', ...network },
  });
  await clock.run(120_000);
  return { clock, world: made };
}

function pod(name: string, resources: Readonly<Record<string, string>> = { 'openshift.io/fast': '1' }): Pod {
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', annotations: { 'k8s.v1.cni.cncf.io/networks': 'ovs' } },
    spec: { containers: [{ name: 'app', image: 'app', resources: { limits: resources } }] },
  };
}

test('the VF is net1 of the pod, its representor a port with the VLANs of the network, and all goes back', async () => {
  const one = await world({ eSwitchMode: 'switchdev' }, { bridge: 'br-ex', vlan: 100, mtu: 1400, trunk: [{ minID: 10, maxID: 12 }, { id: 42 }] });
  await one.world.kube.create(pods, pod('a'));
  await one.clock.run(30_000);
  const running = await one.world.kube.get(pods, { namespace: 'default', name: 'a' });
  expect(running.status?.phase).toBe('Running');
  const [, net1] = JSON.parse(running.metadata.annotations!['k8s.v1.cni.cncf.io/network-status']!) as { readonly interface: string; readonly ips: readonly string[]; readonly mtu: number; readonly 'device-info': { readonly pci: { readonly 'pci-address': string } } }[];
  expect(net1).toMatchObject({ name: 'default/ovs', interface: 'net1', ips: ['10.9.0.2'], mtu: 1400 });

  const node = one.world.node('worker-0')!;
  const held = node.hardware.inspect().pfs[0]!.vfs.find(({ netdev }) => netdev === undefined)!;
  expect(await portsOf(node)).toMatchObject([{ bridge: 'br-ex', name: held.representor, tag: 100, trunks: [10, 11, 12, 42], contIface: 'net1' }]);

  await one.world.kube.delete(pods, { namespace: 'default', name: 'a' });
  await one.clock.run(60_000);
  expect(await portsOf(node)).toEqual([]);
  expect(node.hardware.inspect().pfs[0]!.vfs.every(({ netdev }) => netdev !== undefined)).toBe(true);
  await one.world.kube.create(pods, pod('b'));
  await one.clock.run(30_000);
  expect((await one.world.kube.get(pods, { namespace: 'default', name: 'b' })).status?.phase).toBe('Running');
});

const BRIDGE = 'br-0000_5e_00.0';
const bridged = { eSwitchMode: 'switchdev', bridge: { ovs: { uplink: { interface: { type: 'dpdk' } } } } } as const;

async function bridges(one: { readonly world: World }) {
  const listed = await one.world.node('worker-0')!.ovsDatabase.list();
  return listed.ok ? listed.value : listed.error;
}

test('a network without a bridge has that of the PF, which the config daemon made; the attachment daemon may die meanwhile', async () => {
  const one = await world(bridged, {}, { manageSoftwareBridges: true });
  expect(await bridges(one)).toEqual([{ name: BRIDGE, uplinks: [{ pciAddress: PF, name: 'ens2f0', interface: { type: 'dpdk' } }] }]);
  const { status } = await one.world.kube.get(nodeStates, { namespace: OPERATOR, name: 'worker-0' });
  expect(status).toMatchObject({ syncStatus: 'Succeeded', bridges: { ovs: [{ name: BRIDGE }] } });
  await one.world.kube.create(pods, pod('a'));
  await one.clock.run(30_000);
  await one.world.stopProcess({ component: 'attachment', place: 'worker-0' });
  one.world.startProcess({ component: 'attachment', place: 'worker-0' });
  await one.clock.run(1000);
  expect(await portsOf(one.world.node('worker-0')!)).toMatchObject([{ bridge: BRIDGE }]);
  await one.world.kube.delete(pods, { namespace: 'default', name: 'a' });
  await one.clock.run(60_000);
  expect(await portsOf(one.world.node('worker-0')!)).toEqual([]);
});

test('a bridge changes and goes with its policy, each after a drain, since pods are on it; a new one needs none', async () => {
  const one = await world(bridged, {}, { manageSoftwareBridges: true });
  const reasons = async (reason: string) => (await one.world.kube.list(events)).items.filter((event) => event.reason === reason).reduce((sum, { count = 1 }) => sum + count, 0);
  expect(await reasons('DrainStarted')).toBe(0);
  await one.world.kube.create(pods, pod('a'));
  await one.clock.run(30_000);
  await one.world.kube.patch(nodePolicies, { namespace: OPERATOR, name: 'fast' }, { type: 'merge', patch: { spec: { bridge: { ovs: { uplink: { interface: { type: 'system' } } } } } } });
  await one.clock.run(180_000);
  expect(await bridges(one)).toMatchObject([{ uplinks: [{ interface: { type: 'system' } }] }]);
  expect(await reasons('DrainStarted')).toBe(1);
  expect((await one.world.kube.list(pods)).items.filter(({ metadata }) => metadata.name === 'a')).toEqual([]);
  await one.world.kube.patch(nodePolicies, { namespace: OPERATOR, name: 'fast' }, { type: 'merge', patch: { spec: { bridge: null } } });
  await one.clock.run(180_000);
  expect(await bridges(one)).toEqual([]);
  expect(await reasons('DrainStarted')).toBe(2);
  const { status } = await one.world.kube.get(nodeStates, { namespace: OPERATOR, name: 'worker-0' });
  expect(status).toMatchObject({ syncStatus: 'Succeeded', bridges: { ovs: [] } });
});

test('without the feature gate no bridge is made, and a pod that needs one is told so', async () => {
  const one = await world(bridged, {});
  expect(await bridges(one)).toEqual([]);
  await one.world.kube.create(pods, pod('a'));
  await one.clock.run(30_000);
  const said = (await one.world.kube.list(events)).items.filter(({ involvedObject }) => involvedObject.name === 'a').map(({ message }) => message).join('\n');
  expect(said).toContain('the network names no bridge, and there is none over 0000:5e:00.0');
});

test('a PF in legacy mode has no representors: the pod says so, and nothing is left behind', async () => {
  const one = await world({ eSwitchMode: 'legacy' }, { bridge: 'br-ex' });
  await one.world.kube.create(pods, pod('a'));
  await one.clock.run(30_000);
  const said = (await one.world.kube.list(events)).items.filter(({ involvedObject, reason }) => involvedObject.name === 'a' && reason === 'FailedCreatePodSandBox').map(({ message }) => message);
  expect(said[0]).toContain('has no representor: its PF is not in switchdev mode');
  await one.world.kube.delete(pods, { namespace: 'default', name: 'a' });
  await one.clock.run(60_000);
  const node = one.world.node('worker-0')!;
  expect(await portsOf(node)).toEqual([]);
  expect(node.hardware.inspect().pfs[0]!.vfs.every(({ netdev }) => netdev !== undefined)).toBe(true);
});

test('a network that no VF was given to is refused in words', async () => {
  const one = await world({ eSwitchMode: 'switchdev' }, {});
  const plain = { cniVersion: '1.0.0', name: 'plain', type: 'ovs', bridge: 'br-ex' };
  await one.world.kube.create(networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { name: 'ovs-plain', namespace: 'default' }, spec: { config: JSON.stringify(plain) } });
  const asking = pod('a', {});
  await one.world.kube.create(pods, { ...asking, metadata: { ...asking.metadata, annotations: { 'k8s.v1.cni.cncf.io/networks': 'ovs-plain' } } });
  await one.clock.run(30_000);
  const said = (await one.world.kube.list(events)).items.filter(({ involvedObject }) => involvedObject.name === 'a').map(({ message }) => message).join('\n');
  expect(said).toContain('attaches VFs only');
});

describe('VLANs of a port', () => {
  test('are those that the network names, in order', () => {
    const vlan = fc.integer({ min: 0, max: 4095 });
    const entry = fc.oneof(vlan.map((id) => ({ id })), fc.tuple(vlan, fc.nat(20)).map(([minID, more]) => ({ minID, maxID: Math.min(4095, minID + more) })));
    fc.assert(fc.property(fc.option(vlan, { nil: undefined }), fc.array(entry, { maxLength: 5 }), (tag, trunk) => {
      const wanted = new Set(trunk.flatMap((one) => ('id' in one ? [one.id] : Array.from({ length: one.maxID - one.minID + 1 }, (_, offset) => one.minID + offset))));
      const parsed = vlansOf({ ...(tag !== undefined && { vlan: tag }), trunk });
      expect(parsed).toEqual({ ok: true, value: { ...(tag !== undefined && { tag }), ...(wanted.size > 0 && { trunks: [...wanted].sort((a, b) => a - b) }) } });
    }));
  });

  test.each([[{ vlan: 4096 }], [{ vlan: 'x' }], [{ trunk: {} }], [{ trunk: [{}] }], [{ trunk: [{ id: -1 }] }], [{ trunk: [{ minID: 5, maxID: 4 }] }], [{ trunk: [{ minID: 5 }] }], [{ trunk: [7] }]])('%j is refused', (config) => {
    expect(vlansOf(config).ok).toBe(false);
  });
});
