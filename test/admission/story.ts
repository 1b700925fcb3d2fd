import { request } from 'node:https';
import { connect } from 'node:tls';
import { expect, vi } from 'vitest';
import type { Kube, KubeObject } from '@vfleet/core';
import { isKubeError, silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { serveAdmission } from '@vfleet/controllers/admission/edge/admission-service.ts';
import type { AdmissionService } from '@vfleet/controllers/admission/edge/admission-service.ts';
import * as api from '@vfleet/kube';

const namespace = 'sriov-network-operator';

/** Admission as it is deployed, but outside of the cluster. */
export async function startAdmission(kube: Kube): Promise<AdmissionService> {
  const service = await serveAdmission({ kube, clock: new RealClock(), random: new SystemRandom(), log: silentLog }, { namespace, port: 0, reachedBy: { kind: 'url', address: '127.0.0.1' } });
  await vi.waitFor(() => expect(service.isReady).toBe(true), { timeout: 120_000, interval: 20 });
  return service;
}

/** What the cluster has before: our kinds, one node with one PF, and a network. */
export async function prepare(kube: Kube): Promise<void> {
  const clock = new RealClock();
  const installed = await api.installCrds({ kube, clock, random: new SystemRandom(), log: silentLog });
  if (!installed.ok) throw new Error(installed.error.cause);
  await kube.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }).catch(ignore('AlreadyExists'));
  await kube.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker-1', labels: { rack: 'a' } } });
  const state = await kube.create(api.nodeStates, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState', metadata: { namespace, name: 'worker-1' }, spec: {} });
  const nic = { name: 'ens1f0', pciAddress: '0000:81:00.0', vendor: '8086', deviceID: '1592', driver: 'ice', totalvfs: 8, numVfs: 0, mtu: 1500, linkType: 'ETH' };
  await kube.patch(api.nodeStates, { namespace, name: 'worker-1' }, { type: 'merge', patch: { metadata: { resourceVersion: state.metadata.resourceVersion }, status: { interfaces: [nic], syncStatus: 'Succeeded' } } }, { subresource: 'status' });
  await kube.create(api.networkAttachmentDefinitions, {
    apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace: 'default', name: 'fast', annotations: { 'k8s.v1.cni.cncf.io/resourceName': 'openshift.io/fast' } },
  });
  // Pods need it where admission of service accounts is on.
  await kube.create(api.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'default' } }).catch(ignore('AlreadyExists'));
}

export function policy(name: string, spec: object, where = namespace): api.SriovNetworkNodePolicy {
  return {
    apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodePolicy', metadata: { namespace: where, name },
    spec: { resourceName: 'fast', nodeSelector: { rack: 'a' }, numVfs: 4, nicSelector: { vendor: '8086' }, ...spec },
  };
}

export function pod(name: string, networks?: string): api.Pod {
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { namespace: 'default', name, ...(networks === undefined ? {} : { annotations: { 'k8s.v1.cni.cncf.io/networks': networks } }) },
    spec: { containers: [{ name: 'c', image: 'registry.example.com/c:1' }] },
  };
}

/** The sentence of a refusal; empty when there was none. */
export async function refusal<Type extends KubeObject>(write: Promise<Type>): Promise<string> {
  return write.then(() => '', (error: unknown) => {
    if (isKubeError(error)) return `${error.code} ${error.message}`;
    throw error;
  });
}

/** The story that a real API server and ours must both tell. */
export async function tellStory(kube: Kube): Promise<void> {
  const stored = await kube.create(api.nodePolicies, policy('good', {}));
  expect(stored.spec).toMatchObject({ priority: 99, isRdma: false });
  // Admission sees the policy a moment later, and then knows of the overlap.
  await expect.poll(() => refusal(kube.create(api.nodePolicies, policy('same', { numVfs: 2 })))).toMatch(/^422 admission webhook "operator-webhook.sriovnetwork.openshift.io" denied the request: .*good/);
  expect(await refusal(kube.create(api.nodePolicies, policy('many', { numVfs: 9, resourceName: 'many' })))).toContain('node worker-1, ens1f0 can have 8 VFs, not 9; set numVfs to 8 or less');
  expect(await refusal(kube.create(api.nodePolicies, policy('nowhere', { nodeSelector: { rack: 'z' } })))).toContain('no node has the labels {"rack":"z"}');
  expect(await refusal(kube.create(api.nodePolicies, policy('no-nic', { nicSelector: { vendor: '15b3' } })))).toMatch(/no NIC is selected: node worker-1, ens1f0: .*8086/);
  const network = { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetwork', metadata: { namespace, name: 'broken' }, spec: { resourceName: 'fast', networkNamespace: 'default', ipam: '{"type": ' } } as const;
  expect(await refusal(kube.create(api.sriovNetworks, network))).toMatch(/^422 .*spec\.ipam/);
  expect(await refusal(kube.create(api.poolConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkPoolConfig', metadata: { namespace, name: 'pool' }, spec: { maxUnavailable: '120%' } }))).toMatch(/^422 .*maxUnavailable/);
  const injected = await kube.create(api.pods, pod('with-net', 'fast, fast'));
  expect(injected.spec!.containers[0]!.resources).toEqual({ limits: { 'openshift.io/fast': '2' }, requests: { 'openshift.io/fast': '2' } });
  expect(injected.spec!.containers[0]!.volumeMounts).toContainEqual({ name: 'podnetinfo', readOnly: true, mountPath: '/etc/podnetinfo' });
  // Network and pod in one manifest: no operator has rendered the network yet, and none runs here.
  await kube.create(api.sriovNetworks, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetwork', metadata: { namespace, name: 'young' }, spec: { resourceName: 'young', networkNamespace: 'default' } });
  expect((await kube.create(api.pods, pod('early', 'young'))).spec!.containers[0]!.resources).toEqual({ limits: { 'openshift.io/young': '1' }, requests: { 'openshift.io/young': '1' } });
  expect((await kube.create(api.pods, pod('without'))).spec!.containers[0]!.resources).toEqual({});
  expect(await refusal(kube.create(api.pods, pod('lost', 'slow')))).toMatch(/^422 admission webhook "network-resources-injector-config.k8s.cni.cncf.io" denied the request: there is no NetworkAttachmentDefinition default\/slow/);
}

/** The switches of the operator's configuration: webhooks come and go. */
export async function switchOff(kube: Kube): Promise<void> {
  await kube.create(api.operatorConfigs, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovOperatorConfig', metadata: { namespace, name: 'default' }, spec: { enableInjector: false, enableOperatorWebhook: false } });
  await expect.poll(async () => (await kube.list(api.mutatingWebhookConfigurations)).items.length + (await kube.list(api.validatingWebhookConfigurations)).items.length).toBe(0);
  // API servers follow webhook configurations with a watch of their own.
  await expect.poll(async () => refusal(kube.create(api.pods, pod('late', 'slow')))).toBe('');
}

/** POSTs to the webhook server itself: status and text. */
export function post(admission: AdmissionService, path: string, body: string | Buffer, headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' }, method = 'POST'): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: admission.port, path, method, headers, ca: admission.identity.bundle, agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** The serial number of the certificate that new connections get. */
export function servedSerial({ port, identity }: AdmissionService): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca: identity.bundle, servername: 'localhost' }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function ignore(reason: 'AlreadyExists'): (error: unknown) => void {
  return (error) => {
    if (!isKubeError(error, reason)) throw error;
  };
}
