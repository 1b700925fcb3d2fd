// Goal: the example of an OVSNetwork works as it stands: a bridge over the PF, VFs in switchdev mode, a pod whose representor is a port of the
// bridge. Method: its manifests from examples/ on its fleet, simulated time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as api from '@vfleet/kube';
import { SimulatedLoop, create, exampleFleet, manifest, networkStatusOf } from './harness.ts';

const BRIDGE = 'br-0000_5e_00.0';

describe('the Open vSwitch example', () => {
  let loop: SimulatedLoop;
  beforeAll(async () => {
    loop = await SimulatedLoop.start(exampleFleet('open-vswitch/fleet.yaml'));
    const [config] = manifest('open-vswitch/operator-config.yaml');
    // As kubectl apply: the operator has made its own by now.
    await loop.drive(loop.kube.patch(api.operatorConfigs, { namespace: config!.metadata.namespace!, name: config!.metadata.name }, { type: 'apply', fieldManager: 'kubectl', patch: { ...config! } }));
    for (const file of ['policy', 'network', 'pod']) await loop.drive(create(loop.kube, ...manifest(`open-vswitch/${file}.yaml`)));
  });
  afterAll(() => loop.stop());

  test('both workers get the bridge, and say so', async () => {
    for (const name of ['worker-0', 'worker-1']) {
      await loop.until(async () => (await loop.nodeState(name)).status?.syncStatus === 'Succeeded' && (await loop.nodeState(name)).status?.bridges?.ovs?.[0]?.name === BRIDGE, 300_000, `${name} has its bridge`);
    }
  });

  test('the pod runs with its VF, whose representor is an access port of the bridge', async () => {
    const pod = await loop.untilRunning('offloaded');
    expect(networkStatusOf(pod)[1]).toMatchObject({ name: 'default/offload-net', interface: 'net1', ips: ['192.168.40.2'] });
    const ports = await loop.drive(loop.world.node(pod.spec!.nodeName!)!.ovsDatabase.ports());
    expect(ports).toMatchObject({ ok: true, value: [{ bridge: BRIDGE, tag: 100, contIface: 'net1', name: expect.stringMatching(/^eth\d+|^ens2f0/) }] });
  });
});
