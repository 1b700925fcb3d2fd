import type { DrainRequest, InterfaceStatus, Kube, KubeObject, NodePolicySpec, NodeStateStatus, ObjectKey, PoolConfigSpec, Resource } from '@vfleet/core';
import { GROUP, SeededRandom, SimClock, isKubeError, nodeAnnotations, silentLog } from '@vfleet/core';
import { createOperator } from '@vfleet/controllers';
import type { Operator, OperatorSettings } from '@vfleet/controllers';
import type { CoreEvent, Node, Pod, SriovNetworkNodePolicy, SriovNetworkNodeState } from '@vfleet/kube';
import { events, installCrds, namespaces, nodePolicies, nodeStates, nodes, pods, poolConfigs } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';

export const NAMESPACE = 'sriov-network-operator';

export interface Write {
  readonly verb: 'create' | 'update' | 'patch' | 'delete' | 'evict';
  readonly plural: string;
  readonly key: string;
}

/** Passes everything on, notes the writes, and lets a test refuse some. */
export function recordingKube(kube: Kube): Kube & { readonly writes: Write[]; refuse: ((write: Write) => Error | undefined) | undefined } {
  const writes: Write[] = [];
  const note = (verb: Write['verb'], plural: string, key: Pick<ObjectKey, 'namespace' | 'name'>) => {
    const write = { verb, plural, key: key.namespace === undefined ? key.name : `${key.namespace}/${key.name}` };
    writes.push(write);
    const error = recorder.refuse?.(write);
    if (error !== undefined) throw error;
  };
  const recorder: ReturnType<typeof recordingKube> = {
    writes,
    refuse: undefined,
    get: (resource, key) => kube.get(resource, key),
    list: (resource, options) => kube.list(resource, options),
    watch: (resource, options, sink) => kube.watch(resource, options, sink),
    bind: (key, nodeName) => kube.bind(key, nodeName),
    async create(resource, object, options) {
      note('create', resource.plural, object.metadata);
      return kube.create(resource, object, options);
    },
    async update(resource, object, options) {
      note('update', resource.plural, object.metadata);
      return kube.update(resource, object, options);
    },
    async patch(resource, key, patch, options) {
      note('patch', options?.subresource === undefined ? resource.plural : `${resource.plural}/${options.subresource}`, key);
      return kube.patch(resource, key, patch, options);
    },
    async delete(resource, key, options) {
      note('delete', resource.plural, key);
      return kube.delete(resource, key, options);
    },
    async evict(key, options) {
      note('evict', 'pods', key);
      return kube.evict(key, options);
    },
  };
  return recorder;
}

/** An operator over an in-process API server, under simulated time. */
export async function world(settings: Partial<OperatorSettings> = {}) {
  const clock = new SimClock();
  const random = new SeededRandom(1);
  const server = createApiServer({ clock, random });
  const kube = server.client();
  const ports = { kube, clock, random, log: silentLog };
  const installed = await installCrds(ports);
  if (!installed.ok) throw new Error(installed.error.cause);
  await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  const recorder = recordingKube(server.client({ fieldManager: 'operator' }));
  const bugs: unknown[] = [];
  const begin = (identity: string): Operator => {
    const operator = createOperator({ ...ports, kube: recorder }, { identity, leaderElection: false, ...settings }, { onBug: (error) => bugs.push(error) });
    operator.start();
    return operator;
  };
  return { clock, kube, server, recorder, bugs, begin, writesSince: countWrites(recorder.writes) };
}

export type World = Awaited<ReturnType<typeof world>>;

/** Counts writes other than Events since the last call, by verb and resource. */
function countWrites(writes: readonly Write[]) {
  let from = 0;
  return (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const write of writes.slice(from)) {
      if (write.plural === 'events') continue;
      const name = `${write.verb} ${write.plural}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    from = writes.length;
    return counts;
  };
}

export function addNode(kube: Kube, name: string, labels: Record<string, string> = {}): Promise<Node> {
  return kube.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
}

export function nic(name: string, pciAddress: string, more: Partial<InterfaceStatus> = {}): InterfaceStatus {
  return { name, pciAddress, vendor: '8086', deviceID: '1592', driver: 'ice', linkType: 'ETH', mtu: 1500, totalvfs: 64, numVfs: 0, eSwitchMode: 'legacy', ...more };
}

/** What a config daemon does: says what is there. */
export function report(kube: Kube, node: string, status: NodeStateStatus): Promise<SriovNetworkNodeState> {
  return kube.patch(nodeStates, { namespace: NAMESPACE, name: node }, { type: 'merge', patch: { status } }, { subresource: 'status' });
}

/** What a config daemon does: makes everything as wanted, and says so. */
export async function obey(kube: Kube, node: string): Promise<void> {
  const state = await kube.get(nodeStates, { namespace: NAMESPACE, name: node });
  const interfaces = (state.status?.interfaces ?? []).map((entry) => {
    const wanted = state.spec.interfaces?.find((candidate) => candidate.pciAddress === entry.pciAddress);
    return { ...entry, numVfs: wanted?.numVfs ?? 0, eSwitchMode: wanted?.eSwitchMode ?? 'legacy' };
  });
  await report(kube, node, { interfaces, syncStatus: 'Succeeded' });
}

export function askDrain(kube: Kube, node: string, request: DrainRequest): Promise<Node> {
  return kube.patch(nodes, { name: node }, { type: 'merge', patch: { metadata: { annotations: { [nodeAnnotations.state]: request } } } });
}

export function addPolicy(kube: Kube, name: string, spec: Partial<NodePolicySpec>): Promise<SriovNetworkNodePolicy> {
  return kube.create(nodePolicies, {
    apiVersion: `${GROUP}/v1`, kind: 'SriovNetworkNodePolicy', metadata: { name, namespace: NAMESPACE },
    spec: { resourceName: name.replaceAll('-', '_'), nodeSelector: {}, numVfs: 4, nicSelector: { vendor: '8086' }, ...spec },
  });
}

export function addPool(kube: Kube, name: string, spec: PoolConfigSpec) {
  return kube.create(poolConfigs, { apiVersion: `${GROUP}/v1`, kind: 'SriovNetworkPoolConfig', metadata: { name, namespace: NAMESPACE }, spec });
}

export interface PodOptions {
  readonly node: string;
  readonly devices?: boolean;
  readonly initDevices?: boolean;
  readonly labels?: Record<string, string>;
  readonly owner?: string;
}

/** A running pod on a node. */
export async function addPod(kube: Kube, name: string, { node, devices = false, initDevices = false, labels = {}, owner }: PodOptions): Promise<Pod> {
  const requests = { requests: { 'openshift.io/r': '1' }, limits: { 'openshift.io/r': '1' } };
  const container = (using: boolean) => ({ name: 'main', image: 'image', ...(using ? { resources: requests } : {}) });
  await kube.create(pods, {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name, namespace: 'default', labels, ...(owner === undefined ? {} : { ownerReferences: [{ apiVersion: 'apps/v1', kind: owner, name: 'owner', uid: 'owner', controller: true }] }) },
    spec: { nodeName: node, containers: [container(devices)], ...(initDevices ? { initContainers: [{ ...container(true), name: 'init' }] } : {}) },
  });
  return kube.patch(pods, { namespace: 'default', name }, { type: 'merge', patch: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } } }, { subresource: 'status' });
}

/** What kubelets do: pods that terminate are gone after a moment. */
export function buryPods(kube: Kube, clock: SimClock, afterMs = 1000): void {
  kube.watch(pods, {}, {
    event: (event) => {
      if (event.type !== 'MODIFIED' || event.object.metadata.deletionTimestamp === undefined) return;
      const { namespace, name } = event.object.metadata;
      clock.setTimer(afterMs, () => void kube.delete(pods, { namespace: namespace!, name }, { gracePeriodSeconds: 0 }).catch(() => undefined));
    },
    end: () => undefined,
  });
}

export async function find<Type extends KubeObject>(kube: Kube, resource: Resource<Type>, key: ObjectKey): Promise<Type | undefined> {
  try {
    return await kube.get(resource, key);
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return undefined;
    throw error;
  }
}

export async function eventsOf(kube: Kube, reason: string): Promise<readonly CoreEvent[]> {
  const { items } = await kube.list(events);
  return items.filter((event) => event.reason === reason);
}
