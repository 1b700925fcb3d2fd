// Goal: an ordinary client library finds a Kubernetes it can work with. Method: @kubernetes/client-node over HTTPS with the
// kubeconfig that is written, against the served loop, from the article's policy to net1.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CoreV1Api, CustomObjectsApi, KubeConfig, Watch, makeInformer } from '@kubernetes/client-node';
import { statSync } from 'node:fs';
import { exampleFleet, manifest, servedLoop } from './harness.ts';

let loop: Awaited<ReturnType<typeof servedLoop>>;
const config = new KubeConfig();
beforeAll(async () => {
  loop = await servedLoop(exampleFleet('sriov-operator-article/fleet.yaml'));
  config.loadFromFile(loop.kubeconfigPath);
});
afterAll(() => loop.stop());

test('the kubeconfig is for its owner only', () => {
  expect(statSync(loop.kubeconfigPath).mode & 0o777).toBe(0o600);
});

test('custom objects, pods, watch and informer', async () => {
  const custom = config.makeApiClient(CustomObjectsApi);
  const core = config.makeApiClient(CoreV1Api);
  const group = { group: 'sriovnetwork.openshift.io', version: 'v1', namespace: 'sriov-network-operator' };
  for (const [file, plural] of [['policy', 'sriovnetworknodepolicies'], ['network', 'sriovnetworks']] as const) {
    await custom.createNamespacedCustomObject({ ...group, plural, body: manifest(`sriov-operator-article/${file}.yaml`)[0] });
  }

  const seen: string[] = [];
  const informer = makeInformer(config, '/api/v1/namespaces/default/pods', () => core.listNamespacedPod({ namespace: 'default' }));
  informer.on('add', (pod) => void seen.push(`add ${pod.metadata?.name}`));
  informer.on('update', (pod) => void seen.push(`update ${pod.status?.phase}`));
  informer.on('delete', (pod) => void seen.push(`delete ${pod.metadata?.name}`));
  await informer.start();

  const created = await core.createNamespacedPod({ namespace: 'default', body: JSON.parse(JSON.stringify(manifest('sriov-operator-article/pod.yaml')[0])) });
  expect(created.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
  await expect.poll(async () => (await core.readNamespacedPod({ namespace: 'default', name: 'sriov-test-pod' })).status?.phase).toBe('Running');
  const pod = await core.readNamespacedPod({ namespace: 'default', name: 'sriov-test-pod' });
  expect(pod.metadata?.annotations?.['k8s.v1.cni.cncf.io/network-status']).toContain('"net1"');
  await expect.poll(() => seen).toEqual(expect.arrayContaining(['add sriov-test-pod', 'update Running']));

  const events: string[] = [];
  const watching = await new Watch(config).watch('/api/v1/namespaces/default/pods', { resourceVersion: pod.metadata!.resourceVersion! }, (type) => void events.push(type), () => {});
  await core.deleteNamespacedPod({ namespace: 'default', name: 'sriov-test-pod' });
  await expect.poll(() => events.at(-1)).toBe('DELETED');
  await expect.poll(() => seen.at(-1)).toBe('delete sriov-test-pod');
  watching.abort();
  await informer.stop();
});
