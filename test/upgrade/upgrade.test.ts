// Goal: a cluster of the Go operator is taken over in place: every object stays the same object, no node state gets a new generation, no node is drained,
// and nothing of the old operator works against the new one. Method: what it and its chart left where they were run, and custom resources
// as it writes them; the story that is also told to a
// real API server, here to the embedded one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { NodePolicySpec } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { foreignParts } from '@vfleet/controllers/admission/foreign-parts.ts';
import { offerChanges } from '@vfleet/controllers/upgrade/offers.ts';
import { findLeftovers, removeLeftovers } from '@vfleet/controllers/upgrade/leftovers.ts';
import { Removal } from '@vfleet/controllers/uninstall/removal.ts';
import { daemonSets, nodeStates, nodes, pods } from '@vfleet/kube';
import type { Node, SriovNetworkNodeState } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { applyManifest } from '../installation/apply.ts';
import { NAMESPACE, addPod, askDrain, buryPods, nic, world } from '../operator/harness.ts';
import { leaveProcesses } from './go-operator.ts';
import { goesBack, takesOver, takesWebhooksOver } from './story.ts';
import type { Cluster } from './story.ts';

async function cluster(): Promise<Cluster & AsyncDisposable> {
  const open = new AsyncDisposableStack();
  const folder = open.adopt(mkdtempSync(join(tmpdir(), 'vfleet-upgrade-')), (path) => rmSync(path, { recursive: true }));
  const server = open.adopt(createApiServer({ clock: new RealClock(), random: new SystemRandom(), fullAdmission: true }), (one) => one.stop());
  const { kubeconfigPath } = open.adopt(await serve(server, { port: 0, host: '127.0.0.1', folder }), (one) => one.close());
  const kube = server.client();
  return { kube, operatorKube: server.client({ fieldManager: 'sriov-network-operator' }), kubeconfig: kubeconfigPath, apply: async (objects) => void (await applyManifest(kube, objects)), [Symbol.asyncDispose]: () => open.disposeAsync() };
}

test('everything is taken over as it is, and webhook configurations whole', { timeout: 600_000 }, async () => {
  await using one = await cluster();
  await takesOver(one);
  await takesWebhooksOver(one);
  await goesBack(one);
});

test('while a pod of the Go operator is there, nothing goes that it would make again', async () => {
  const { kube, clock } = await world();
  await leaveProcesses(kube);
  await kube.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name: 'go-1', labels: { name: 'sriov-network-operator' } }, spec: { containers: [{ name: 'c', image: 'i' }] } });
  const removal = new Removal({ kube, clock }, false);
  await clock.settle(removeLeftovers(removal, { kube, clock }, NAMESPACE, await findLeftovers(kube, NAMESPACE), 5_000));
  expect([removal.done, removal.problems]).toEqual([[`Deployment ${NAMESPACE}/sriov-sriov-network-operator`], [expect.stringContaining('go-1 of the Go operator has not ended')]]);
  expect((await kube.list(daemonSets)).items).toHaveLength(5);
  await kube.delete(pods, { namespace: NAMESPACE, name: 'go-1' }, { gracePeriodSeconds: 0 });
  await clock.settle(removeLeftovers(new Removal({ kube, clock }, false), { kube, clock }, NAMESPACE, await findLeftovers(kube, NAMESPACE), 5_000));
  expect([await findLeftovers(kube, NAMESPACE), (await kube.list(daemonSets)).items]).toEqual([[], []]);
});

test('a drain under way goes on where the Go operator stopped, and its cordon ends with it; cordons of others stay', async () => {
  const { kube, clock, begin, bugs } = await world();
  const cordoned = (name: string, request: string) => kube.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, annotations: { 'sriovnetwork.openshift.io/state': request } }, spec: { unschedulable: true } });
  const progress = (name: string, current: string, more: Record<string, string> = {}) => kube.create(nodeStates, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { namespace: NAMESPACE, name, annotations: { 'sriovnetwork.openshift.io/current-state': current, 'sriovnetwork.openshift.io/desired-state': 'Drain_Required', ...more } }, spec: {} });
  await leaveProcesses(kube);
  for (const [name, request, current, more] of [['draining', 'Drain_Required', 'Draining', {}], ['drained', 'Drain_Required', 'DrainComplete', {}], ['administrator', 'Idle', 'Idle', {}], ['external', 'Drain_Required', 'Draining', { 'sriovnetwork.openshift.io/use-external-drainer': 'true' }]] as const) {
    await cordoned(name, request);
    await progress(name, current, more);
  }
  await addPod(kube, 'user', { node: 'draining', devices: true });
  buryPods(kube, clock);
  const removal = new Removal({ kube, clock }, false);
  await clock.settle(removeLeftovers(removal, { kube, clock }, NAMESPACE, await findLeftovers(kube, NAMESPACE), 5_000));
  expect(removal.done.filter((line) => line.includes('cordon'))).toEqual([expect.stringContaining('Node drained:'), expect.stringContaining('Node draining:')]);
  const operator = begin('ours');
  await clock.run(60_000);
  const current = async (name: string) => (await kube.get(nodeStates, { namespace: NAMESPACE, name })).metadata.annotations?.['sriovnetwork.openshift.io/current-state'];
  expect([await current('draining'), await current('drained'), (await kube.list(pods)).items]).toEqual(['DrainComplete', 'DrainComplete', []]);
  for (const name of ['draining', 'drained']) await askDrain(kube, name, 'Idle');
  await clock.run(60_000);
  const unschedulable = Object.fromEntries((await kube.list(nodes)).items.map(({ metadata: { name }, spec }) => [name, spec?.unschedulable === true]));
  expect([await current('draining'), await current('drained'), unschedulable]).toEqual(['Idle', 'Idle', { draining: false, drained: false, administrator: true, external: true }]);
  // Afterwards a cordon is nobody's but the administrator's.
  await kube.patch(nodes, { name: 'drained' }, { type: 'merge', patch: { spec: { unschedulable: true } } });
  await kube.patch(nodeStates, { namespace: NAMESPACE, name: 'drained' }, { type: 'merge', patch: { metadata: { annotations: { 'sriovnetwork.openshift.io/current-state': 'Draining' } } } });
  const again = new Removal({ kube, clock }, false);
  await clock.settle(removeLeftovers(again, { kube, clock }, NAMESPACE, await findLeftovers(kube, NAMESPACE), 5_000));
  expect(again.done).toEqual([]);
  await operator.stop();
  expect(bugs).toEqual([]);
});

test('kubelet\'s numbers are compared with what would be offered', () => {
  const interfaces = [nic('ens1f0', '0000:81:00.0'), nic('ens1f1', '0000:81:00.1', { netFilter: 'aws/NetworkID:subnet-1' })];
  const policy = (name: string, spec: Partial<NodePolicySpec>) => ({ name, spec: { resourceName: name, nodeSelector: {}, numVfs: 4, nicSelector: { pfNames: ['ens1f0'] }, ...spec } });
  const policies = [policy('below', { priority: 99 }), policy('above', { priority: 10 }), policy('part', { priority: 5, numVfs: 8, nicSelector: { pfNames: ['ens1f0#6-7'] } }), policy('platform', { numVfs: 1, nicSelector: { netFilter: 'aws/NetworkID:subnet-1' } }), policy('elsewhere', { nodeSelector: { rack: 'b' } })];
  const input = { policies, supportedNics: [], resourcePrefix: 'openshift.io' };
  const node = (capacity: Readonly<Record<string, string>>) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'w1' }, status: { capacity } }) as Node;
  const state = { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { name: 'w1' }, spec: {}, status: { interfaces } } as SriovNetworkNodeState;
  expect(offerChanges(input, node({ cpu: '4', 'openshift.io/below': '4', 'openshift.io/above': '0', 'openshift.io/part': '2', 'openshift.io/platform': '1' }), state)).toEqual([
    { node: 'w1', resource: 'openshift.io/above', now: 0, then: 4 }, { node: 'w1', resource: 'openshift.io/below', now: 4, then: 0 },
  ]);
  for (const [unknown, of] of [[node({ cpu: '4' }), state], [node({ 'openshift.io/below': '4' }), undefined]] as const) expect(offerChanges(input, unknown, of)).toEqual([]);
});

test('our own installation leaves nothing that would be taken for the Go operator\'s', async () => {
  const { kube, clock } = await world();
  const { installationObjects } = await import('@vfleet/controllers/installation/manifest.ts');
  await clock.settle(applyManifest(kube, installationObjects({ namespace: NAMESPACE, image: 'vfleet' }) as never));
  expect(await findLeftovers(kube, NAMESPACE)).toEqual([]);
});

test('what we applied is no foreign part, whatever the order it is stored in', () => {
  const webhook = (name: string, ...conditions: readonly string[]) => ({ name, clientConfig: {}, matchConditions: conditions.map((condition) => ({ name: condition, expression: 'true' })) });
  const head = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', metadata: { name: 'x', resourceVersion: '7', annotations: { 'example.com/mine': 'a' } } };
  const wanted = { ...head, webhooks: [webhook('a', 'one', 'two'), webhook('b')] };
  expect(foreignParts({ ...head, webhooks: wanted.webhooks.toReversed() }, wanted)).toBeUndefined();
  expect(foreignParts(head, wanted)).toBeUndefined();
  const stored = { ...head, metadata: { ...head.metadata, annotations: { 'cert-manager.io/inject-ca-from': 'a/b' } }, webhooks: [webhook('theirs'), webhook('a', 'one', 'theirs', 'two', 'more'), webhook('theirs-too')] };
  expect(foreignParts(stored, wanted)?.operations).toEqual([
    { op: 'test', path: '/metadata/resourceVersion', value: '7' }, { op: 'remove', path: '/metadata/annotations/cert-manager.io~1inject-ca-from' },
    { op: 'remove', path: '/webhooks/2' }, { op: 'remove', path: '/webhooks/1/matchConditions/3' }, { op: 'remove', path: '/webhooks/1/matchConditions/1' }, { op: 'remove', path: '/webhooks/0' },
  ]);
});
