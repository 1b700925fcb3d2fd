// Goal: the article's steps 2–5 work as printed: discovery, policy, node state, VFs, advertised resource, network, pod with net1.
// Method: its manifests from examples/ on the fleet it shows, all production controllers, simulated time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as api from '@vfleet/kube';
import { SimulatedLoop, create, exampleFleet, manifest, networkStatusOf } from './harness.ts';

describe('the article\'s loop', () => {
  let loop: SimulatedLoop;
  beforeAll(async () => {
    loop = await SimulatedLoop.start(exampleFleet('sriov-operator-article/fleet.yaml'));
  });
  afterAll(() => loop.stop());

  test('step 2: the node state lists the PFs as the article prints them', async () => {
    await loop.until(async () => ((await loop.nodeState('worker-0').catch(() => undefined))?.status?.interfaces?.length ?? 0) > 0);
    const state = await loop.drive(loop.nodeState('worker-0'));
    expect(state.status?.interfaces?.map(({ deviceID, driver, mtu, name, pciAddress, totalvfs, vendor }) => ({ deviceID, driver, mtu, name, pciAddress, totalvfs, vendor }))).toEqual([
      { deviceID: '1592', driver: 'ice', mtu: 1500, name: 'ens801f0', pciAddress: '0000:81:00.0', totalvfs: 128, vendor: '8086' },
      { deviceID: '1592', driver: 'ice', mtu: 1500, name: 'ens801f1', pciAddress: '0000:81:00.1', totalvfs: 128, vendor: '8086' },
    ]);
  });

  test('step 3: four VFs on each selected node, advertised under the resource name', async () => {
    await loop.drive(create(loop.kube, ...manifest('sriov-operator-article/policy.yaml')));
    for (const name of ['worker-0', 'worker-1']) {
      await loop.until(async () => (await loop.nodeState(name)).status?.interfaces?.[0]?.numVfs === 4 && (await loop.nodeState(name)).status?.syncStatus === 'Succeeded');
      await loop.until(async () => (await loop.kube.get(api.nodes, { name })).status?.allocatable?.['openshift.io/intel-sriov-netdevice'] === '4');
      const state = await loop.drive(loop.nodeState(name));
      expect(state.status?.interfaces?.[1]?.numVfs).toBe(0);
      expect(state.status?.interfaces?.[0]?.Vfs?.map(({ driver }) => driver)).toEqual(['iavf', 'iavf', 'iavf', 'iavf']);
    }
  });

  test('step 4: the network becomes an attachment definition in the target namespace', async () => {
    await loop.drive(create(loop.kube, ...manifest('sriov-operator-article/network.yaml')));
    await loop.until(async () => (await loop.kube.get(api.networkAttachmentDefinitions, { namespace: 'default', name: 'sriov-net-1' }).catch(() => undefined)) !== undefined);
    const definition = await loop.drive(loop.kube.get(api.networkAttachmentDefinitions, { namespace: 'default', name: 'sriov-net-1' }));
    expect(definition.metadata.annotations?.['k8s.v1.cni.cncf.io/resourceName']).toBe('openshift.io/intel-sriov-netdevice');
    expect(JSON.parse(definition.spec!.config!)).toMatchObject({ cniVersion: '1.0.0', name: 'sriov-net-1', type: 'sriov', vlan: 0, vlanQoS: 0, ipam: { type: 'host-local', rangeStart: '10.10.10.100' } });
  });

  test('step 5: the pod has net1 with a VF, a MAC and the first address of the range', async () => {
    await loop.drive(create(loop.kube, ...manifest('sriov-operator-article/pod.yaml')));
    const pod = await loop.untilRunning('sriov-test-pod');
    const [eth0, net1] = networkStatusOf(pod);
    expect(eth0).toMatchObject({ interface: 'eth0', default: true });
    expect(net1).toMatchObject({ name: 'default/sriov-net-1', interface: 'net1', ips: ['10.10.10.100'], 'device-info': { type: 'pci' } });
    await loop.until(async () => (await loop.nodeState(pod.spec!.nodeName!)).status?.interfaces?.[0]?.Vfs?.some(({ assigned }) => assigned === 'default/sriov-test-pod') === true, 60_000, 'the node state names the pod that holds the VF');
  });

  test('deleting the pod gives the VF and the address back', async () => {
    const node = (await loop.drive(loop.pod('sriov-test-pod'))).spec!.nodeName!;
    await loop.drive(loop.kube.delete(api.pods, { namespace: 'default', name: 'sriov-test-pod' }));
    await loop.until(async () => (await loop.pod('sriov-test-pod').catch(() => undefined)) === undefined);
    await loop.until(async () => (await loop.nodeState(node)).status?.interfaces?.[0]?.Vfs?.every(({ assigned }) => (assigned ?? '') === '') === true);
    await loop.drive(create(loop.kube, ...manifest('sriov-operator-article/pod.yaml')));
    expect(networkStatusOf(await loop.untilRunning('sriov-test-pod'))[1]?.interface).toBe('net1');
  });

  test('deleting policy and network takes VFs and definition away, and the loop falls silent', async () => {
    await loop.drive(loop.kube.delete(api.pods, { namespace: 'default', name: 'sriov-test-pod' }));
    await loop.drive(loop.kube.delete(api.sriovNetworks, { namespace: 'sriov-network-operator', name: 'sriov-net-1' }));
    await loop.drive(loop.kube.delete(api.nodePolicies, { namespace: 'sriov-network-operator', name: 'policy-intel-nic' }));
    await loop.until(async () => (await loop.kube.list(api.networkAttachmentDefinitions)).items.length === 0);
    for (const name of ['worker-0', 'worker-1']) {
      await loop.until(async () => (await loop.nodeState(name)).status?.interfaces?.[0]?.numVfs === 0 && (await loop.nodeState(name)).status?.syncStatus === 'Succeeded');
      await loop.until(async () => (await loop.kube.get(api.nodes, { name })).spec?.unschedulable !== true);
    }
  });
});
