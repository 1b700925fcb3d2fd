// Goal: a policy that is annotated for a dry run is not applied, says in its status what it would do, and what it configured before stays whole, also
// while it is edited; taking the annotation off applies it. Method: an operator under simulated time; the test plays daemons and pods.
import { describe, expect, test } from 'vitest';
import { configMaps, policyAnnotations } from '@vfleet/core';
import type { Kube, NodePolicySpec } from '@vfleet/core';
import { configMapResource, nodePolicies, nodeStates, poolConfigs } from '@vfleet/kube';
import { NAMESPACE, addNode, addPolicy, addPool, eventsOf, nic, obey, report, world } from './harness.ts';
import type { World } from './harness.ts';

const key = { namespace: NAMESPACE, name: 'fast' };
const spec = async (kube: Kube, name: string) => (await kube.get(nodeStates, { namespace: NAMESPACE, name })).spec.interfaces;
const status = async (kube: Kube) => (await kube.get(nodePolicies, key)).status;
const offered = async (kube: Kube, node: string) => (await kube.get(configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig })).data?.[node];

function annotate(kube: Kube, value: string | null, change: Partial<NodePolicySpec> = {}) {
  return kube.patch(nodePolicies, key, { type: 'merge', patch: { metadata: { annotations: { [policyAnnotations.dryRun]: value } }, ...(Object.keys(change).length === 0 ? {} : { spec: change }) } });
}

/** Nodes w1 to w3 with a NIC each, known to the operator. */
async function fleet(): Promise<World> {
  const one = await world();
  one.begin('operator');
  for (const name of ['w1', 'w2', 'w3']) await addNode(one.kube, name, { rack: 'a' });
  await one.clock.run(5_000);
  for (const name of ['w1', 'w2', 'w3']) await report(one.kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'Succeeded' });
  await one.clock.run(5_000);
  return one;
}

/** The policy is in force: 4 VFs each, one of them held by a pod. */
async function configured(): Promise<World> {
  const one = await fleet();
  await addPolicy(one.kube, 'fast', { nodeSelector: { rack: 'a' } });
  await one.clock.run(5_000);
  for (const name of ['w1', 'w2', 'w3']) {
    await obey(one.kube, name);
    const Vfs = [0, 1, 2, 3].map((vfID) => ({ vfID, pciAddress: `0000:81:01.${vfID}`, driver: 'iavf', mtu: 1500, ...(vfID === 0 ? { assigned: `default/user-${name}` } : {}) }));
    await report(one.kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0', { numVfs: 4, linkAdminState: 'up', Vfs })], syncStatus: 'Succeeded' });
  }
  await one.clock.run(10_000);
  expect((await status(one.kube))?.conditions?.[0]).toMatchObject({ status: 'True', reason: 'PolicyReady' });
  return one;
}

describe('a new policy', () => {
  test('changes nothing and says what it would change; without the annotation it does that', async () => {
    const { kube, clock, bugs } = await fleet();
    await kube.create(nodePolicies, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { ...key, annotations: { [policyAnnotations.dryRun]: 'true' } }, spec: { resourceName: 'fast', nodeSelector: { rack: 'a' }, numVfs: 4, nicSelector: { vendor: '8086' } } });
    await clock.run(10_000);
    expect(await Promise.all(['w1', 'w2', 'w3'].map((name) => spec(kube, name)))).toEqual([[], [], []]);
    expect(await status(kube)).toMatchObject({
      preview: { observedGeneration: 1, nodesChanged: 3, nodesUnchanged: 0, vfsCut: 0, podsEvicted: 0, drains: 0, nodes: [{ name: 'w1', changes: 'ens1f0: numVfs goes from 0 to 4' }, { name: 'w2' }, { name: 'w3' }] },
      conditions: [{ type: 'Ready', status: 'False', reason: 'DryRun', message: 'not applied, because it is annotated for a dry run: it would change 3 of 3 nodes', observedGeneration: 1 }],
    });
    expect(await eventsOf(kube, 'DryRun')).toHaveLength(1);
    expect(JSON.parse((await offered(kube, 'w1'))!)).toEqual({ resourceList: [] });
    await annotate(kube, null);
    await clock.run(10_000);
    expect((await spec(kube, 'w1'))?.[0]).toMatchObject({ numVfs: 4 });
    for (const name of ['w1', 'w2', 'w3']) await obey(kube, name);
    await clock.run(10_000);
    expect(await status(kube)).toMatchObject({ conditions: [{ status: 'True', reason: 'PolicyReady' }] });
    expect((await status(kube))?.preview).toBeUndefined();
    expect(bugs).toEqual([]);
  });

  test.each(['false', 'yes', ''])('annotated "%s" is applied', async (value) => {
    const { kube, clock } = await fleet();
    await addPolicy(kube, 'fast', {});
    await annotate(kube, value);
    await clock.run(10_000);
    expect((await spec(kube, 'w1'))?.[0]).toMatchObject({ numVfs: 4 });
  });
});

describe('a policy that is in force', () => {
  test.each<readonly [string, Partial<NodePolicySpec>]>([
    ['nothing', {}], ['the number of VFs', { numVfs: 8 }], ['the nodes', { nodeSelector: { rack: 'z' } }], ['the NICs', { nicSelector: { vendor: '15b3' } }], ['the resource', { resourceName: 'other', isRdma: true }], ['all', { numVfs: 0 }],
  ])('keeps what it configured while %s is edited under it', async (_, change) => {
    const { kube, clock } = await configured();
    const before = [await spec(kube, 'w1'), JSON.parse((await offered(kube, 'w1'))!)] as const;
    await annotate(kube, 'true', change);
    await clock.run(30_000);
    expect(await spec(kube, 'w1')).toEqual(before[0]);
    const [resource] = (JSON.parse((await offered(kube, 'w1'))!) as { readonly resourceList: readonly { readonly resourceName: string; readonly selectors: { readonly isRdma?: boolean } }[] }).resourceList;
    expect([resource?.resourceName, resource?.selectors.isRdma]).toEqual(['fast', undefined]);
  });

  test('says what the edit costs: VFs, pods, drains and turns; and the annotation gone, it is done', async () => {
    const { kube, clock } = await configured();
    await addPool(kube, 'rack-a', { maxUnavailable: 2, nodeSelector: { matchLabels: { rack: 'a' } } });
    await clock.run(5_000);
    await annotate(kube, 'true', { numVfs: 8 });
    await clock.run(10_000);
    expect(await status(kube)).toMatchObject({
      preview: { nodesChanged: 3, vfsCut: 12, podsEvicted: 3, drains: 3, reboots: 0, rounds: 2, nodes: [{ name: 'w1', changes: 'ens1f0: numVfs goes from 4 to 8', vfsCut: 4, pods: ['default/user-w1'], needs: 'drain' }, {}, {}] },
      conditions: [{ message: 'not applied, because it is annotated for a dry run: it would change 3 of 3 nodes, cut 12 VFs, evict 3 pods, drain 3 nodes in 2 rounds' }],
    });
    await annotate(kube, null);
    await clock.run(5_000);
    expect((await spec(kube, 'w1'))?.[0]).toMatchObject({ numVfs: 8 });
  });

  test('is looked at again at a slow pace, and written only when the answer is another', async () => {
    const { kube, clock, writesSince } = await configured();
    await annotate(kube, 'true', { numVfs: 8 });
    await clock.run(10_000);
    writesSince();
    await clock.run(30 * 60_000);
    expect(writesSince()).toEqual({});
    await kube.create(poolConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkPoolConfig', metadata: { namespace: NAMESPACE, name: 'all-at-once' }, spec: { maxUnavailable: 3, nodeSelector: { matchLabels: { rack: 'a' } } } });
    await clock.run(6 * 60_000);
    expect((await status(kube))?.preview).toMatchObject({ rounds: 1 });
  });
});
