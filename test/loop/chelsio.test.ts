// Goal: the paper's ConfigMap, NAD and pods work as printed, without any operator policy: VFs made by hand, MTU 9000, prefix
// intel.com. Method: its manifests from examples/ on its two workers, simulated time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as api from '@vfleet/kube';
import { SimulatedLoop, create, exampleFleet, manifest, networkStatusOf } from './harness.ts';

describe('the paper\'s two workers', () => {
  let loop: SimulatedLoop;
  beforeAll(async () => {
    loop = await SimulatedLoop.start(exampleFleet('chelsio-paper/fleet.yaml'));
    await loop.drive(create(loop.kube, ...manifest('chelsio-paper/configmap.yaml'), ...manifest('chelsio-paper/network-attachment.yaml')));
  });
  afterAll(() => loop.stop());

  test('the hand-made VF of each worker is advertised under intel.com', async () => {
    for (const name of ['worker1', 'worker2']) await loop.until(async () => (await loop.kube.get(api.nodes, { name })).status?.allocatable?.['intel.com/chelsio_sriov_netdevice'] === '1', 120_000, `${name} advertises its VF`);
  });

  test('both pods get net1 on their node, with the MTU of the port', async () => {
    await loop.drive(create(loop.kube, ...manifest('chelsio-paper/testpod1.yaml'), ...manifest('chelsio-paper/testpod2.yaml')));
    for (const [pod, node] of [['testpod1', 'worker1'], ['testpod2', 'worker2']] as const) {
      const running = await loop.untilRunning(pod);
      expect(running.spec?.nodeName).toBe(node);
      expect(networkStatusOf(running)[1]).toMatchObject({ name: 'default/sriov-net1', interface: 'net1', mtu: 9000, ips: ['102.100.2.2'] });
    }
  });

  test('a pod that names a node is still refused by the kubelet when no VF is free', async () => {
    const [pod] = manifest('chelsio-paper/testpod1.yaml');
    await loop.drive(create(loop.kube, { ...pod!, metadata: { ...pod!.metadata, name: 'testpod3' } }));
    await loop.until(async () => (await loop.pod('testpod3')).status?.phase === 'Failed', 60_000, 'the kubelet refuses the pod');
    expect((await loop.drive(loop.pod('testpod3'))).status?.reason).toMatch(/UnexpectedAdmissionError|OutOf/);
  });

  test('the events read as the paper prints them', async () => {
    const seen = (await loop.drive(loop.kube.list(api.events, { namespace: 'default' }))).items.filter(({ involvedObject }) => involvedObject.name === 'testpod1');
    expect(seen.map(({ reason, message }) => `${reason} ${message}`)).toEqual(expect.arrayContaining([
      expect.stringMatching(/^AddedInterface Add eth0 \[10\.244\.\d+\.\d+\/24\] from cbr0$/),
      'AddedInterface Add net1 [102.100.2.2/24] from default/sriov-net1',
      'Created Created container: iperf', 'Started Started container iperf',
    ]));
  });

  test('no operator policy: the VFs made by hand are left alone', async () => {
    const state = await loop.drive(loop.nodeState('worker1'));
    expect(state.spec?.interfaces ?? []).toEqual([]);
    expect(state.status?.interfaces?.reduce((sum, { numVfs = 0 }) => sum + numVfs, 0)).toBe(1);
  });
});
