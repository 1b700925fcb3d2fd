import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import type { Kube, KubeObject } from '@vfleet/core';
import { isKubeError, nodeAnnotations, nodeStateAnnotations, rfc3339, silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { CORDONED_ANNOTATION, LEASE_NAME, createOperator } from '@vfleet/controllers';
import { serveAdmission } from '@vfleet/controllers/admission/edge/admission-service.ts';
import { webhookObjects } from '@vfleet/controllers/admission/webhook-installer.ts';
import * as api from '@vfleet/kube';
import { run } from '../../packages/cli/src/program.ts';
import { applyManifest, readManifest } from '../installation/apply.ts';
import { NAMESPACE, addNode, addPolicy, addPool, askDrain, nic, report } from '../operator/harness.ts';
import { snapshot } from './snapshot.ts';

const soon = <Value>(check: () => Promise<Value>) => vi.waitFor(check, { timeout: 240_000, interval: 50 });
const GROUP_VERSION = 'sriovnetwork.openshift.io/v1';

export interface Said {
  readonly status: number;
  readonly text: string;
}

/** `vfleet uninstall` as a person runs it. */
export async function verb(kubeconfig: string, ...words: readonly string[]): Promise<Said> {
  let text = '';
  const write = (more: string) => void (text += more);
  const status = await run(['uninstall', '--kubeconfig', kubeconfig, ...words], { environment: {}, terminal: { out: write, err: write, colours: false } });
  return { status, text };
}

/** A cluster as it is before: two nodes, one of them cordoned by its administrator. Nobody runs controllers there. */
export async function prepare(kube: Kube): Promise<void> {
  await kube.create(api.customResourceDefinitionResource, api.networkAttachmentDefinitionCrd());
  for (const name of ['w1', 'w2']) await addNode(kube, name, { rack: 'a' });
  await kube.patch(api.nodes, { name: 'w2' }, { type: 'merge', patch: { spec: { unschedulable: true } } });
  await kube.create(api.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'default' } }).catch(unlessThere);
  await soon(() => kube.list(api.networkAttachmentDefinitions));
  await kube.create(api.networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace: 'default', name: 'somebody-elses' }, spec: { config: '{}' } });
}

/** Installs, lets an operator with admission work until there is everything that it makes, in the middle of a drain, and kills it: webhooks answer nobody, its Lease is held. */
export async function installAndDie(kube: Kube, operatorKube: Kube): Promise<void> {
  await applyManifest(kube, readManifest(readFileSync(join(import.meta.dirname, '../../deploy/install.yaml'), 'utf8')));
  const ports = { kube: operatorKube, clock: new RealClock(), random: new SystemRandom(), log: silentLog };
  const operator = createOperator(ports, { identity: 'first' });
  const admission = await serveAdmission(ports, { port: 0, reachedBy: { kind: 'url', address: '127.0.0.1' } });
  operator.start();
  for (const name of ['w1', 'w2']) {
    await soon(() => kube.get(api.nodeStates, { namespace: NAMESPACE, name }));
    await report(kube, name, { interfaces: [nic('ens1f0', '0000:81:00.0')], syncStatus: 'Succeeded' });
  }
  await soon(async () => expect(admission.isReady).toBe(true));
  await addPolicy(kube, 'fast', { nodeSelector: { rack: 'a' } });
  await addPool(kube, 'pool', { maxUnavailable: 2, nodeSelector: { matchLabels: { rack: 'a' } } });
  const network = (namespace: string, name: string, spec: object): api.SriovNetwork => ({ apiVersion: GROUP_VERSION, kind: 'SriovNetwork', metadata: { namespace, name }, spec: { resourceName: 'fast', ...spec } });
  await kube.create(api.sriovNetworks, network(NAMESPACE, 'blue', { networkNamespace: 'default' }));
  await kube.create(api.sriovNetworks, network('default', 'green', {}));
  for (const name of ['blue', 'green']) await soon(() => kube.get(api.networkAttachmentDefinitions, { namespace: 'default', name }));
  for (const name of ['w1', 'w2']) await askDrain(kube, name, 'Drain_Required');
  for (const name of ['w1', 'w2']) await soon(async () => expect((await kube.get(api.nodeStates, { namespace: NAMESPACE, name })).metadata.annotations?.[nodeStateAnnotations.currentState]).toBe('DrainComplete'));
  expect((await kube.get(api.nodes, { name: 'w1' })).metadata.annotations?.[CORDONED_ANNOTATION]).toBe('true');
  const held = await kube.get(api.leases, { namespace: NAMESPACE, name: LEASE_NAME });
  const webhooks = await Promise.all(webhookObjects.map(async ({ resource, name }) => ({ resource, object: await kube.get(resource, { name }) })));
  await admission.stop();
  await operator.stop();
  // A process that is killed takes nothing back.
  for (const { resource, object: { metadata: { uid: _, resourceVersion: __, creationTimestamp: ___, generation: ____, managedFields: _____, ...metadata }, ...content } } of webhooks) await kube.create(resource, { ...content, metadata } as KubeObject);
  await kube.patch(api.leases, { namespace: NAMESPACE, name: LEASE_NAME }, { type: 'merge', patch: { spec: { ...held.spec, leaseDurationSeconds: 1, renewTime: rfc3339(Date.now()).replace('Z', '.000000Z') } } });
}

/** The namespace controller's part: what is being deleted, and holds nothing any more, goes. */
export function namespaceController(kube: Kube): { stop(): void } {
  const watching = kube.watch(api.namespaces, {}, {
    event: (event) => {
      if (event.type !== 'MODIFIED' || event.object.metadata.deletionTimestamp === undefined) return;
      void kube.update(api.namespaces, { ...event.object, spec: { finalizers: [] } }, { subresource: 'finalize' }).catch((error: unknown) => {
        if (!isKubeError(error)) throw error;
      });
    },
    end: () => undefined,
  });
  return { stop: () => watching.stop() };
}

/** Everything is asked for, of a cluster whose operator is dead: afterwards the cluster is as it was before. */
export async function leavesNothing(kube: Kube, operatorKube: Kube, kubeconfig: string): Promise<void> {
  const before = await snapshot(kube);
  await installAndDie(kube, operatorKube);
  await expect(kube.create(api.pods, aPod('refused'))).rejects.toThrow(/network-resources-injector/);
  await expect(addPolicy(kube, 'refused', {})).rejects.toThrow(/webhook/);
  const pretended = await verb(kubeconfig, '--dry-run', '--custom-resources', '--crds', '--delete-namespace');
  expect(pretended).toMatchObject({ status: 0, text: expect.stringMatching(/would go: Deployment sriov-network-operator\/sriov-network-operator\n[^]*cordon of an unfinished drain[^]*nothing was done\n$/) });
  const controller = namespaceController(kube);
  // Each line of the answer is of something that was there; nothing is left.
  const said = await verb(kubeconfig, '--custom-resources', '--crds', '--delete-namespace');
  controller.stop();
  expect(said).toEqual({ status: 0, text: expect.not.stringContaining('left:') });
  expect(await snapshot(kube)).toEqual(before);
  expect(goneIn(said.text).filter((line) => !pretended.text.includes(line))).toEqual([]);
  expect(await verb(kubeconfig, '--custom-resources', '--crds', '--delete-namespace')).toEqual({ status: 0, text: expect.not.stringContaining('gone:') });
}

/** Nothing but the installation is asked for: custom resources stay, hold nothing, and pods can be created; also again, and also with the kinds gone. */
export async function keepsWhatIsTheirs(kube: Kube, operatorKube: Kube, kubeconfig: string): Promise<void> {
  await installAndDie(kube, operatorKube);
  const states = (await kube.list(api.nodeStates)).items;
  expect(await verb(kubeconfig)).toEqual({ status: 0, text: expect.not.stringContaining('left:') });
  expect((await kube.list(api.nodeStates)).items.map(({ metadata: { uid }, spec }) => ({ uid, spec }))).toEqual(states.map(({ metadata: { uid }, spec }) => ({ uid, spec })));
  for (const resource of [api.sriovNetworks, api.poolConfigs, api.operatorConfigs]) for (const { metadata } of (await kube.list<KubeObject>(resource)).items) expect([metadata.name, metadata.finalizers]).toEqual([metadata.name, undefined]);
  expect((await kube.list(api.networkAttachmentDefinitions)).items.map(({ metadata: { name } }) => name).sort()).toEqual(['blue', 'green', 'somebody-elses']);
  for (const [name, unschedulable] of [['w1', undefined], ['w2', true]] as const) {
    const node = await kube.get(api.nodes, { name });
    expect([node.spec?.unschedulable, Object.keys({ ...node.metadata.annotations, ...node.metadata.labels }).filter((key) => key.includes('sriovnetwork'))]).toEqual([unschedulable, []]);
  }
  expect((await kube.get(api.nodes, { name: 'w1' })).metadata.annotations?.[nodeAnnotations.state]).toBeUndefined();
  await kube.create(api.pods, aPod('plain'));
  // What somebody else holds is named, and waited for no longer than was said.
  await kube.create(api.ovsNetworks, { apiVersion: GROUP_VERSION, kind: 'OVSNetwork', metadata: { namespace: 'default', name: 'theirs', finalizers: ['example.com/mine'] }, spec: { resourceName: 'fast' } });
  expect(await verb(kubeconfig, '--crds', '--wait', '0')).toEqual({ status: 1, text: expect.stringContaining('left: OVSNetwork default/theirs is still there: it is held by example.com/mine, which is not ours') });
  await kube.patch(api.ovsNetworks, { namespace: 'default', name: 'theirs' }, { type: 'merge', patch: { metadata: { finalizers: null } } });
  expect(await verb(kubeconfig, '--crds')).toEqual({ status: 0, text: expect.not.stringContaining('left:') });
  expect(await verb(kubeconfig)).toEqual({ status: 0, text: expect.not.stringMatching(/gone:|left:/) });
}

/** Where the workloads of these names are the Go operator's, nothing is touched. */
export async function refusesStrangers(kube: Kube, kubeconfig: string): Promise<void> {
  await kube.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } });
  const labels = { name: 'sriov-network-operator' };
  await kube.create(api.deployments, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'elsewhere', name: 'sriov-network-operator' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'operator', image: 'go-operator' }] } } },
  });
  const before = await snapshot(kube);
  expect(await verb(kubeconfig, '--namespace', 'elsewhere', '--crds')).toEqual({ status: 1, text: expect.stringContaining('Deployment elsewhere/sriov-network-operator is not of this operator: nothing is removed') });
  expect(await snapshot(kube)).toEqual(before);
}

function aPod(name: string): api.Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name }, spec: { containers: [{ name: 'c', image: 'registry.example.com/c:1' }] } };
}

/** What was said to be gone. */
function goneIn(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => (line.startsWith('  gone: ') ? [line.slice('  gone: '.length)] : []));
}

function unlessThere(error: unknown): void {
  if (!isKubeError(error, 'AlreadyExists')) throw error;
}
