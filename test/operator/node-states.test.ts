import { describe, expect, test } from 'vitest';
import { GROUP, configMaps, finalizers, nodeStateAnnotations } from '@vfleet/core';
import { configMapResource, nodePolicies, nodeStates, nodes, operatorConfigs, poolConfigs } from '@vfleet/kube';
import { NAMESPACE, addNode, addPolicy, addPool, eventsOf, find, nic, obey, report, world } from './harness.ts';

// Goal: policies become node states, device plugin configuration, labels and conditions, with as few writes as possible.
// Method: the whole operator against an in-process API server under simulated time; the test plays the config daemons.

const LABEL = 'sriovnetwork.openshift.io/device-plugin';

async function fleet(count: number, settings = {}) {
  const all = await world(settings);
  for (let index = 1; index <= count; index++) await addNode(all.kube, `w${index}`, { rack: index % 2 === 0 ? 'even' : 'odd' });
  const operator = all.begin('a');
  await all.clock.run(5000);
  for (let index = 1; index <= count; index++) await report(all.kube, `w${index}`, { interfaces: [nic('ens1f0', '0000:81:00.0'), nic('ens1f1', '0000:81:00.1')], syncStatus: 'Succeeded' });
  await all.clock.run(5000);
  all.writesSince();
  return { ...all, operator };
}

const state = (kube: Parameters<typeof find>[0], name: string) => find(kube, nodeStates, { namespace: NAMESPACE, name });

test('a node state for every worker, none for others; the configuration is made where it is missing', async () => {
  const { kube, clock, begin, bugs } = await world();
  await addNode(kube, 'worker');
  await addNode(kube, 'labelled', { 'node-role.kubernetes.io/control-plane': '', 'node-role.kubernetes.io/worker': '' });
  await addNode(kube, 'control', { 'node-role.kubernetes.io/control-plane': '' });
  const taints = [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }];
  await kube.patch(nodes, { name: 'control' }, { type: 'merge', patch: { spec: { taints } } });
  await addNode(kube, 'windows', { 'kubernetes.io/os': 'windows' });
  const operator = begin('a');
  await clock.run(5000);
  const { items } = await kube.list(nodeStates);
  expect(items.map((item) => item.metadata.name).sort()).toEqual(['labelled', 'worker']);
  const config = await kube.get(operatorConfigs, { namespace: NAMESPACE, name: 'default' });
  expect(items[0]?.metadata.ownerReferences).toMatchObject([{ kind: 'SriovOperatorConfig', name: 'default', uid: config.metadata.uid, controller: true }]);
  expect(items[0]?.metadata.annotations).toMatchObject({ [nodeStateAnnotations.currentState]: 'Idle', [nodeStateAnnotations.desiredState]: 'Idle' });
  expect(config.status?.conditions).toMatchObject([{ type: 'Ready', status: 'True', reason: 'OperatorConfigReady' }]);
  // Whoever takes the taint away wants pods there.
  const names = async () => (await kube.list(nodeStates)).items.map((item) => item.metadata.name).sort();
  await kube.patch(nodes, { name: 'control' }, { type: 'merge', patch: { spec: { taints: null } } });
  await clock.run(5000);
  expect(await names()).toEqual(['control', 'labelled', 'worker']);
  await operator.stop();
  expect(bugs).toEqual([]);
});

test('a first discovery is picked up at once, and a policy is one write a node', async () => {
  const { kube, clock, writesSince, operator, bugs } = await fleet(3);
  await addPolicy(kube, 'p', { numVfs: 4, nicSelector: { pfNames: ['ens1f0'] }, nodeSelector: { rack: 'odd' } });
  await clock.run(5000);
  expect((await state(kube, 'w1'))?.spec.interfaces).toMatchObject([{ pciAddress: '0000:81:00.0', numVfs: 4, vfGroups: [{ vfRange: '0-3', policyName: 'p' }] }]);
  expect((await state(kube, 'w2'))?.spec.interfaces).toEqual([]);
  expect(writesSince()).toEqual({ 'patch sriovnetworknodestates': 2, 'patch configmaps': 1, 'patch nodes': 2, 'patch sriovnetworknodepolicies/status': 1 });
  expect((await kube.get(nodePolicies, { namespace: NAMESPACE, name: 'p' })).status).toMatchObject({
    matchedNodes: 2, matchedInterfaces: 2, conditions: [{ type: 'Ready', status: 'False', reason: 'NodesInProgress', message: '0 of 2 nodes are configured' }],
  });
  await obey(kube, 'w1');
  await obey(kube, 'w3');
  await clock.run(5000);
  expect((await kube.get(nodePolicies, { namespace: NAMESPACE, name: 'p' })).status?.conditions).toMatchObject([{ status: 'True', reason: 'PolicyReady', observedGeneration: 1 }]);
  expect(writesSince()).toEqual({ 'patch sriovnetworknodepolicies/status': 1 });
  expect(await eventsOf(kube, 'SpecRendered')).toHaveLength(5);
  await operator.stop();
  expect(bugs).toEqual([]);
});

test('at the fixpoint nothing is written, not even by a new leader', async () => {
  const { kube, clock, writesSince, operator, begin } = await fleet(4);
  await addPolicy(kube, 'p', {});
  await clock.run(5000);
  for (let index = 1; index <= 4; index++) await obey(kube, `w${index}`);
  await clock.run(5000);
  writesSince();
  await clock.run(3_600_000);
  expect(writesSince()).toEqual({});
  await operator.stop();
  const second = begin('b');
  await clock.run(60_000);
  expect(writesSince()).toEqual({});
  await second.stop();
});

test('the device plugin configuration has a key a node, and the label follows it', async () => {
  const { kube, clock, operator } = await fleet(2);
  const config = async () => (await kube.get(configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig })).data;
  const label = async (name: string) => (await kube.get(nodes, { name })).metadata.labels?.[LABEL];
  expect(await config()).toEqual({ w1: '{"resourceList":[]}', w2: '{"resourceList":[]}' });
  expect([await label('w1'), await label('w2')]).toEqual(['Disabled', 'Disabled']);
  await addPolicy(kube, 'p', { nodeSelector: { rack: 'odd' }, nicSelector: { vendor: '8086', deviceID: '1592' } });
  await clock.run(5000);
  expect(await config()).toEqual({ w1: '{"resourceList":[{"resourceName":"p","selectors":{"vendors":["8086"],"devices":["1889"]}}]}', w2: '{"resourceList":[]}' });
  expect([await label('w1'), await label('w2')]).toEqual(['Enabled', 'Disabled']);
  await kube.delete(nodePolicies, { namespace: NAMESPACE, name: 'p' });
  await clock.run(5000);
  expect([await label('w1'), await label('w2')]).toEqual(['Disabled', 'Disabled']);
  expect((await state(kube, 'w1'))?.spec.interfaces).toEqual([]);
  await operator.stop();
});

test('somebody who edits the device plugin configuration or a spec is put right', async () => {
  const { kube, clock, operator, writesSince } = await fleet(1);
  const key = { namespace: NAMESPACE, name: configMaps.devicePluginConfig };
  await kube.patch(configMapResource, key, { type: 'merge', patch: { data: { w1: 'nonsense', ghost: '{}' } } });
  await kube.patch(nodeStates, { namespace: NAMESPACE, name: 'w1' }, { type: 'merge', patch: { spec: { interfaces: [{ pciAddress: '0000:81:00.0', numVfs: 60 }] } } });
  await clock.run(5000);
  expect((await kube.get(configMapResource, key)).data).toEqual({ w1: '{"resourceList":[]}' });
  expect((await state(kube, 'w1'))?.spec.interfaces).toEqual([]);
  expect(writesSince()).toEqual({ 'patch configmaps': 1, 'patch sriovnetworknodestates': 1 });
  await kube.delete(configMapResource, key);
  await clock.run(5000);
  expect((await kube.get(configMapResource, key)).data).toEqual({ w1: '{"resourceList":[]}' });
  await operator.stop();
});

describe('conditions of policies', () => {
  test.each([
    ['NoNodeSelected', { nodeSelector: { rack: 'none' } }, /no node/],
    ['EmptyNicSelector', { nicSelector: {} }, /empty/],
    ['NoInterfaceSelected', { nicSelector: { vendor: '15b3' } }, /node w1: ens1f0: vendor is 8086, not 15b3/],
    ['MalformedRange', { nicSelector: { pfNames: ['ens1f0#a'] } }, /ens1f0#a/],
    ['RangeBeyondNumVfs', { numVfs: 2, nicSelector: { pfNames: ['ens1f0#0-5'] } }, /raise numVfs/],
    ['MoreVfsThanTotal', { numVfs: 65 }, /can have 64/],
    ['BridgeNotPossible', { eSwitchMode: 'switchdev' as const, bridge: { ovs: {} } }, /manageSoftwareBridges/],
    ['NodesInProgress', {}, /0 of 1/],
  ])('%s', async (reason, spec, message) => {
    const { kube, clock, operator } = await fleet(1);
    await addPolicy(kube, 'p', spec);
    await clock.run(5000);
    expect((await kube.get(nodePolicies, { namespace: NAMESPACE, name: 'p' })).status?.conditions).toMatchObject([{ type: 'Ready', status: 'False', reason, message: expect.stringMatching(message) }]);
    await operator.stop();
  });

  test('a node that failed is named with its cause', async () => {
    const { kube, clock, operator } = await fleet(2);
    await addPolicy(kube, 'p', {});
    await clock.run(5000);
    await obey(kube, 'w1');
    await report(kube, 'w2', { syncStatus: 'Failed', lastSyncError: 'ENOSPC: no MSI-X vectors' });
    await clock.run(5000);
    expect((await kube.get(nodePolicies, { namespace: NAMESPACE, name: 'p' })).status?.conditions).toMatchObject([{ reason: 'NodesFailed', message: '1 of 2 nodes failed: w2: ENOSPC: no MSI-X vectors' }]);
    const events = await eventsOf(kube, 'NodesFailed');
    expect(events).toMatchObject([{ type: 'Warning', involvedObject: { kind: 'SriovNetworkNodePolicy', name: 'p' } }]);
    await operator.stop();
  });

  test('a displaced policy says so', async () => {
    const { kube, clock, operator } = await fleet(1);
    await addPolicy(kube, 'lost', { priority: 20 });
    await addPolicy(kube, 'won', { priority: 10 });
    await clock.run(5000);
    expect((await kube.get(nodePolicies, { namespace: NAMESPACE, name: 'lost' })).status?.conditions).toMatchObject([{ reason: 'Displaced', message: expect.stringContaining('took every VF on w1 (0000:81:00.0, 0000:81:00.1)') }]);
    await operator.stop();
  });

  test('a policy that is displaced on some nodes says on which, whether it is ready or not', async () => {
    const { kube, clock, operator } = await fleet(2);
    await kube.patch(nodes, { name: 'w2' }, { type: 'merge', patch: { metadata: { labels: { role: 'database' } } } });
    await addPolicy(kube, 'wide', { priority: 20 });
    await addPolicy(kube, 'narrow', { priority: 10, nodeSelector: { role: 'database' } });
    await clock.run(5000);
    const ready = async () => (await kube.get(nodePolicies, { namespace: NAMESPACE, name: 'wide' })).status?.conditions;
    expect(await ready()).toMatchObject([{ reason: 'NodesInProgress', message: '0 of 1 nodes are configured; displaced by other policies on w2 (0000:81:00.0, 0000:81:00.1)' }]);
    for (const name of ['w1', 'w2']) await obey(kube, name);
    await clock.run(5000);
    expect(await ready()).toMatchObject([{ status: 'True', message: '1 of 1 nodes are configured; displaced by other policies on w2 (0000:81:00.0, 0000:81:00.1)' }]);
    await operator.stop();
  });

  test('a policy that breaks keeps the VFs that it had', async () => {
    const { kube, clock, operator } = await fleet(1);
    await addPolicy(kube, 'p', { nicSelector: { pfNames: ['ens1f0#0-3'] } });
    await clock.run(5000);
    const before = (await state(kube, 'w1'))?.spec;
    await kube.patch(nodePolicies, { namespace: NAMESPACE, name: 'p' }, { type: 'merge', patch: { spec: { nicSelector: { pfNames: ['ens1f0#0-'] } } } });
    await clock.run(5000);
    expect((await state(kube, 'w1'))?.spec).toEqual(before);
    expect((await kube.get(nodePolicies, { namespace: NAMESPACE, name: 'p' })).status?.conditions).toMatchObject([{ status: 'False', reason: 'MalformedRange', observedGeneration: 2 }]);
    await operator.stop();
  });
});

describe('stale node states', () => {
  test('a node that leaves keeps its state for a while, loses its label and key at once, and may come back', async () => {
    const { kube, clock, operator } = await fleet(2);
    await kube.delete(nodes, { name: 'w2' });
    await clock.run(5000);
    expect((await state(kube, 'w2'))?.metadata.annotations?.[nodeStateAnnotations.keepStateUntil]).toMatch(/^2026-01-01T00:30:/);
    expect((await kube.get(configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig })).data).toEqual({ w1: '{"resourceList":[]}' });
    await addNode(kube, 'w2');
    await clock.run(5000);
    expect((await state(kube, 'w2'))?.metadata.annotations?.[nodeStateAnnotations.keepStateUntil]).toBeUndefined();
    await kube.delete(nodes, { name: 'w2' });
    await clock.run(29 * 60_000);
    expect(await state(kube, 'w2')).toBeDefined();
    await clock.run(2 * 60_000);
    expect(await state(kube, 'w2')).toBeUndefined();
    await operator.stop();
  });

  test.each([[0, 5_000], [-5, 31 * 60_000], [1, 65_000]])('a delay of %d minutes', async (staleNodeStateDelayMinutes, goneAfterMs) => {
    const { kube, clock, operator } = await fleet(1, { staleNodeStateDelayMinutes });
    await kube.patch(operatorConfigs, { namespace: NAMESPACE, name: 'default' }, { type: 'merge', patch: { spec: { configDaemonNodeSelector: { rack: 'nowhere' } } } });
    await clock.run(1000);
    expect((await kube.get(nodes, { name: 'w1' })).metadata.labels?.[LABEL]).toBeUndefined();
    expect((await state(kube, 'w1')) === undefined).toBe(staleNodeStateDelayMinutes === 0);
    await clock.run(goneAfterMs);
    expect(await state(kube, 'w1')).toBeUndefined();
    await operator.stop();
  });
});

test('a pool gives its RDMA mode, and two pools are a condition on both', async () => {
  const { kube, clock, operator } = await fleet(2);
  await addPool(kube, 'one', { nodeSelector: { matchLabels: { rack: 'odd' } }, rdmaMode: 'exclusive', maxUnavailable: '50%' });
  await clock.run(5000);
  expect((await state(kube, 'w1'))?.spec.system).toEqual({ rdmaMode: 'exclusive' });
  expect((await state(kube, 'w2'))?.spec.system).toBeUndefined();
  await addPool(kube, 'two', { nodeSelector: {}, maxUnavailable: 1 });
  await clock.run(5000);
  const { items } = await kube.list(poolConfigs);
  expect(items.map((pool) => pool.status?.conditions?.[0])).toMatchObject([{ reason: 'NodeInTwoPools', message: expect.stringContaining('w1 (in one and two)') }, { reason: 'NodeInTwoPools' }]);
  await operator.stop();
});

test('entries of supported-nic-ids count, and unreadable ones are reported', async () => {
  const { kube, clock, operator } = await fleet(1);
  await addPolicy(kube, 'p', { nicSelector: { deviceID: '1592' } });
  await kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: NAMESPACE, name: configMaps.supportedNicIds }, data: { mine: '8086 1592 abcd', bad: 'x' } });
  await clock.run(5000);
  expect((await kube.get(configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig })).data?.['w1']).toContain('"abcd"');
  expect((await kube.get(operatorConfigs, { namespace: NAMESPACE, name: 'default' })).status?.conditions).toMatchObject([{ reason: 'OperatorConfigSyncFailed', message: expect.stringContaining('"bad"') }]);
  await operator.stop();
});

test.each(['systemd', 'daemon'] as const)('configurationMode %s is in force', async (configurationMode) => {
  const { kube, clock, operator } = await fleet(1);
  const key = { namespace: NAMESPACE, name: 'default' };
  await kube.patch(operatorConfigs, key, { type: 'merge', patch: { spec: { configurationMode } } });
  await clock.run(5000);
  expect((await kube.get(operatorConfigs, key)).status?.conditions).toMatchObject([{ type: 'Ready', status: 'True', message: 'the configuration is in force' }]);
  await operator.stop();
});

test('a ConfigMap that fills up is announced; when it is full, the nodes that fit are served and the others named', async () => {
  const { kube, clock, operator, writesSince } = await fleet(24);
  const key = { namespace: NAMESPACE, name: 'default' };
  const ready = async () => (await kube.get(operatorConfigs, key)).status?.conditions?.[0];
  // Each node's entry repeats the selector.
  const wide = (bytes: number) => ({ pfNames: ['ens1f0', ...Array.from({ length: Math.floor(bytes / 13) }, (_, at) => `ens${String(at).padStart(7, '0')}`)] });
  await addPolicy(kube, 'p', { nicSelector: wide(41_000) });
  await clock.run(10_000);
  const published = async () => Object.entries((await kube.get(configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig })).data ?? {});
  expect(await published()).toHaveLength(24);
  expect(await ready()).toMatchObject({ status: 'True', message: expect.stringMatching(/device-plugin-config holds 9\d % of what a ConfigMap may hold/) });

  await addPolicy(kube, 'q', { resourceName: 'other', nicSelector: { pfNames: ['ens1f1'] } });
  await kube.patch(nodePolicies, { namespace: NAMESPACE, name: 'p' }, { type: 'merge', patch: { spec: { nicSelector: wide(50_000) } } });
  await clock.run(10_000);
  const full = await ready();
  expect(full).toMatchObject({ status: 'False', reason: 'OperatorConfigSyncFailed', message: expect.stringContaining('is full: a ConfigMap holds 1048576 bytes') });
  const entries = await published();
  expect(entries.reduce((sum, [, json]) => sum + json.length, 0)).toBeLessThanOrEqual(1_048_576);
  const fresh = entries.filter(([, json]) => json.includes('"other"')).map(([node]) => node);
  expect(fresh.length).toBeGreaterThan(0);
  expect(full?.message).toContain(`what ${24 - fresh.length} nodes shall offer has no room`);
  writesSince();
  await clock.run(3_600_000);
  expect(writesSince()).toEqual({});

  await kube.patch(nodePolicies, { namespace: NAMESPACE, name: 'p' }, { type: 'merge', patch: { spec: { nicSelector: { pfNames: ['ens1f0'] } } } });
  await clock.run(10_000);
  expect((await published()).every(([, json]) => json.includes('"other"') && json.length < 1000)).toBe(true);
  expect(await ready()).toMatchObject({ status: 'True', message: 'the configuration is in force' });
  await operator.stop();
});

test('pools and the configuration are kept until the operator has seen that they are deleted', async () => {
  const { kube, clock, operator, begin } = await fleet(1);
  await addPool(kube, 'one', { nodeSelector: {}, maxUnavailable: 3 });
  await kube.create(operatorConfigs, { apiVersion: `${GROUP}/v1`, kind: 'SriovOperatorConfig', metadata: { namespace: NAMESPACE, name: 'other' }, spec: {} });
  await clock.run(5000);
  const [pool, config] = [{ namespace: NAMESPACE, name: 'one' }, { namespace: NAMESPACE, name: 'default' }];
  expect((await kube.get(poolConfigs, pool)).metadata.finalizers).toEqual([finalizers.poolConfig]);
  expect((await kube.get(operatorConfigs, config)).metadata.finalizers).toEqual([finalizers.operatorConfig]);
  expect((await kube.get(operatorConfigs, { namespace: NAMESPACE, name: 'other' })).metadata.finalizers).toBeUndefined();
  await operator.stop();
  await kube.delete(poolConfigs, pool);
  await kube.delete(operatorConfigs, config);
  expect((await kube.get(poolConfigs, pool)).metadata.deletionTimestamp).toBeDefined();
  const next = begin('b');
  await clock.run(60_000);
  expect((await kube.list(poolConfigs)).items).toEqual([]);
  expect((await kube.list(operatorConfigs)).items.map(({ metadata }) => metadata.name)).toEqual(['other']);
  expect(await eventsOf(kube, 'OperatorConfigDeleted')).toMatchObject([{ type: 'Warning', involvedObject: { kind: 'SriovOperatorConfig', name: 'default' } }]);
  await next.stop();
});

test('without a configuration everything stays as it is, and policies say why', async () => {
  const { kube, clock, operator, writesSince } = await fleet(1);
  await addPolicy(kube, 'p', {});
  await clock.run(5000);
  await kube.delete(operatorConfigs, { namespace: NAMESPACE, name: 'default' });
  await clock.run(1000);
  writesSince();
  await kube.patch(nodePolicies, { namespace: NAMESPACE, name: 'p' }, { type: 'merge', patch: { spec: { numVfs: 8 } } });
  await clock.run(60_000);
  expect(writesSince()).toEqual({ 'patch sriovnetworknodepolicies/status': 1 });
  expect((await kube.get(nodePolicies, { namespace: NAMESPACE, name: 'p' })).status?.conditions).toMatchObject([{ status: 'False', reason: 'NoOperatorConfig' }]);
  await operator.stop();
});

test('in a large fleet the device plugin configuration of all nodes is written less often, and says in the end what it should', async () => {
  const { kube, clock, operator, writesSince, bugs } = await fleet(1000);
  // One policy after the other, each a change of every second node's configuration.
  for (let index = 0; index < 8; index++) {
    await addPolicy(kube, `p${index}`, { numVfs: 1, nicSelector: { pfNames: [`ens1f${index % 2}#0-0`] }, nodeSelector: { rack: 'odd' }, resourceName: `r${index}`, priority: 8 - index });
    await clock.run(400);
  }
  await clock.run(5000);
  expect(writesSince()['patch configmaps']).toBeLessThanOrEqual(5);
  const { data = {} } = await kube.get(configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig });
  expect([data['w1'], data['w999']].map((json) => [...(json ?? '').matchAll(/"resourceName":"(r\d)"/g)].map(([, name]) => name).sort())).toEqual([['r6', 'r7'], ['r6', 'r7']]);
  await operator.stop();
  expect(bugs).toEqual([]);
});
