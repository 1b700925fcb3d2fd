// Goal: NICs are given back only when that is asked for, and then wholly: no VF, no file of a PF, no cordon is left, and pods that held VFs went by drains. Method: the
// whole loop on simulated NICs, and the first step of the uninstallation beside it.
import { expect, test } from 'vitest';
import { uninstall } from '@vfleet/controllers/uninstall/uninstall.ts';
import * as api from '@vfleet/kube';
import { SimulatedLoop, create, exampleFleet, manifest } from '../loop/harness.ts';

test('every NIC is given back, after drains', { timeout: 300_000 }, async () => {
  const loop = await SimulatedLoop.start(exampleFleet('sriov-operator-article/fleet.yaml'));
  const { kube, clock, world } = loop;
  for (const name of ['worker-0', 'worker-1']) await loop.until(async () => ((await loop.nodeState(name).catch(() => undefined))?.status?.interfaces?.length ?? 0) > 0);
  for (const file of ['policy', 'network', 'pod']) await loop.drive(create(kube, ...manifest(`sriov-operator-article/${file}.yaml`)));
  await loop.untilRunning('sriov-test-pod');
  for (const name of ['worker-0', 'worker-1']) await loop.until(async () => (await loop.nodeState(name)).status?.interfaces?.[0]?.numVfs === 4 && (await loop.nodeState(name)).status?.syncStatus === 'Succeeded');

  const steps = uninstall({ kube, clock }, { namespace: 'sriov-network-operator', customResources: false, definitions: false, ownNamespace: false, resetNics: true, waitMs: 1_000, resetWaitMs: 900_000, pretend: false });
  expect(await loop.drive(steps.next())).toMatchObject({ value: { name: 'NICs', done: ['SriovNetworkNodePolicy sriov-network-operator/policy-intel-nic'], problems: [] } });
  for (const node of world.nodes()) {
    const { status } = await loop.drive(loop.nodeState(node.name));
    expect(status?.interfaces?.map(({ numVfs }) => numVfs)).toEqual([0, 0]);
    expect(await node.files.list('/etc/sriov-operator/pci')).toEqual({ ok: true, value: [] });
  }
  await loop.until(async () => (await kube.list(api.nodes)).items.every(({ spec }) => spec?.unschedulable !== true));
  expect(await loop.pod('sriov-test-pod').then(() => true, () => false)).toBe(false);
  await loop.stop();
});
