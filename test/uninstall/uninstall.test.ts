// Goal: an uninstallation comes to its end whatever is dead, and leaves what it was told to leave and nothing else. Method: the story that is also
// told to a real API server, here to the embedded one: install, let an operator work, kill it in the middle of a drain, and run the verb.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { uncoveredKinds } from '@vfleet/controllers/uninstall/installed.ts';
import { uninstall } from '@vfleet/controllers/uninstall/uninstall.ts';
import { nodePolicies, nodeStates, pods } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { NAMESPACE, addNode, addPolicy, buryPods, nic, report, world } from '../operator/harness.ts';
import { keepsWhatIsTheirs, leavesNothing, prepare, refusesStrangers } from './story.ts';

async function cluster() {
  const open = new AsyncDisposableStack();
  const folder = open.adopt(mkdtempSync(join(tmpdir(), 'vfleet-uninstall-')), (path) => rmSync(path, { recursive: true }));
  const server = open.adopt(createApiServer({ clock: new RealClock(), random: new SystemRandom(), fullAdmission: true }), (one) => one.stop());
  const { kubeconfigPath } = open.adopt(await serve(server, { port: 0, host: '127.0.0.1', folder }), (one) => one.close());
  return { kube: server.client(), operatorKube: server.client({ fieldManager: 'sriov-network-operator' }), kubeconfig: kubeconfigPath, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

test('the cluster is as it was before', { timeout: 300_000 }, async () => {
  await using one = await cluster();
  await prepare(one.kube);
  await leavesNothing(one.kube, one.operatorKube, one.kubeconfig);
});

test('custom resources stay unless asked for, and hold nothing', { timeout: 300_000 }, async () => {
  await using one = await cluster();
  await prepare(one.kube);
  await keepsWhatIsTheirs(one.kube, one.operatorKube, one.kubeconfig);
});

test('another operator\'s installation is not touched', { timeout: 300_000 }, async () => {
  await using one = await cluster();
  await refusesStrangers(one.kube, one.kubeconfig);
});

test('there is no kind in the manifest that nobody removes', () => {
  expect(uncoveredKinds(NAMESPACE)).toEqual(['Namespace', 'CustomResourceDefinition']);
});

const ALL = { namespace: NAMESPACE, customResources: false, definitions: false, ownNamespace: false, resetNics: true, waitMs: 5_000, resetWaitMs: 60_000, pretend: false };

test('NICs are given back first when that is asked for, and nothing goes when they are not', async () => {
  const { kube, clock, begin } = await world({ leaderElection: true });
  buryPods(kube, clock);
  const first = async () => (await uninstall({ kube, clock }, ALL).next()).value;
  expect(await clock.settle(first())).toMatchObject({ problems: [expect.stringContaining('no operator leads')] });
  begin('one');
  await addNode(kube, 'w1', { rack: 'a' });
  await clock.run(5_000);
  await report(kube, 'w1', { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'Succeeded' });
  await addPolicy(kube, 'fast', {});
  await clock.run(5_000);
  // The daemon is dead.
  const names: string[] = [];
  const everything = async () => {
    for await (const step of uninstall({ kube, clock }, ALL)) names.push(`${step.name}: ${step.problems.join()}`);
  };
  await clock.settle(everything());
  expect(names).toEqual(['NICs: the NICs of node w1 are not given back: its daemon has said nothing']);
  expect((await kube.list(nodePolicies)).items).toEqual([]);
  // It is alive again, and does what the node state says.
  const state = await kube.get(nodeStates, { namespace: NAMESPACE, name: 'w1' });
  await report(kube, 'w1', { syncStatus: 'Succeeded', conditions: [{ type: 'Ready', status: 'True', reason: 'Configured', message: '', observedGeneration: state.metadata.generation!, lastTransitionTime: '2026-01-01T00:00:00Z' }] });
  expect(await clock.settle(first())).toEqual({ name: 'NICs', done: [], problems: [] });
});

test('a pod that never ends is named, and does not hold the rest', async () => {
  const { kube, clock } = await world();
  await kube.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name: 'operator-1', labels: { 'app.kubernetes.io/part-of': 'vfleet', 'app.kubernetes.io/name': 'sriov-network-operator' } }, spec: { nodeName: 'gone', containers: [{ name: 'c', image: 'i' }] } });
  const said: string[] = [];
  const everything = async () => {
    for await (const { problems } of uninstall({ kube, clock }, { ...ALL, resetNics: false, customResources: true })) said.push(...problems);
  };
  const begunMs = clock.now();
  await clock.settle(everything());
  expect(said).toEqual([`pod ${NAMESPACE}/operator-1 has not ended; is the node gone reachable?`]);
  expect(clock.now() - begunMs).toBeLessThan(2 * ALL.waitMs);
});

