// Goal: nodes that the Go operator configured are taken over without a touch: no node is drained, no VF is made anew, no pod loses its own; and what is ours
// then is given back as it was at first. Method: the whole loop on simulated NICs makes the state; every process is ended, API and disks are
// rewritten as the Go operator leaves them, and the processes begin. Every step that reaches the hardware and every Node is watched.
import { afterEach, expect, test, vi } from 'vitest';
import type { Files, NodeStateSpec } from '@vfleet/core';
import * as api from '@vfleet/kube';
import { SimulatedLoop, create, exampleFleet, manifest } from '../loop/harness.ts';

const NAMESPACE = 'sriov-network-operator';
const STATE_FOLDER = '/etc/sriov-operator';
const PF = '0000:81:00.0';
const names = ['worker-0', 'worker-1'] as const;

afterEach(() => vi.restoreAllMocks());

/** The disk of a node as the Go operator's config daemon leaves it: a file a PF, the checkpoint of this boot, and nothing else. */
async function rewriteDisk(files: Files, atFirst: object): Promise<void> {
  const read = async (path: string) => {
    const text = await files.read(path);
    if (!text.ok) throw new Error(text.error.cause);
    return text.value;
  };
  const { applied } = JSON.parse(await read(`${STATE_FOLDER}/pci/${PF}.json`)) as { readonly applied: object };
  await files.replace(`${STATE_FOLDER}/pci/${PF}`, JSON.stringify(applied));
  for (const path of [`pci/${PF}.json`, 'journal', 'node.json']) await files.remove(`${STATE_FOLDER}/${path}`);
  await files.replace('/tmp/sno-initial-node-state.json', JSON.stringify(atFirst));
}

test('nothing happens to nodes and pods, and the PFs are ours', { timeout: 300_000 }, async () => {
  const loop = await SimulatedLoop.start(exampleFleet('sriov-operator-article/fleet.yaml'));
  const { kube, world } = loop;
  const discovered = async (name: string) => ((await loop.nodeState(name).catch(() => undefined))?.status?.interfaces?.length ?? 0) > 0;
  for (const name of names) await loop.until(() => discovered(name));
  const atFirst = await loop.drive(loop.nodeState('worker-0'));
  for (const file of ['policy', 'network', 'pod']) await loop.drive(create(kube, ...manifest(`sriov-operator-article/${file}.yaml`)));
  const before = await loop.untilRunning('sriov-test-pod');
  for (const name of names) await loop.until(async () => (await loop.nodeState(name)).status?.syncStatus === 'Succeeded' && (await loop.nodeState(name)).status?.interfaces?.[0]?.numVfs === 4);
  await loop.until(async () => (await loop.nodeState(before.spec!.nodeName!)).status?.interfaces?.[0]?.Vfs?.some(({ assigned }) => assigned === 'default/sriov-test-pod') === true);

  // As the Go operator leaves it.
  for (const id of world.processes()) await loop.drive(world.stopProcess(id));
  const generations: (number | undefined)[] = [];
  const specs: NodeStateSpec[] = [];
  for (const name of names) {
    await rewriteDisk(world.node(name)!.files, atFirst);
    const key = { namespace: NAMESPACE, name };
    const rewritten = await loop.drive(kube.patch(api.nodeStates, key, { type: 'merge', patch: { spec: { bridges: {}, system: {} } } }));
    await loop.drive(kube.patch(api.nodeStates, key, { type: 'merge', patch: { status: { conditions: null, bridges: {} } } }, { subresource: 'status' }));
    generations.push(rewritten.metadata.generation);
    specs.push(rewritten.spec);
    await loop.drive(kube.patch(api.configMapResource, { namespace: NAMESPACE, name: 'device-plugin-config' }, { type: 'merge', patch: { data: { [name]: JSON.stringify({ resourceList: [{ resourceName: 'intel-sriov-netdevice', selectors: { vendors: ['8086'], IsRdma: false }, SelectorObj: null }] }) } } }));
  }
  const disturbed: string[] = [];
  const watching = kube.watch(api.nodes, {}, { event: (event) => void (event.type === 'MODIFIED' && event.object.spec?.unschedulable === true && disturbed.push(event.object.metadata.name)), end: () => undefined });
  const steps = names.map((name) => vi.spyOn(world.node(name)!.hardware.hardware, 'apply'));

  for (const id of world.processes()) world.startProcess(id);
  // It says so once it has looked at all of the node.
  for (const name of names) await loop.until(async () => (await loop.nodeState(name)).status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true, 300_000, `${name} is taken over`);
  await loop.until(async () => (await kube.get(api.nodePolicies, { namespace: NAMESPACE, name: 'policy-intel-nic' })).status?.conditions?.[0]?.status === 'True');
  await loop.clock.run(120_000);
  expect([disturbed, steps.flatMap(({ mock }) => mock.calls.map(([step]) => step.kind))]).toEqual([[], []]);
  for (const [index, name] of names.entries()) {
    const state = await loop.drive(loop.nodeState(name));
    expect([state.metadata.generation, state.spec]).toEqual([generations[index], specs[index]]);
    expect((await loop.drive(kube.get(api.nodes, { name }))).status?.allocatable?.['openshift.io/intel-sriov-netdevice']).toBe('4');
  }
  const after = await loop.drive(loop.pod('sriov-test-pod'));
  expect([after.metadata.uid, after.status?.phase, after.metadata.annotations]).toEqual([before.metadata.uid, 'Running', before.metadata.annotations]);

  // Its PFs are given back when no policy names them any more, and its files go with them.
  await loop.drive(kube.delete(api.nodePolicies, { namespace: NAMESPACE, name: 'policy-intel-nic' }));
  for (const name of names) await loop.until(async () => (await loop.nodeState(name)).status?.interfaces?.[0]?.numVfs === 0 && (await loop.nodeState(name)).status?.syncStatus === 'Succeeded', 600_000, `${name} is given back`);
  expect(steps.every(({ mock }) => mock.calls.some(([step]) => step.kind === 'setNumVfs'))).toBe(true);
  for (const name of names) expect((await world.node(name)!.files.list(`${STATE_FOLDER}/pci`))).toEqual({ ok: true, value: [] });
  watching.stop();
  await loop.stop();
});
