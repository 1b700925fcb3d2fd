// Goal: `vfleet explain node` says of a node what is so, in every situation that it can be in, and in the order in which people meet them. Method:
// an operator under simulated time; the test plays the daemon, pods and people, and asks after each step.
import { describe, expect, test } from 'vitest';
import { nodeStates, nodes, operatorConfigs, podDisruptionBudgets, pods } from '@vfleet/kube';
import { gather } from '../../packages/cli/src/verbs/explain/explain.ts';
import { explainNode, renderExplanation } from '../../packages/cli/src/verbs/explain/explain-node.ts';
import type { NodeExplanation } from '../../packages/cli/src/verbs/explain/explain-node.ts';
import { NAMESPACE, addNode, addPod, addPolicy, addPool, askDrain, buryPods, nic, obey, report, world } from './harness.ts';
import type { World } from './harness.ts';

async function asked({ kube, clock }: World, name = 'w1'): Promise<NodeExplanation> {
  return explainNode(await gather(kube, name, NAMESPACE, clock.now()));
}

async function running(): Promise<World> {
  const one = await world({ leaderElection: true });
  one.begin('operator');
  await one.clock.run(5_000);
  return one;
}

describe('from nothing to a configured node', () => {
  test('each step says what is awaited', async () => {
    const cluster = await world({ leaderElection: true });
    const { kube, clock } = cluster;
    await addNode(kube, 'w1', { rack: 'a' });
    expect(await asked(cluster)).toMatchObject({ situation: 'switchedOff', because: [expect.stringContaining('no operator leads')] });
    cluster.begin('operator');
    await clock.run(5_000);
    expect(await asked(cluster)).toMatchObject({ situation: 'undiscovered', waitsFor: [expect.stringContaining('config daemon')] });
    await report(kube, 'w1', { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'Succeeded' });
    await clock.run(5_000);
    expect(await asked(cluster)).toMatchObject({ situation: 'unconfigured', because: ['there is no policy'], waitsFor: [] });
    await addPolicy(kube, 'far', { nodeSelector: { rack: 'z' } });
    await addPolicy(kube, 'mellanox', { nicSelector: { vendor: '15b3' } });
    expect(await asked(cluster)).toMatchObject({ situation: 'unconfigured', because: ['policy far wants nodes with {"rack":"z"}', expect.stringMatching(/^policy mellanox: no NIC is selected: .*ens1f0/)] });
    await addPolicy(kube, 'fast', {});
    await clock.run(5_000);
    expect(await asked(cluster)).toMatchObject({ situation: 'waitingForDaemon', because: [expect.stringContaining('ens1f0')] });
    await report(kube, 'w1', { syncStatus: 'InProgress', conditions: [{ type: 'Ready', status: 'False', reason: 'Applying', message: 'ens1f0: make 4 VFs', lastTransitionTime: '2026-01-01T00:00:00Z' }] });
    expect(await asked(cluster)).toMatchObject({ situation: 'applying', because: ['Applying: ens1f0: make 4 VFs'] });
    await report(kube, 'w1', { syncStatus: 'Failed', lastSyncError: 'EBUSY: somebody holds VF 2; end pod x/y' });
    expect(await asked(cluster)).toMatchObject({ situation: 'failed', because: ['EBUSY: somebody holds VF 2; end pod x/y'] });
    await kube.patch(nodeStates, { namespace: NAMESPACE, name: 'w1' }, { type: 'merge', patch: { status: { lastSyncError: null } } }, { subresource: 'status' });
    // What is reported while the newest version of the spec is not reached says nothing of it.
    await obey(kube, 'w1');
    const ready = (observedGeneration: number) => report(kube, 'w1', { conditions: [{ type: 'Ready', status: 'True', reason: 'Configured', message: 'done', lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration }] });
    const { generation = 0 } = (await kube.get(nodeStates, { namespace: NAMESPACE, name: 'w1' })).metadata;
    await ready(generation - 1);
    expect(await asked(cluster)).toMatchObject({ situation: 'waitingForDaemon' });
    await ready(generation);
    const settled = await asked(cluster);
    expect(settled).toEqual({ node: 'w1', situation: 'settled', summary: 'The NICs are as the policies want them.', because: ['ens1f0: 4 VFs, by fast'], waitsFor: [], todo: [] });
    expect(renderExplanation(settled)).toBe('w1: settled\nThe NICs are as the policies want them.\nbecause:\n  ens1f0: 4 VFs, by fast\n');
  });

  test('a node that is not selected, and one whose state goes', async () => {
    const cluster = await running();
    const { kube, clock } = cluster;
    await kube.patch(operatorConfigs, { namespace: NAMESPACE, name: 'default' }, { type: 'merge', patch: { spec: { configDaemonNodeSelector: { sriov: 'yes' } } } });
    await addNode(kube, 'w1', { rack: 'a' });
    await clock.run(5_000);
    expect(await asked(cluster)).toMatchObject({ situation: 'notSelected', because: [expect.stringContaining('{"sriov":"yes"}')] });
    await addNode(kube, 'w2', { sriov: 'yes' });
    await clock.run(5_000);
    await kube.patch(nodeStates, { namespace: NAMESPACE, name: 'w2' }, { type: 'merge', patch: { metadata: { finalizers: ['example.com/mine'] } } });
    await kube.delete(nodeStates, { namespace: NAMESPACE, name: 'w2' });
    expect(await asked(cluster, 'w2')).toMatchObject({ situation: 'leaving', waitsFor: [expect.stringContaining('example.com/mine')] });
  });
});

describe('a drain', () => {
  test('waits for its turn, is blocked by a budget, is at work, and is given back', async () => {
    const cluster = await running();
    const { kube, clock } = cluster;
    buryPods(kube, clock);
    await addPool(kube, 'rack-a', { maxUnavailable: 1, nodeSelector: { matchLabels: { rack: 'a' } } });
    for (const name of ['w1', 'w2']) {
      await addNode(kube, name, { rack: 'a' });
      await clock.run(5_000);
      await report(kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'Succeeded' });
      await addPod(kube, `user-${name}`, { node: name, devices: true, labels: { app: 'user' } });
    }
    const budget = await kube.create(podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { namespace: 'default', name: 'user' }, spec: { minAvailable: 2, selector: { matchLabels: { app: 'user' } } } });
    const allow = (disruptionsAllowed: number) => kube.patch(podDisruptionBudgets, { namespace: 'default', name: 'user' }, { type: 'merge', patch: { status: { disruptionsAllowed, currentHealthy: 2, desiredHealthy: 2 - disruptionsAllowed, expectedPods: 2, observedGeneration: budget.metadata.generation } } }, { subresource: 'status' });
    await allow(0);
    await askDrain(kube, 'w1', 'Drain_Required');
    await clock.run(2_000);
    await askDrain(kube, 'w2', 'Drain_Required');
    await clock.run(10_000);
    expect(await asked(cluster, 'w1')).toMatchObject({
      situation: 'draining', because: [expect.stringContaining('VFs have to be made anew'), expect.stringMatching(/^PodDisruptionBudget: .*default\/user-w1/), 'the node is cordoned: new pods do not come'], todo: [expect.stringContaining('budget')],
    });
    expect(await asked(cluster, 'w2')).toMatchObject({ situation: 'waitingForDrain', because: [expect.anything(), expect.stringMatching(/^PoolAtCapacity: .*w1/)], todo: [expect.stringContaining('maxUnavailable')] });
    await allow(1);
    await clock.run(30_000);
    expect(await asked(cluster, 'w1')).toMatchObject({ situation: 'applying', summary: 'The node is drained, and the daemon is at work.' });
    await kube.patch(nodeStates, { namespace: NAMESPACE, name: 'w2' }, { type: 'merge', patch: { metadata: { annotations: { 'sriovnetwork.openshift.io/use-external-drainer': 'true' } } } });
    expect(await asked(cluster, 'w2')).toMatchObject({ waitsFor: [expect.stringContaining('external drainer')] });
    await askDrain(kube, 'w1', 'Idle');
    await clock.run(10_000);
    expect(await asked(cluster, 'w1')).toMatchObject({ situation: 'unconfigured', because: ['there is no policy'] });
    expect((await kube.get(nodes, { name: 'w1' })).spec?.unschedulable).toBeUndefined();
    await askDrain(kube, 'w1', 'Reboot_Required');
    await clock.run(30_000);
    expect((await asked(cluster, 'w1')).because[0]).toContain('reboot');
  });

  test('without an operator nothing moves, and that is said', async () => {
    const cluster = await world({ leaderElection: true });
    const { kube, clock } = cluster;
    const operator = cluster.begin('operator');
    await clock.run(5_000);
    await addNode(kube, 'w1', { rack: 'a' });
    await clock.run(5_000);
    await report(kube, 'w1', { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'Succeeded' });
    const stopped = operator.stop();
    await clock.run(20_000);
    await stopped;
    await addPolicy(kube, 'fast', {});
    expect(await asked(cluster)).toMatchObject({ situation: 'waitingForOperator', because: [expect.anything(), expect.stringContaining('no operator leads')] });
    await askDrain(kube, 'w1', 'Drain_Required');
    expect(await asked(cluster)).toMatchObject({ situation: 'waitingForDrain', because: [expect.anything(), expect.stringContaining('no operator leads')] });
  });

  test('a daemon that is not there, and a pool too many, are told', async () => {
    const cluster = await running();
    const { kube, clock } = cluster;
    await addNode(kube, 'w1', { rack: 'a' });
    await kube.patch(nodes, { name: 'w1' }, { type: 'merge', patch: { status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' }] } } }, { subresource: 'status' });
    for (const name of ['one', 'two']) await addPool(kube, name, { maxUnavailable: 1, nodeSelector: { matchLabels: { rack: 'a' } } });
    await kube.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name: 'daemon-x', labels: { 'app.kubernetes.io/part-of': 'vfleet', 'app.kubernetes.io/name': 'sriov-network-config-daemon' } }, spec: { nodeName: 'w1', containers: [{ name: 'c', image: 'i' }] } });
    await clock.run(5_000);
    expect(await asked(cluster)).toMatchObject({ situation: 'undiscovered', because: ['the node is not Ready: NodeStatusUnknown Kubelet stopped posting node status.', 'the daemon daemon-x is Pending and not ready', 'it is in the pools one and two: it is drained only when it is in one'] });
  });
});
