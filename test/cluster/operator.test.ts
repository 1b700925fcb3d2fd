// Goal: the operator works with a real API server as it does with ours: leases, rendering, drains with budgets, networks, uninstall. Method:
// two replicas of the operator, each with a client of its own over HTTPS and no more rights than deploy/install.yaml gives it; the test plays
// config daemons, kubelets and people. The API server is real; scheduler, controller manager and kubelets are not there.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configMaps, finalizers, isKubeError, nodeStateAnnotations, silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { LEASE_NAME, createOperator } from '@vfleet/controllers';
import type { Operator } from '@vfleet/controllers';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import { NAMESPACE, addNode, addPod, addPolicy, addPool, askDrain, nic, report } from '../operator/harness.ts';
import { clientOf, install } from './rbac-install.ts';
import { realServerIsBuilt } from './servers.ts';

const within = { timeout: 120_000, interval: 50 };

describe.skipIf(!(await realServerIsBuilt()))('the operator on a real API server', () => {
  const open = new AsyncDisposableStack();
  const operators: Operator[] = [];
  let kube: ReturnType<typeof kubeFromConfigFile>;
  const bugs: unknown[] = [];

  beforeAll(async () => {
    const server = open.adopt(await startRealApiServer({ unsafeNoFsync: true }), (running) => running.stop());
    kube = open.adopt(kubeFromConfigFile(server.kubeconfig), (one) => one.close());
    const ports = { clock: new RealClock(), random: new SystemRandom(), log: silentLog };
    await install(server);
    await kube.create(api.customResourceDefinitionResource, api.networkAttachmentDefinitionCrd());
    await kube.create(api.operatorConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovOperatorConfig', metadata: { namespace: NAMESPACE, name: 'default' }, spec: {} });
    await kube.create(api.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'default' } });
    for (const identity of ['first', 'second']) {
      const own = open.adopt(await clientOf(server, 'operator'), (one) => one.close());
      const operator = open.adopt(createOperator({ ...ports, kube: own }, { identity }, { onBug: (error) => bugs.push(error) }), (one) => one.stop());
      operators.push(operator);
      operator.start();
    }
  });
  afterAll(async () => {
    await open.disposeAsync();
    if (bugs.length > 0) throw new AggregateError(bugs, 'the operator made mistakes');
  });

  const state = (name: string) => kube.get(api.nodeStates, { namespace: NAMESPACE, name });
  const progress = async (name: string) => (await state(name)).metadata.annotations?.[nodeStateAnnotations.currentState];
  const isCordoned = async (name: string) => (await kube.get(api.nodes, { name })).spec?.unschedulable === true;

  test('one of two leads, by a Lease', async () => {
    await expect.poll(() => operators.filter(({ leading }) => leading).length, within).toBe(1);
    expect((await kube.get(api.leases, { namespace: NAMESPACE, name: LEASE_NAME })).spec!.holderIdentity).toMatch(/^(first|second)_/);
  });

  test('nodes get node states, and a policy becomes their spec with one write each', async () => {
    for (const name of ['w1', 'w2']) await addNode(kube, name, { rack: 'a' });
    await expect.poll(async () => (await kube.list(api.nodeStates)).items.map(({ metadata }) => metadata.name), within).toEqual(['w1', 'w2']);
    for (const name of ['w1', 'w2']) await report(kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'Succeeded' });
    // The operator answers to a first discovery, policy or not.
    for (const name of ['w1', 'w2']) await expect.poll(async () => (await state(name)).metadata.generation, within).toBeGreaterThan(1);
    const before = (await state('w1')).metadata.generation!;
    await addPolicy(kube, 'fast', { resourceName: 'fast', nodeSelector: { rack: 'a' } });
    for (const name of ['w1', 'w2']) await expect.poll(async () => (await state(name)).spec.interfaces?.map(({ numVfs }) => numVfs), within).toEqual([4]);
    expect((await state('w1')).metadata.generation).toBe(before + 1);
    await expect.poll(async () => Object.keys((await kube.get(api.configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig })).data ?? {}).sort(), within).toEqual(['w1', 'w2']);
  });

  test('a drain waits for the budget, stays within the pool, and gives the node back', async () => {
    await addPool(kube, 'one', { maxUnavailable: 1, nodeSelector: { matchLabels: { rack: 'a' } } });
    for (const name of ['w1', 'w2']) await addPod(kube, `user-${name}`, { node: name, devices: true, labels: { app: 'user' } });
    const budget = await kube.create(api.podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { namespace: 'default', name: 'user' }, spec: { minAvailable: 2, selector: { matchLabels: { app: 'user' } } } });
    const allow = (disruptionsAllowed: number) => kube.patch(api.podDisruptionBudgets, { namespace: 'default', name: 'user' }, { type: 'merge', patch: { status: { disruptionsAllowed, currentHealthy: 2, desiredHealthy: 2 - disruptionsAllowed, expectedPods: 2, observedGeneration: budget.metadata.generation } } }, { subresource: 'status' });
    await allow(0);
    for (const name of ['w1', 'w2']) await askDrain(kube, name, 'Drain_Required');
    const draining = async () => (await Promise.all(['w1', 'w2'].map(async (name) => ((await isCordoned(name)) ? [name] : [])))).flat();
    await expect.poll(draining, within).toHaveLength(1);
    const [first = ''] = await draining();
    await expect.poll(async () => (await state(first)).status?.conditions?.find(({ type }) => type === 'DrainBlocked')?.message ?? '', within).toContain('user');
    expect(await draining()).toEqual([first]);
    await allow(1);
    // No kubelet is there to end what is evicted.
    await expect.poll(async () => (await kube.get(api.pods, { namespace: 'default', name: `user-${first}` })).metadata.deletionTimestamp !== undefined, within).toBe(true);
    await kube.delete(api.pods, { namespace: 'default', name: `user-${first}` }, { gracePeriodSeconds: 0 });
    await expect.poll(() => progress(first), within).toBe('DrainComplete');
    await askDrain(kube, first, 'Idle');
    await expect.poll(() => isCordoned(first), within).toBe(false);
    const second = first === 'w1' ? 'w2' : 'w1';
    await expect.poll(() => isCordoned(second), within).toBe(true);
    await askDrain(kube, second, 'Idle');
    await expect.poll(() => isCordoned(second), within).toBe(false);
  });

  test('a network becomes a NetworkAttachmentDefinition where it is wanted, and takes it along', async () => {
    await kube.create(api.sriovNetworks, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetwork', metadata: { namespace: NAMESPACE, name: 'blue' }, spec: { resourceName: 'fast', networkNamespace: 'later', vlan: 100 } });
    await kube.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'later' } });
    const attachment = () => kube.get(api.networkAttachmentDefinitions, { namespace: 'later', name: 'blue' }).then((found) => found, (error: unknown) => {
      if (isKubeError(error, 'NotFound')) return undefined;
      throw error;
    });
    await expect.poll(async () => (await attachment())?.metadata.annotations?.['k8s.v1.cni.cncf.io/resourceName'], within).toBe('openshift.io/fast');
    expect(JSON.parse((await attachment())!.spec!.config!)).toMatchObject({ type: 'sriov', vlan: 100 });
    expect((await kube.get(api.sriovNetworks, { namespace: NAMESPACE, name: 'blue' })).metadata.finalizers).toContain(finalizers.network);
    await kube.delete(api.sriovNetworks, { namespace: NAMESPACE, name: 'blue' });
    await expect.poll(attachment, within).toBeUndefined();
  });

  test('the leader goes, the other one goes on', async () => {
    const leader = operators.find(({ leading }) => leading)!;
    await leader.stop();
    await expect.poll(() => operators.some((operator) => operator !== leader && operator.leading), within).toBe(true);
    await addPolicy(kube, 'more', { resourceName: 'more', priority: 10, numVfs: 8, nodeSelector: { rack: 'a' } });
    await expect.poll(async () => (await state('w1')).spec.interfaces?.map(({ numVfs }) => numVfs), within).toEqual([8]);
  });
});
