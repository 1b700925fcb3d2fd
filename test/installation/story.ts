import { expect, vi } from 'vitest';
import type { Kube, KubeObject, ObjectKey, Resource } from '@vfleet/core';
import { configMaps, isKubeError, nodeAnnotations, nodeStateAnnotations, podAnnotations, silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createOperator } from '@vfleet/controllers';
import { serveAdmission } from '@vfleet/controllers/admission/edge/admission-service.ts';
import type { AdmissionService } from '@vfleet/controllers/admission/edge/admission-service.ts';
import { AUTHORITY_SECRET, SERVING_SECRET } from '@vfleet/controllers/admission/certificates/keeper.ts';
import { nodeSlicePools } from '@vfleet/controllers/ipam/node-slices.ts';
import { WhereaboutsReconciler } from '@vfleet/controllers/ipam/whereabouts-reconciler.ts';
import { ipPools, ipReservations } from '@vfleet/controllers/ipam/whereabouts.ts';
import * as api from '@vfleet/kube';
import type { CustomResourceDefinition } from '@vfleet/kube';
import { startNode } from './node-in-process.ts';
import type { NodeInProcess } from './node-in-process.ts';

const NAMESPACE = 'sriov-network-operator';
const GROUP_VERSION = 'sriovnetwork.openshift.io/v1' as const;
const NODE = 'worker-0';
/** As long as a machine may take that is busy with other things. */
const soon = <Value>(check: () => Value | Promise<Value>) => vi.waitFor(check, { timeout: 240_000, interval: 100 });

/** A cluster to which the manifest has been applied, by three identities. */
export interface Installed {
  /** Whoever installs it, and everybody else: people, kubelets. */
  readonly admin: Kube;
  readonly operator: Kube;
  readonly node: Kube;
  /** Runs `work` before the next request of the node's daemon that writes its status with a condition. */
  readonly beforeNextStatus: (work: () => Promise<void>) => void;
}

/** What is in a cluster beside us: Multus' and whereabouts' kinds, a node and one that goes, a service account for pods. */
export async function prepare(admin: Kube): Promise<void> {
  await admin.create(api.customResourceDefinitionResource, api.networkAttachmentDefinitionCrd());
  for (const definition of [definitionOf(ipPools), definitionOf(ipReservations), definitionOf(nodeSlicePools)]) await admin.create(api.customResourceDefinitionResource, definition);
  for (const name of [NODE, 'worker-1']) await admin.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { rack: 'a' } } });
  await admin.create(api.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'default' } }).catch((error: unknown) => {
    if (!isKubeError(error, 'AlreadyExists')) throw error;
  });
  await soon(async () => {
    await admin.list(ipPools, { namespace: 'kube-system' });
    await admin.list(ipReservations, { namespace: 'kube-system' });
    await admin.list(nodeSlicePools, { namespace: 'kube-system' });
    await admin.list(api.networkAttachmentDefinitions, { namespace: 'default' });
    await admin.list(api.nodePolicies, { namespace: NAMESPACE });
  });
}

function definitionOf(resource: Resource): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${resource.plural}.${resource.group}` },
    spec: {
      group: resource.group, scope: 'Namespaced', names: { plural: resource.plural, singular: resource.kind.toLowerCase(), kind: resource.kind, listKind: `${resource.kind}List` },
      versions: [{ name: resource.version, served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } } }],
    },
  } as unknown as CustomResourceDefinition;
}

/** The life of an installation, in which its components do all that they ever do. */
export async function tellInstallation(cluster: Installed): Promise<void> {
  const { admin } = cluster;
  await using open = new AsyncDisposableStack();
  const ports = { kube: cluster.operator, clock: new RealClock(), random: new SystemRandom(), log: silentLog };
  const bugs: unknown[] = [];
  const operator = open.adopt(createOperator(ports, { namespace: NAMESPACE, identity: 'first', staleNodeStateDelayMinutes: 0 }, { onBug: (error) => bugs.push(error) }), (one) => one.stop());
  operator.start();
  const admission = open.adopt(await serveAdmission(ports, { namespace: NAMESPACE, port: 0, reachedBy: { kind: 'url', address: '127.0.0.1' } }), (one) => one.stop());
  await soon(() => expect([operator.leading, admission.isReady]).toEqual([true, true]));
  await soon(async () => expect((await admin.get(api.operatorConfigs, { namespace: NAMESPACE, name: 'default' })).status?.conditions?.map(({ status }) => status)).toEqual(['True']));
  const node = open.use(await startNode(cluster.node, NODE, NAMESPACE));

  await staleNodes(admin);
  const device = await policiesAndDevices(cluster, node);
  await networksOfEveryKind(admin);
  await pods(admin, node, device);
  await addressesOfPodsThatAreGone(cluster);
  await drains(admin);
  await pools(admin);
  await certificates(admin, admission);
  await switchOff(admin);
  expect(bugs).toEqual([]);
}

async function staleNodes(admin: Kube): Promise<void> {
  const key = { namespace: NAMESPACE, name: 'worker-1' };
  await soon(() => admin.get(api.nodeStates, key));
  await admin.delete(api.nodes, { name: 'worker-1' });
  await soon(async () => expect(await isThere(admin, api.nodeStates, key)).toBe(false));
}

function policy(name: string, resourceName: string, pf: string, more: object): api.SriovNetworkNodePolicy {
  return { apiVersion: GROUP_VERSION, kind: 'SriovNetworkNodePolicy', metadata: { namespace: NAMESPACE, name }, spec: { resourceName, nodeSelector: { rack: 'a' }, numVfs: 2, priority: 10, nicSelector: { pfNames: [pf] }, ...more } };
}

async function nodeState(admin: Kube) {
  return admin.get(api.nodeStates, { namespace: NAMESPACE, name: NODE });
}

/** The node has VFs for both, and says so. */
async function settledWith(admin: Kube, ...numVfs: readonly number[]): Promise<void> {
  await soon(async () => {
    const { status } = await nodeState(admin);
    expect({ sync: status?.syncStatus, error: status?.lastSyncError, vfs: status?.interfaces?.map((nic) => nic.numVfs ?? 0) }).toEqual({ sync: 'Succeeded', error: undefined, vfs: numVfs });
  });
}

/** Gives a VF of `openshift.io/fast`. */
async function policiesAndDevices({ admin, beforeNextStatus }: Installed, { kubelet }: NodeInProcess): Promise<string> {
  await soon(async () => expect((await nodeState(admin)).status?.interfaces).toHaveLength(2));
  // Somebody else writes to the node state at the same moment: the daemon reads it anew.
  beforeNextStatus(async () => {
    await admin.patch(api.nodeStates, { namespace: NAMESPACE, name: NODE }, { type: 'merge', patch: { metadata: { annotations: { 'example.com/touched': 'true' } } } });
  });
  await admin.create(api.nodePolicies, policy('fast', 'fast', 'ens801f0', {}));
  await settledWith(admin, 2, 0);
  await admin.create(api.nodePolicies, policy('dpdk', 'dpdk', 'ens801f1', { deviceType: 'vfio-pci' }));
  await settledWith(admin, 2, 2);
  await soon(async () => expect((await admin.get(api.nodePolicies, { namespace: NAMESPACE, name: 'dpdk' })).status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True'));
  await soon(async () => expect((await admin.get(api.configMapResource, { namespace: NAMESPACE, name: configMaps.devicePluginConfig })).data?.[NODE]).toContain('dpdk'));
  await soon(async () => expect(await kubelet.sockets(kubelet.registry)).toEqual(['openshift.io_dpdk.sock', 'openshift.io_fast.sock']));
  const { connection } = await kubelet.meet('openshift.io_fast.sock');
  return soon(() => {
    const [device = '!'] = connection.devices ?? [];
    expect(device).not.toMatch(/^!/);
    return device;
  });
}

async function networksOfEveryKind(admin: Kube): Promise<void> {
  const target = 'default';
  const ipam = JSON.stringify({ type: 'whereabouts', range: '10.9.0.0/24', node_slice_size: '/28' });
  const kinds = [
    [api.sriovNetworks, { apiVersion: GROUP_VERSION, kind: 'SriovNetwork', metadata: { namespace: NAMESPACE, name: 'blue' }, spec: { resourceName: 'fast', networkNamespace: target, vlan: 100, ipam } }],
    [api.sriovIbNetworks, { apiVersion: GROUP_VERSION, kind: 'SriovIBNetwork', metadata: { namespace: NAMESPACE, name: 'green' }, spec: { resourceName: 'ib', networkNamespace: target } }],
    [api.ovsNetworks, { apiVersion: GROUP_VERSION, kind: 'OVSNetwork', metadata: { namespace: NAMESPACE, name: 'red' }, spec: { resourceName: 'ovs', networkNamespace: target, bridge: 'br0' } }],
  ] as const;
  for (const [resource, network] of kinds) await admin.create<KubeObject>(resource, network);
  for (const [resource, { metadata: key }] of kinds) {
    await soon(async () => expect((await admin.get<KubeObject & { readonly status?: { readonly conditions?: readonly { readonly status: string }[] } }>(resource, key)).status?.conditions?.map(({ status }) => status)).toEqual(['True']));
    expect((await admin.get<KubeObject>(resource, key)).metadata.finalizers).toHaveLength(1);
  }
  await admin.patch(api.sriovNetworks, { namespace: NAMESPACE, name: 'blue' }, { type: 'merge', patch: { spec: { vlan: 200 } } });
  await soon(async () => expect((await admin.get(api.networkAttachmentDefinitions, { namespace: target, name: 'blue' })).spec?.config).toContain('"vlan":200'));
  for (const name of ['green', 'red']) {
    const [resource] = kinds.find(([, { metadata }]) => metadata.name === name)!;
    await admin.delete(resource, { namespace: NAMESPACE, name });
    await soon(async () => expect(await isThere(admin, api.networkAttachmentDefinitions, { namespace: target, name })).toBe(false));
  }
}

function pod(name: string, annotations: Readonly<Record<string, string>> = {}, labels: Readonly<Record<string, string>> = {}): api.Pod {
  const resources = { requests: { 'openshift.io/fast': '1' }, limits: { 'openshift.io/fast': '1' } };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name, annotations, labels }, spec: { nodeName: NODE, containers: [{ name: 'c', image: 'registry.example.com/c:1', resources }] } };
}

/** A pod by way of the injector, the kubelet and CNI; with whereabouts for its address, and its network status written. */
async function pods(admin: Kube, { kubelet, cni }: NodeInProcess, device: string): Promise<void> {
  const lost = admin.create(api.pods, pod('lost', { [podAnnotations.networks]: 'nowhere' }));
  await expect(lost).rejects.toThrow('there is no NetworkAttachmentDefinition default/nowhere');
  const key = { namespace: 'default', name: 'attached' };
  // With a default network of its own, no plugin of the cluster's network runs, of which there is none here.
  await admin.create(api.pods, pod(key.name, { [podAnnotations.defaultNetwork]: 'default/blue' }));
  kubelet.pods = [{ ...key, containers: [{ name: 'c', devices: [{ resource_name: 'openshift.io/fast', device_ids: [device] }] }] }];
  const config = { cniVersion: '1.0.0', name: 'cluster', type: 'vfleet', delegates: [{ name: 'cluster', type: 'bridge' }] };
  expect(await cni('ADD', key, config)).toMatchObject({ status: 0, output: expect.stringContaining('10.9.0.') });
  expect((await admin.get(api.pods, key)).metadata.annotations?.[podAnnotations.networkStatus]).toContain('default/blue');
  const reserved = async () => (await admin.list(ipReservations, { namespace: 'kube-system' })).items.length;
  expect(await reserved()).toBe(1);
  await cni('DEL', key, config);
  expect(await reserved()).toBe(0);
  kubelet.pods = [];
  await admin.delete(api.pods, key, { gracePeriodSeconds: 0 });
}

/** What a node left that was lost. */
async function addressesOfPodsThatAreGone({ admin, operator }: Installed): Promise<void> {
  const apiVersion = 'whereabouts.cni.cncf.io/v1alpha1';
  await admin.create(ipPools, { apiVersion, kind: 'IPPool', metadata: { namespace: 'kube-system', name: '10.8.0.0-24' }, spec: { range: '10.8.0.0/24', allocations: { 1: { id: 'c', podref: 'default/gone', ifname: 'net1' } } } });
  await admin.create(ipReservations, { apiVersion, kind: 'OverlappingRangeIPReservation', metadata: { namespace: 'kube-system', name: '10.8.0.1' }, spec: { containerid: 'c', podref: 'default/gone', ifname: 'net1' } });
  const reconciler = new WhereaboutsReconciler({ kube: operator, clock: new RealClock(), log: silentLog, isLeading: () => true });
  for (let look = 0; look < 2; look++) await reconciler.look();
  expect([(await admin.get(ipPools, { namespace: 'kube-system', name: '10.8.0.0-24' })).spec.allocations, (await admin.list(ipReservations, { namespace: 'kube-system' })).items]).toEqual([{}, []]);
}

/** Twice, so that Events are repeated; the first time a budget stands in the way. */
async function drains(admin: Kube): Promise<void> {
  const progress = async () => (await nodeState(admin)).metadata.annotations?.[nodeStateAnnotations.currentState];
  await admin.create(api.pods, pod('user', {}, { app: 'user' }));
  await admin.patch(api.pods, { namespace: 'default', name: 'user' }, { type: 'merge', patch: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } } }, { subresource: 'status' });
  const budget = await admin.create(api.podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { namespace: 'default', name: 'user' }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'user' } } } });
  const allow = (disruptionsAllowed: number) => admin.patch(api.podDisruptionBudgets, { namespace: 'default', name: 'user' }, { type: 'merge', patch: { status: { disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1 - disruptionsAllowed, expectedPods: 1, observedGeneration: budget.metadata.generation } } }, { subresource: 'status' });
  await allow(0);
  // An API server refuses to evict a pod of two budgets without naming them: the operator looks for them.
  const second = { namespace: 'default', name: 'second' };
  await admin.create(api.podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: second, spec: { minAvailable: 1, selector: { matchLabels: { app: 'user' } } } });
  const change = (numVfs: number) => admin.patch(api.nodePolicies, { namespace: NAMESPACE, name: 'fast' }, { type: 'merge', patch: { spec: { numVfs } } });
  await change(3);
  await soon(async () => expect((await nodeState(admin)).status?.conditions?.find(({ type }) => type === 'DrainBlocked')?.message).toContain('second and user'));
  await admin.delete(api.podDisruptionBudgets, second);
  await soon(async () => expect((await nodeState(admin)).status?.conditions?.find(({ type }) => type === 'DrainBlocked')?.message).toContain('PodDisruptionBudget default/user ('));
  await allow(1);
  // No kubelet is there to end what is evicted.
  await soon(async () => expect((await admin.get(api.pods, { namespace: 'default', name: 'user' })).metadata.deletionTimestamp).toBeDefined());
  await admin.delete(api.pods, { namespace: 'default', name: 'user' }, { gracePeriodSeconds: 0 });
  const done = async () => {
    await soon(async () => expect([await progress(), (await admin.get(api.nodes, { name: NODE })).metadata.annotations?.[nodeAnnotations.state]]).toEqual(['Idle', 'Idle']));
  };
  await settledWith(admin, 3, 2);
  await done();
  for (const numVfs of [2, 3, 2]) {
    await change(numVfs);
    await settledWith(admin, numVfs, 2);
    await done();
  }
  // Events are written when there is time for them.
  await soon(async () => {
    const { items } = await admin.list(api.events, {});
    for (const component of ['sriov-operator', 'config-daemon']) expect(items.some((event) => (event.count ?? 1) > 1 && event.source?.component === component)).toBe(true);
  });
}

async function pools(admin: Kube): Promise<void> {
  const key = { namespace: NAMESPACE, name: 'rack-a' };
  await admin.create(api.poolConfigs, { apiVersion: GROUP_VERSION, kind: 'SriovNetworkPoolConfig', metadata: key, spec: { maxUnavailable: 1, nodeSelector: { matchLabels: { rack: 'a' } } } });
  await soon(async () => expect((await admin.get(api.poolConfigs, key)).status?.conditions?.map(({ status }) => status)).toEqual(['True']));
  expect((await admin.get(api.poolConfigs, key)).metadata.finalizers).toHaveLength(1);
  await admin.delete(api.poolConfigs, key);
  await soon(async () => expect(await isThere(admin, api.poolConfigs, key)).toBe(false));
}

/** What is stored is damaged, the serving certificate and then the authority: both are issued anew in their place. */
async function certificates(admin: Kube, admission: AdmissionService): Promise<void> {
  for (const name of [SERVING_SECRET, AUTHORITY_SECRET]) {
    const before = admission.identity.certificate;
    await admin.patch(api.secrets, { namespace: NAMESPACE, name }, { type: 'merge', patch: { data: { 'tls.crt': Buffer.from('damaged').toString('base64') } } });
    await soon(() => expect(admission.identity.certificate).not.toBe(before));
  }
}

async function switchOff(admin: Kube): Promise<void> {
  await admin.patch(api.operatorConfigs, { namespace: NAMESPACE, name: 'default' }, { type: 'merge', patch: { spec: { enableInjector: false, enableOperatorWebhook: false } } });
  await soon(async () => expect([...(await admin.list(api.mutatingWebhookConfigurations)).items, ...(await admin.list(api.validatingWebhookConfigurations)).items]).toEqual([]));
}

async function isThere(admin: Kube, resource: Resource, key: ObjectKey): Promise<boolean> {
  try {
    await admin.get(resource, key);
    return true;
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return false;
    throw error;
  }
}
