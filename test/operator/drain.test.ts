import { describe, expect, test } from 'vitest';
import type { Kube } from '@vfleet/core';
import { KubeError, nodeStateAnnotations } from '@vfleet/core';
import { CORDONED_ANNOTATION, DRAIN_BLOCKED } from '@vfleet/controllers';
import { nodeStates, nodes, operatorConfigs, podDisruptionBudgets, pods, poolConfigs } from '@vfleet/kube';
import { NAMESPACE, addNode, addPod, addPool, askDrain, buryPods, eventsOf, find, nic, report, world } from './harness.ts';

// Goal: nodes are drained when their daemons ask for it, never more of a pool than it allows, never against a budget or an
// administrator, and are given back whatever happens.
// Method: the whole operator against an in-process API server under simulated time; the test plays daemons, kubelets and people.

async function fleet(count: number, labels: (index: number) => Record<string, string> = () => ({})) {
  const all = await world();
  for (let index = 1; index <= count; index++) await addNode(all.kube, `w${index}`, labels(index));
  const operator = all.begin('a');
  await all.clock.run(2000);
  for (let index = 1; index <= count; index++) await report(all.kube, `w${index}`, { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'InProgress' });
  await all.clock.run(2000);
  buryPods(all.kube, all.clock);
  all.writesSince();
  return { ...all, operator };
}

async function progress(kube: Kube, name: string): Promise<string | undefined> {
  return (await kube.get(nodeStates, { namespace: NAMESPACE, name })).metadata.annotations?.[nodeStateAnnotations.currentState];
}

async function cordoned(kube: Kube, name: string): Promise<boolean> {
  return (await kube.get(nodes, { name })).spec?.unschedulable === true;
}

async function blocked(kube: Kube, name: string) {
  return (await kube.get(nodeStates, { namespace: NAMESPACE, name })).status?.conditions?.find((condition) => condition.type === DRAIN_BLOCKED);
}

const podNames = async (kube: Kube) => (await kube.list(pods)).items.map((pod) => pod.metadata.name).sort();

test('only pods that use VFs go, init containers counted; then the node is given back', async () => {
  const { kube, clock, operator, writesSince, bugs } = await fleet(2);
  await addPod(kube, 'user', { node: 'w1', devices: true });
  await addPod(kube, 'init-user', { node: 'w1', initDevices: true });
  await addPod(kube, 'plain', { node: 'w1' });
  await addPod(kube, 'daemon', { node: 'w1', devices: true, owner: 'DaemonSet' });
  await addPod(kube, 'elsewhere', { node: 'w2', devices: true });
  await askDrain(kube, 'w1', 'Drain_Required');
  await clock.run(500);
  expect(await progress(kube, 'w1')).toBe('Draining');
  expect(await cordoned(kube, 'w1')).toBe(true);
  await clock.run(5000);
  expect(await podNames(kube)).toEqual(['daemon', 'elsewhere', 'plain']);
  const state = await kube.get(nodeStates, { namespace: NAMESPACE, name: 'w1' });
  expect(state.metadata.annotations).toMatchObject({ [nodeStateAnnotations.currentState]: 'DrainComplete', [nodeStateAnnotations.desiredState]: 'Drain_Required' });
  expect(writesSince()).toEqual({ 'patch sriovnetworknodestates': 2, 'patch nodes': 1, 'evict pods': 2 });
  await askDrain(kube, 'w1', 'Idle');
  await clock.run(2000);
  expect(await progress(kube, 'w1')).toBe('Idle');
  expect(await cordoned(kube, 'w1')).toBe(false);
  expect((await kube.get(nodes, { name: 'w1' })).metadata.annotations).not.toHaveProperty(CORDONED_ANNOTATION);
  expect(writesSince()).toEqual({ 'patch sriovnetworknodestates': 1, 'patch nodes': 1 });
  for (const [reason, count] of [['DrainStarted', 1], ['Drained', 1], ['DrainEnded', 1], ['SriovEvicted', 2]] as const) expect(await eventsOf(kube, reason)).toHaveLength(count);
  await clock.run(3_600_000);
  expect(writesSince()).toEqual({});
  await operator.stop();
  expect(bugs).toEqual([]);
});

test('a reboot evicts everything but daemon sets, mirror pods and finished pods', async () => {
  const { kube, clock, operator } = await fleet(2);
  await addPod(kube, 'plain', { node: 'w1' });
  await addPod(kube, 'daemon', { node: 'w1', owner: 'DaemonSet' });
  await addPod(kube, 'mirror', { node: 'w1' });
  await kube.patch(pods, { namespace: 'default', name: 'mirror' }, { type: 'merge', patch: { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } } });
  await addPod(kube, 'done', { node: 'w1' });
  await kube.patch(pods, { namespace: 'default', name: 'done' }, { type: 'merge', patch: { status: { phase: 'Succeeded' } } }, { subresource: 'status' });
  await askDrain(kube, 'w1', 'Reboot_Required');
  await clock.run(5000);
  expect(await podNames(kube)).toEqual(['daemon', 'done', 'mirror']);
  expect(await progress(kube, 'w1')).toBe('DrainComplete');
  await operator.stop();
});

test('the only node reboots with its pods', async () => {
  const { kube, clock, operator } = await fleet(1);
  await addPod(kube, 'plain', { node: 'w1', devices: true });
  await askDrain(kube, 'w1', 'Reboot_Required');
  await clock.run(2000);
  expect(await progress(kube, 'w1')).toBe('DrainComplete');
  expect(await cordoned(kube, 'w1')).toBe(false);
  expect(await podNames(kube)).toEqual(['plain']);
  await operator.stop();
});

describe('how many at once', () => {
  async function drainAll(count: number, pool?: Parameters<typeof addPool>[2]) {
    const all = await fleet(count);
    if (pool !== undefined) await addPool(all.kube, 'pool', pool);
    await all.clock.run(1000);
    let unavailable = 0;
    let most = 0;
    const order: string[] = [];
    const busy = new Set<string>();
    all.kube.watch(nodeStates, { namespace: NAMESPACE }, {
      event: (event) => {
        if (event.type === 'BOOKMARK') return;
        const { name, annotations } = event.object.metadata;
        if (annotations?.[nodeStateAnnotations.currentState] === 'Idle') busy.delete(name);
        else if (!busy.has(name)) {
          busy.add(name);
          order.push(name);
        }
        unavailable = busy.size;
        most = Math.max(most, unavailable);
        // The daemon of a drained node works for a minute.
        if (annotations?.[nodeStateAnnotations.currentState] === 'DrainComplete') all.clock.setTimer(60_000, () => void askDrain(all.kube, name, 'Idle'));
      },
      end: () => undefined,
    });
    for (let index = 1; index <= count; index++) await askDrain(all.kube, `w${index}`, 'Drain_Required');
    return { ...all, most: () => most, order };
  }

  test.each([
    ['the default pool: one', undefined, 1],
    ['a number', { nodeSelector: {}, maxUnavailable: 2 }, 2],
    ['a percentage, rounded down', { nodeSelector: {}, maxUnavailable: '50%' }, 2],
    ['a small percentage: never none', { nodeSelector: {}, maxUnavailable: '1%' }, 1],
    ['no limit', { nodeSelector: {} }, 5],
  ])('%s', async (_, pool, expected) => {
    const { kube, clock, operator, most, order } = await drainAll(5, pool);
    await clock.run(600_000);
    expect(most()).toBe(expected);
    expect(order.sort()).toEqual(['w1', 'w2', 'w3', 'w4', 'w5']);
    for (let index = 1; index <= 5; index++) expect([await progress(kube, `w${index}`), await cordoned(kube, `w${index}`)]).toEqual(['Idle', false]);
    await operator.stop();
  });

  test('a node that waits says for whom, until its turn comes', async () => {
    const { kube, clock, operator } = await fleet(3);
    for (const name of ['w1', 'w2', 'w3']) {
      await askDrain(kube, name, 'Drain_Required');
      await clock.run(1000);
    }
    expect(await blocked(kube, 'w1')).toBeUndefined();
    expect(await blocked(kube, 'w2')).toMatchObject({ status: 'True', reason: 'PoolAtCapacity', message: 'is the next, and waits for node w1 (the nodes of no pool, of which 1 may be drained at once)' });
    expect(await blocked(kube, 'w3')).toMatchObject({ status: 'True', reason: 'PoolAtCapacity', message: 'waits behind node w2 (the nodes of no pool, of which 1 may be drained at once)' });
    await askDrain(kube, 'w1', 'Idle');
    await clock.run(2000);
    expect(await progress(kube, 'w2')).toBe('DrainComplete');
    expect(await blocked(kube, 'w2')).toMatchObject({ status: 'False', reason: 'NotBlocked' });
    expect((await blocked(kube, 'w3'))?.message).toContain('waits for node w2');
    await askDrain(kube, 'w3', 'Idle');
    await clock.run(2000);
    expect(await blocked(kube, 'w3')).toMatchObject({ status: 'False', reason: 'NotBlocked', message: 'nothing is to be drained' });
    expect(await eventsOf(kube, DRAIN_BLOCKED)).toEqual([]);
    await operator.stop();
  });

  test('a pool that drains none says so to who waits', async () => {
    const { kube, clock, operator } = await fleet(1);
    await addPool(kube, 'frozen', { nodeSelector: {}, maxUnavailable: 0 });
    await clock.run(1000);
    await askDrain(kube, 'w1', 'Drain_Required');
    await clock.run(1000);
    expect(await blocked(kube, 'w1')).toMatchObject({ reason: 'PoolAtCapacity', message: 'no node is drained: maxUnavailable of pool frozen is 0' });
    await operator.stop();
  });

  test('zero pauses, and a raised limit is used at once', async () => {
    const { kube, clock, operator, most } = await drainAll(3, { nodeSelector: {}, maxUnavailable: 0 });
    await clock.run(600_000);
    expect(most()).toBe(0);
    await kube.patch(poolConfigs, { namespace: NAMESPACE, name: 'pool' }, { type: 'merge', patch: { spec: { maxUnavailable: 3 } } });
    await clock.run(5000);
    expect(most()).toBe(3);
    await operator.stop();
  });

  test('an unreadable limit drains nothing, and pool and nodes say why', async () => {
    const { kube, clock, operator, most } = await drainAll(2, { nodeSelector: {}, maxUnavailable: 'half' });
    await clock.run(60_000);
    expect(most()).toBe(0);
    expect(await blocked(kube, 'w1')).toMatchObject({ status: 'True', reason: 'InvalidMaxUnavailable' });
    expect((await kube.get(poolConfigs, { namespace: NAMESPACE, name: 'pool' })).status?.conditions).toMatchObject([{ status: 'False', reason: 'InvalidMaxUnavailable' }]);
    await operator.stop();
  });

  test('a node in two pools is not drained until it is in one', async () => {
    const { kube, clock, operator, most } = await drainAll(1, { nodeSelector: {} });
    await askDrain(kube, 'w1', 'Idle');
    await clock.run(5000);
    await addPool(kube, 'second', { nodeSelector: {}, maxUnavailable: 1 });
    const before = most();
    await askDrain(kube, 'w1', 'Drain_Required');
    await clock.run(60_000);
    expect(await progress(kube, 'w1')).toBe('Idle');
    expect(await blocked(kube, 'w1')).toMatchObject({ status: 'True', reason: 'NodeInTwoPools' });
    await kube.delete(poolConfigs, { namespace: NAMESPACE, name: 'second' });
    await clock.run(5000);
    expect(await progress(kube, 'w1')).toBe('DrainComplete');
    expect(before).toBe(1);
    await operator.stop();
  });

  test('a new leader counts what the last one began', async () => {
    const { kube, clock, operator, begin, most } = await drainAll(3);
    await clock.run(5000);
    await operator.stop();
    const second = begin('b');
    await clock.run(30_000);
    expect(most()).toBe(1);
    await clock.run(600_000);
    expect(await progress(kube, 'w3')).toBe('Idle');
    await second.stop();
  });

  test('an answer that is lost when a drain begins does not begin two', async () => {
    const all = await fleet(3);
    let lost = false;
    const { recorder, kube, clock, operator } = all;
    const patch = recorder.patch;
    recorder.patch = async (resource, key, what, options) => {
      const done = await patch(resource, key, what, options);
      if (!lost && resource.plural === 'sriovnetworknodestates' && options?.subresource === undefined) {
        lost = true;
        throw new KubeError('Unreachable', 0, 'the connection broke before the answer');
      }
      return done;
    };
    for (const name of ['w1', 'w2', 'w3']) await askDrain(kube, name, 'Drain_Required');
    await clock.run(10_000);
    expect((await Promise.all(['w1', 'w2', 'w3'].map((name) => progress(kube, name)))).filter((value) => value !== 'Idle')).toHaveLength(1);
    await operator.stop();
  });
});

describe('administrators', () => {
  test('an earlier cordon is kept', async () => {
    const { kube, clock, operator } = await fleet(1);
    await kube.patch(nodes, { name: 'w1' }, { type: 'merge', patch: { spec: { unschedulable: true } } });
    await askDrain(kube, 'w1', 'Drain_Required');
    await clock.run(5000);
    expect(await progress(kube, 'w1')).toBe('DrainComplete');
    await askDrain(kube, 'w1', 'Idle');
    await clock.run(5000);
    expect([await progress(kube, 'w1'), await cordoned(kube, 'w1')]).toEqual(['Idle', true]);
    expect(await eventsOf(kube, 'DrainEnded')).toMatchObject([{ message: expect.stringContaining('stays cordoned') }]);
    await operator.stop();
  });

  test('nodes with an external drainer are left alone, and counted', async () => {
    const { kube, clock, operator, writesSince } = await fleet(2);
    await kube.patch(nodeStates, { namespace: NAMESPACE, name: 'w1' }, { type: 'merge', patch: { metadata: { annotations: { [nodeStateAnnotations.useExternalDrainer]: 'true' } } } });
    await askDrain(kube, 'w1', 'Drain_Required');
    await clock.run(60_000);
    expect(writesSince()).toEqual({});
    await kube.patch(nodeStates, { namespace: NAMESPACE, name: 'w1' }, { type: 'merge', patch: { metadata: { annotations: { [nodeStateAnnotations.currentState]: 'Draining' } } } });
    await askDrain(kube, 'w2', 'Drain_Required');
    await clock.run(60_000);
    expect(await progress(kube, 'w2')).toBe('Idle');
    await kube.patch(nodeStates, { namespace: NAMESPACE, name: 'w1' }, { type: 'merge', patch: { metadata: { annotations: { [nodeStateAnnotations.currentState]: 'Idle' } } } });
    await clock.run(5000);
    expect(await progress(kube, 'w2')).toBe('DrainComplete');
    await operator.stop();
  });

  test('a request taken back while draining gives the node back', async () => {
    const { kube, clock, operator } = await fleet(2);
    await budget(kube, 0);
    await addPod(kube, 'guarded', { node: 'w1', devices: true, labels: { app: 'guarded' } });
    await askDrain(kube, 'w1', 'Drain_Required');
    await clock.run(5000);
    expect([await progress(kube, 'w1'), await cordoned(kube, 'w1')]).toEqual(['Draining', true]);
    await askDrain(kube, 'w1', 'Idle');
    await clock.run(5000);
    expect([await progress(kube, 'w1'), await cordoned(kube, 'w1')]).toEqual(['Idle', false]);
    expect(await podNames(kube)).toEqual(['guarded']);
    expect(await blocked(kube, 'w1')).toMatchObject({ status: 'False' });
    await operator.stop();
  });

  test('a node that is no longer selected is given back', async () => {
    const { kube, clock, operator } = await fleet(2, (index) => ({ sriov: index === 1 ? 'no' : 'yes' }));
    await askDrain(kube, 'w1', 'Drain_Required');
    await clock.run(5000);
    expect(await cordoned(kube, 'w1')).toBe(true);
    await kube.patch(operatorConfigs, { namespace: NAMESPACE, name: 'default' }, { type: 'merge', patch: { spec: { configDaemonNodeSelector: { sriov: 'yes' } } } });
    await clock.run(5000);
    expect([await progress(kube, 'w1'), await cordoned(kube, 'w1')]).toEqual(['Idle', false]);
    await operator.stop();
  });
});

async function budget(kube: Kube, allowed: number): Promise<void> {
  const key = { namespace: 'default', name: 'budget' };
  if ((await find(kube, podDisruptionBudgets, key)) === undefined) {
    await kube.create(podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: key, spec: { minAvailable: 1, selector: { matchLabels: { app: 'guarded' } } } });
  }
  const status = { observedGeneration: 1, disruptionsAllowed: allowed, desiredHealthy: 1, currentHealthy: 1 + allowed, expectedPods: 1 };
  await kube.patch(podDisruptionBudgets, key, { type: 'merge', patch: { status } }, { subresource: 'status' });
}

describe('a PodDisruptionBudget', () => {
  test('blocks: pod and budget are named, and the drain goes on as soon as it allows', async () => {
    const { kube, clock, operator } = await fleet(2);
    await budget(kube, 0);
    await addPod(kube, 'guarded', { node: 'w1', devices: true, labels: { app: 'guarded' } });
    await addPod(kube, 'free', { node: 'w1', devices: true });
    await askDrain(kube, 'w1', 'Drain_Required');
    await clock.run(20_000);
    expect(await podNames(kube)).toEqual(['guarded']);
    expect(await blocked(kube, 'w1')).toMatchObject({ status: 'True', reason: 'PodDisruptionBudget', message: expect.stringMatching(/pod default\/guarded is protected by PodDisruptionBudget default\/budget/) });
    expect(await eventsOf(kube, DRAIN_BLOCKED)).toMatchObject([{ type: 'Warning', involvedObject: { kind: 'SriovNetworkNodeState', name: 'w1' } }]);
    await budget(kube, 1);
    await clock.run(8000);
    expect(await podNames(kube)).toEqual([]);
    expect(await progress(kube, 'w1')).toBe('DrainComplete');
    expect(await blocked(kube, 'w1')).toMatchObject({ status: 'False', reason: 'NotBlocked' });
    await operator.stop();
  });

  test('that does not give way: after three tries the node is given back, others have their turn, and it is tried again later', async () => {
    const { kube, clock, operator } = await fleet(2);
    await budget(kube, 0);
    await addPod(kube, 'guarded', { node: 'w1', devices: true, labels: { app: 'guarded' } });
    await askDrain(kube, 'w1', 'Drain_Required');
    await clock.run(1000);
    await askDrain(kube, 'w2', 'Drain_Required');
    await clock.run(260_000);
    expect([await progress(kube, 'w1'), await progress(kube, 'w2')]).toEqual(['Draining', 'Idle']);
    await clock.run(20_000);
    expect([await progress(kube, 'w1'), await cordoned(kube, 'w1')]).toEqual(['Idle', false]);
    expect(await progress(kube, 'w2')).toBe('DrainComplete');
    expect(await blocked(kube, 'w1')).toMatchObject({ status: 'True', reason: 'PodDisruptionBudget', message: expect.stringMatching(/gave up after 3 tries of 90 s.*default\/guarded.*default\/budget/) });
    expect(await eventsOf(kube, 'DrainFailed')).toMatchObject([{ type: 'Warning', involvedObject: { kind: 'Node', name: 'w1' } }]);
    await askDrain(kube, 'w2', 'Idle');
    await budget(kube, 1);
    await clock.run(70_000);
    expect(await progress(kube, 'w1')).toBe('DrainComplete');
    await operator.stop();
  });
});

test('a drain that turns into a reboot evicts the rest as well', async () => {
  const { kube, clock, operator } = await fleet(2);
  await addPod(kube, 'plain', { node: 'w1' });
  await askDrain(kube, 'w1', 'Drain_Required');
  await clock.run(5000);
  expect([await progress(kube, 'w1'), await podNames(kube)]).toEqual(['DrainComplete', ['plain']]);
  await askDrain(kube, 'w1', 'Reboot_Required');
  await clock.run(5000);
  const state = await kube.get(nodeStates, { namespace: NAMESPACE, name: 'w1' });
  expect(state.metadata.annotations).toMatchObject({ [nodeStateAnnotations.currentState]: 'DrainComplete', [nodeStateAnnotations.desiredState]: 'Reboot_Required' });
  expect(await podNames(kube)).toEqual([]);
  await operator.stop();
});

test('a leader that loses its place in the middle of a drain leaves it to the next', async () => {
  const { kube, clock, operator, begin } = await fleet(2);
  await budget(kube, 0);
  await addPod(kube, 'guarded', { node: 'w1', devices: true, labels: { app: 'guarded' } });
  await askDrain(kube, 'w1', 'Drain_Required');
  await clock.run(5000);
  await operator.stop();
  await budget(kube, 1);
  await clock.run(60_000);
  expect([await progress(kube, 'w1'), await podNames(kube)]).toEqual(['Draining', ['guarded']]);
  const second = begin('b');
  await clock.run(10_000);
  expect(await progress(kube, 'w1')).toBe('DrainComplete');
  await askDrain(kube, 'w1', 'Idle');
  await clock.run(5000);
  expect(await cordoned(kube, 'w1')).toBe(false);
  await second.stop();
});
