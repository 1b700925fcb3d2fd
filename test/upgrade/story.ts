import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import type { Kube, KubeObject, Resource } from '@vfleet/core';
import { isKubeError, silentLog, webhookNames } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createOperator } from '@vfleet/controllers';
import { FIELD_MANAGER, WebhookInstaller } from '@vfleet/controllers/admission/webhook-installer.ts';
import * as api from '@vfleet/kube';
import { run } from '../../packages/cli/src/program.ts';
import { readManifest } from '../installation/apply.ts';
import { NAMESPACE, recordingKube } from '../operator/harness.ts';
import { goDefinitions, goNodes, goSpec, leaveCustomResources, leaveProcesses, leaveWebhooks } from './go-operator.ts';

const soon = <Value>(check: () => Promise<Value>) => vi.waitFor(check, { timeout: 240_000, interval: 50 });

/** A cluster and its people. `operatorKube` is what the operator writes with. */
export interface Cluster {
  readonly kube: Kube;
  readonly operatorKube: Kube;
  readonly kubeconfig: string;
  /** `kubectl apply --server-side --force-conflicts -f deploy/install.yaml`. Fails with the server's words. */
  readonly apply: (objects: readonly KubeObject[]) => Promise<void>;
}

async function verb({ kubeconfig }: Cluster, ...words: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
  let text = '';
  const write = (more: string) => void (text += more);
  const status = await run(['upgrade', '--kubeconfig', kubeconfig, ...words], { environment: {}, terminal: { out: write, err: write, colours: false } });
  return { status, text };
}

/** Everything that has to stay what it is, by its uid. */
async function identities(kube: Kube): Promise<Readonly<Record<string, readonly (string | undefined)[]>>> {
  const kinds: readonly Resource[] = [api.nodeStates, api.nodePolicies, api.poolConfigs, api.operatorConfigs, api.sriovNetworks, api.networkAttachmentDefinitions, api.customResourceDefinitionResource, api.nodes];
  const found: Record<string, readonly (string | undefined)[]> = {};
  for (const kind of kinds) found[kind.plural] = (await kube.list(kind)).items.map(({ metadata: { name, uid } }) => `${name} ${uid}`);
  return found;
}

/** What any of this changes is said before: a node that joins, a resource of another number, a definition that nobody owns. */
async function tellsWhatWouldChange(cluster: Cluster): Promise<void> {
  const { kube } = cluster;
  const orphan = { namespace: 'default', name: 'orphan' };
  await kube.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'w3', labels: { 'node-role.kubernetes.io/worker': '' } } });
  await kube.create(api.networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { ...orphan, annotations: { 'sriovnetwork.openshift.io/owner-ref': `OVSNetwork.sriovnetwork.openshift.io/${NAMESPACE}/gone` } }, spec: { config: '{}' } });
  const capacity = (fast: string | null) => kube.patch(api.nodes, { name: 'w1' }, { type: 'merge', patch: { status: { capacity: { 'openshift.io/fast': fast } } } }, { subresource: 'status' });
  await capacity('3');
  const { text } = await verb(cluster);
  for (const line of [/have none now; where they shall not, set configDaemonNodeSelector: w3\n/, /w1: openshift\.io\/fast: 3 now, 4 then\n/, /which would be deleted \(.+\): default\/orphan\n/]) expect(text).toMatch(line);
  await capacity('4');
  expect((await verb(cluster)).text).not.toContain(' then\n');
  await capacity(null);
  await kube.delete(api.nodes, { name: 'w3' });
  await kube.delete(api.networkAttachmentDefinitions, orphan);
}

/** The story of docs/upgrade.md: a cluster of the Go operator becomes ours, and nothing that runs in it notices. */
export async function takesOver(cluster: Cluster): Promise<void> {
  const { kube } = cluster;
  await leaveEverything(cluster);
  await tellsWhatWouldChange(cluster);
  const [before, attachments] = [await identities(kube), (await kube.list(api.networkAttachmentDefinitions)).items.map(({ spec, metadata }) => [spec, metadata.resourceVersion])];

  const looked = await verb(cluster);
  expect(looked).toMatchObject({ status: 3, text: expect.stringContaining('taken over as they are: 2 node states, 1 policies, 1 pools, 3 networks, 3 NetworkAttachmentDefinitions\n\nno node would change\n') });
  for (const line of [/Deployment sriov-network-operator\/sriov-sriov-network-operator +blocks/, /ClusterRole sriov-sriov-network-operator +idle +the rights/, /Secret .*sh\.helm\.release\.v1\.sriov\.v1 +disturbs +by it "helm uninstall sriov"/, /DaemonSet .*sriov-device-plugin +disturbs/, /Lease .*a56def2a\.openshift\.io +idle/]) expect(looked.text).toMatch(line);
  await expect(cluster.apply(readManifest(readFileSync(join(import.meta.dirname, '../../deploy/install.yaml'), 'utf8')))).rejects.toThrow(/field is immutable/);
  const drain = (progress: string) => kube.patch(api.nodeStates, { namespace: NAMESPACE, name: 'w2' }, { type: 'merge', patch: { metadata: { annotations: { 'sriovnetwork.openshift.io/current-state': progress } } } });
  await drain('Draining');
  expect((await verb(cluster)).text).toContain('nodes with a drain under way, which our operator goes on with: w2\n');
  await drain('Idle');
  const removed = await verb(cluster, '--remove');
  expect(removed).toEqual({ status: 0, text: expect.stringMatching(/^gone: Deployment [^]*nothing is in the way any more\n$/) });
  expect(await verb(cluster)).toMatchObject({ status: 0, text: expect.stringContaining('nothing is in the way') });
  await cluster.apply(readManifest(readFileSync(join(import.meta.dirname, '../../deploy/install.yaml'), 'utf8')));

  const recorder = recordingKube(cluster.operatorKube);
  const operator = createOperator({ kube: recorder, clock: new RealClock(), random: new SystemRandom(), log: silentLog }, { identity: 'ours' });
  operator.start();
  // It has looked at everything once it says something of each policy and pool.
  await soon(async () => expect((await kube.get(api.nodePolicies, { namespace: NAMESPACE, name: 'fast' })).status).toMatchObject({ matchedNodes: 2, conditions: [{ type: 'Ready', status: 'True' }] }));
  await soon(async () => expect((await kube.get(api.poolConfigs, { namespace: NAMESPACE, name: 'rack-a' })).status?.conditions?.[0]?.status).toBe('True'));
  await soon(async () => expect((await kube.get(api.sriovNetworks, { namespace: 'default', name: 'green' })).status?.conditions?.[0]?.message).toContain('is in place'));
  expect(await identities(kube)).toEqual(before);
  for (const name of goNodes) {
    const state = await kube.get(api.nodeStates, { namespace: NAMESPACE, name });
    // Made, then rendered: by the Go operator, and by nobody since.
    expect([state.spec, state.metadata.generation, state.metadata.annotations]).toEqual([goSpec, 2, { 'sriovnetwork.openshift.io/desired-state': 'Idle', 'sriovnetwork.openshift.io/current-state': 'Idle' }]);
    expect((await kube.get(api.nodes, { name })).spec?.unschedulable).toBeUndefined();
  }
  expect((await kube.list(api.networkAttachmentDefinitions)).items.map(({ spec, metadata }) => [spec, metadata.resourceVersion])).toEqual(attachments);
  expect(recorder.writes.filter(({ verb: what, plural }) => plural === 'nodes' || plural === 'nodestates' || what === 'evict' || what === 'delete')).toEqual([]);
  for (const name of [webhookNames.operatorService, webhookNames.injectorService]) expect((await kube.get(api.services, { namespace: NAMESPACE, name })).spec).toMatchObject({ selector: { 'app.kubernetes.io/part-of': 'vfleet', 'app.kubernetes.io/name': 'sriov-network-operator' }, ports: [{ port: 443, targetPort: 'webhooks' }] });

  // From now on what changes is rendered by ours, in a spec whose fields were another's.
  await kube.patch(api.nodePolicies, { namespace: NAMESPACE, name: 'fast' }, { type: 'merge', patch: { spec: { numVfs: 3 } } });
  for (const name of goNodes) await soon(async () => expect((await kube.get(api.nodeStates, { namespace: NAMESPACE, name })).spec).toMatchObject({ interfaces: [{ pciAddress: '0000:81:00.0', numVfs: 3 }, { pciAddress: '0000:81:00.1', numVfs: 3 }] }));
  await operator.stop();
}

/** The way back: what the Go operator would take over is there, what it installs finds no object of ours in its place. */
export async function goesBack(cluster: Cluster): Promise<void> {
  const before = await identities(cluster.kube);
  let said = '';
  const write = (more: string) => void (said += more);
  expect([await run(['uninstall', '--kubeconfig', cluster.kubeconfig], { environment: {}, terminal: { out: write, err: write, colours: false } }), said]).toEqual([0, expect.not.stringContaining('left:')]);
  expect(await identities(cluster.kube)).toEqual(before);
  await leaveProcesses(cluster.kube);
  expect((await verb(cluster)).status).toBe(3);
}

/** The cluster as the Go operator keeps it. */
export async function leaveEverything({ kube }: Cluster): Promise<void> {
  for (const definition of [...goDefinitions(), api.networkAttachmentDefinitionCrd()]) await kube.create(api.customResourceDefinitionResource, definition, { fieldManager: 'helm' });
  await soon(async () => Promise.all([api.nodeStates, api.nodePolicies, api.poolConfigs, api.operatorConfigs, api.sriovNetworks, api.ovsNetworks, api.sriovIbNetworks, api.networkAttachmentDefinitions].map((resource) => kube.list<KubeObject>(resource))));
  await kube.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await leaveCustomResources(kube);
  await leaveProcesses(kube);
}

/** Webhook configurations that were left are ours afterwards, whole: no webhook, condition or injected authority of the Go operator is in them, by Service or by URL. */
export async function takesWebhooksOver({ kube, operatorKube }: Cluster): Promise<void> {
  for (const { address, clientConfig } of [
    { address: { kind: 'service', namespace: NAMESPACE } as const, clientConfig: { service: { namespace: NAMESPACE } } }, { address: { kind: 'url', base: 'https://127.0.0.1:9443' } as const, clientConfig: { url: expect.stringMatching(/^https:\/\/127/) } },
  ]) {
    for (const name of [webhookNames.operatorConfiguration, webhookNames.injectorConfiguration]) for (const resource of [api.mutatingWebhookConfigurations, api.validatingWebhookConfigurations] as readonly Resource[]) await kube.delete(resource, { name }).catch(ignoreAbsent);
    await leaveWebhooks(kube);
    const warned: string[] = [];
    const ports = { kube: operatorKube, clock: new RealClock(), random: new SystemRandom(), log: { ...silentLog, warn: (message: string) => void warned.push(message) } };
    const installer = new WebhookInstaller(ports, NAMESPACE, address);
    installer.start();
    installer.trust(authority());
    await soon(async () => expect(installer.isInstalled, warned.join()).toBe(true));
    await installer.stop();
    const [injector] = [await kube.get(api.mutatingWebhookConfigurations, { name: webhookNames.injectorConfiguration })];
    for (const configuration of [injector, await kube.get(api.mutatingWebhookConfigurations, { name: webhookNames.operatorConfiguration }), await kube.get(api.validatingWebhookConfigurations, { name: webhookNames.operatorConfiguration })]) {
      expect(configuration.metadata.annotations ?? {}).toEqual({});
      expect(configuration.webhooks).toMatchObject([{ clientConfig: { ...clientConfig, caBundle: Buffer.from(authority(), 'utf8').toString('base64') }, admissionReviewVersions: ['v1'] }]);
      expect(configuration.metadata.managedFields?.some(({ manager, operation }) => manager === FIELD_MANAGER && operation === 'Apply')).toBe(true);
    }
    expect(injector.webhooks?.[0]?.matchConditions ?? []).toEqual([]);
    expect(warned.length).toBeGreaterThan(0);
  }
}

function authority(): string {
  return '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
}

function ignoreAbsent(error: unknown): void {
  if (!isKubeError(error, 'NotFound')) throw error;
}
