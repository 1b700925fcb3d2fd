// Goal: a cluster of the Go operator is taken over in place: every object stays the same object, no node state gets a new generation, no node is drained,
// and nothing of the old operator works against the new one. Method: what it leaves, by hand from its manifests; the story that is also told to a
// real API server, here to the embedded one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { foreignParts } from '@vfleet/controllers/admission/foreign-parts.ts';
import { findLeftovers, removeLeftovers } from '@vfleet/controllers/upgrade/leftovers.ts';
import { Removal } from '@vfleet/controllers/uninstall/removal.ts';
import { daemonSets, pods } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { applyManifest } from '../installation/apply.ts';
import { NAMESPACE, world } from '../operator/harness.ts';
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
  await leaveProcesses(kube, 'sriov');
  await kube.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name: 'go-1', labels: { name: 'sriov-network-operator' } }, spec: { containers: [{ name: 'c', image: 'i' }] } });
  const removal = new Removal({ kube, clock }, false);
  await clock.settle(removeLeftovers(removal, { kube, clock }, NAMESPACE, await findLeftovers(kube, NAMESPACE), 5_000));
  expect([removal.done, removal.problems]).toEqual([[`Deployment ${NAMESPACE}/sriov-network-operator`], [expect.stringContaining('go-1 of the Go operator has not ended')]]);
  expect((await kube.list(daemonSets)).items).toHaveLength(4);
  await kube.delete(pods, { namespace: NAMESPACE, name: 'go-1' }, { gracePeriodSeconds: 0 });
  await clock.settle(removeLeftovers(new Removal({ kube, clock }, false), { kube, clock }, NAMESPACE, await findLeftovers(kube, NAMESPACE), 5_000));
  expect([await findLeftovers(kube, NAMESPACE), (await kube.list(daemonSets)).items]).toEqual([[], []]);
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
