// Goal: the fleet's tables say what the API objects say. Method: a small hand-written fleet, and malformed annotations.
import { describe, expect, test } from 'vitest';
import type { Node, Pod, SriovNetworkNodeState } from '@vfleet/kube';
import { extraNetworks, fleetView, linkOf, vfAddressOf } from '../src/fleet-view.ts';
import { describeNode } from '../src/verbs/describe/node.ts';
import { narrateNode, narrateNodeState, narratePod } from '../src/verbs/up/narration.ts';

const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a' }, status: { allocatable: { cpu: '4', 'openshift.io/x': '2' }, conditions: [{ type: 'Ready', status: 'True' }] } };
const state: SriovNetworkNodeState = {
  apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { name: 'node-a', namespace: 'n' },
  spec: { interfaces: [{ pciAddress: '0000:81:00.0', numVfs: 2, name: 'ens801f0', vfGroups: [{ resourceName: 'x', vfRange: '0-1', policyName: 'p', deviceType: 'netdevice' }] }] },
  status: {
    syncStatus: 'Succeeded',
    interfaces: [{ pciAddress: '0000:81:00.0', name: 'ens801f0', vendor: '8086', deviceID: '1592', driver: 'ice', numVfs: 2, totalvfs: 128, Vfs: [{ vfID: 0, pciAddress: '0000:81:01.0', Vlan: 100 }, { vfID: 1, pciAddress: '0000:81:01.1' }] }],
  },
};
const pod: Pod = {
  apiVersion: 'v1', kind: 'Pod',
  metadata: {
    name: 'p', namespace: 'default',
    annotations: {
      'k8s.v1.cni.cncf.io/network-status': JSON.stringify([
        { name: 'cbr0', interface: 'eth0', ips: ['10.244.0.2'], default: true, dns: {} },
        { name: 'default/net', interface: 'net1', ips: ['10.10.10.100'], mac: 'aa:bb:cc:dd:ee:ff', dns: {}, 'device-info': { type: 'pci', pci: { 'pci-address': '0000:81:01.0' } } },
      ]),
    },
  },
  spec: { nodeName: 'node-a', containers: [{ name: 'c', resources: { requests: { 'openshift.io/x': '1' } } }] },
  status: { phase: 'Running' },
};

describe('fleet view', () => {
  const view = fleetView({ nodes: [node], nodeStates: [state], pods: [pod] });

  test('a pod with its VF, VLAN and address', () => {
    expect(view.attachments).toEqual([{ pod: 'default/p', node: 'node-a', phase: 'Running', network: 'default/net', interface: 'net1', vf: 'ens801f0#0', mac: 'aa:bb:cc:dd:ee:ff', vlan: '100', addresses: ['10.10.10.100'], mtu: '' }]);
  });

  test('PF with the share of each resource that is allocated', () => {
    expect(view.pfs[0]).toMatchObject({ pf: 'ens801f0', nic: '8086:1592', numVfs: 2, totalVfs: 128, resources: [{ name: 'x', vfs: 2, allocated: 1 }] });
    expect(view.nodes[0]).toMatchObject({ ready: 'Ready', resources: [{ name: 'openshift.io/x', allocatable: 2, allocated: 1 }] });
  });

  test.each(['', 'nonsense', '{}', '[null]', '[{"default":true}]'])('network status %j holds no extra network', (text) => {
    expect(extraNetworks({ ...pod, metadata: { ...pod.metadata, annotations: { 'k8s.v1.cni.cncf.io/network-status': text } } })).toEqual([]);
  });
});

describe('what is not as on a plain NIC', () => {
  test('a VF behind vDPA is found', () => {
    expect(vfAddressOf({ name: 'n', dns: {}, 'device-info': { type: 'vdpa', version: '1.1.0', vdpa: { 'parent-device': 'vdpa:0000:81:01.0', driver: 'vhost', 'pci-address': '0000:81:01.0' } } })).toBe('0000:81:01.0');
  });

  test('a function without a port has no link, and none of -1 Mb/s', () => {
    expect(linkOf({ pciAddress: '0000:18:00.0', linkSpeed: '-1 Mb/s' })).toBe('');
    expect(linkOf({ pciAddress: '0000:18:00.0', linkAdminState: 'up', linkSpeed: '25000 Mb/s' })).toBe('up 25000 Mb/s');
  });

  test('the steps of a plan are lines, and other control characters are not', () => {
    const waiting: SriovNetworkNodeState = { ...state, status: { ...state.status, conditions: [{ type: 'Ready', status: 'False', reason: 'WaitingForDrain', message: 'drain\nens801f0:\n  create \u001b2 VFs', lastTransitionTime: '' }] } };
    expect(describeNode({ node, state: waiting, pods: [], events: [] })).toContain('  Ready=False WaitingForDrain: drain\n    ens801f0:\n      create \\x1b2 VFs\n');
  });
});

describe('narration', () => {
  test('a node state from nothing to configured is told once', () => {
    const empty: SriovNetworkNodeState = { ...state, spec: {}, status: { syncStatus: 'InProgress', interfaces: [{ pciAddress: '0000:81:00.0', name: 'ens801f0', driver: 'ice', numVfs: 0, totalvfs: 128 }] } };
    expect(narrateNodeState(undefined, empty).map(({ stage }) => stage)).toEqual(['discovered']);
    expect(narrateNodeState(empty, state).map(({ stage }) => stage)).toEqual(['rendered', 'created', 'done']);
    expect(narrateNodeState(state, state)).toEqual([]);
  });

  test('advertised and attached', () => {
    expect(narrateNode(undefined, node)).toEqual([{ stage: 'advertised', where: 'node-a', what: 'openshift.io/x: 0 → 2' }]);
    expect(narratePod(undefined, pod).map(({ stage }) => stage)).toEqual(['attached']);
    expect(narratePod(pod, pod)).toEqual([]);
  });
});
