import type { InterfaceStatus, Kube, KubeObject, NodePolicySpec, PoolConfigSpec, Resource } from '@vfleet/core';
import { GROUP, isKubeError } from '@vfleet/core';
import * as api from '@vfleet/kube';
import { NAMESPACE, report } from '../../operator/harness.ts';

/** What users and config daemons write, before an operator answers. */
export interface Scenario {
  readonly name: string;
  /** `spec` of the SriovOperatorConfig `default`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** `data` of the ConfigMap `supported-nic-ids`. */
  readonly supportedNics: Readonly<Record<string, string>>;
  /** Namespaces beside the operator's and `default`. */
  readonly namespaces: readonly string[];
  readonly nodes: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly interfaces: readonly InterfaceStatus[] }[];
  readonly pools: readonly { readonly name: string; readonly spec: PoolConfigSpec }[];
  readonly policies: readonly { readonly name: string; readonly spec: NodePolicySpec }[];
  readonly networks: readonly { readonly kind: 'SriovNetwork' | 'SriovIBNetwork' | 'OVSNetwork'; readonly namespace: string; readonly name: string; readonly spec: Readonly<Record<string, unknown>> }[];
  /** Definitions that are there before any network is. */
  readonly attachments: readonly { readonly namespace: string; readonly name: string; readonly annotations: Readonly<Record<string, string>>; readonly config: string }[];
  /** What people change later, step by step. */
  readonly changes: readonly (readonly Change[])[];
}

/** `patch` as a merge patch makes it; `create` whole objects. */
export type Change = { readonly kind: ChangedKind; readonly namespace?: string; readonly name: string } & ({ readonly verb: 'delete' } | { readonly verb: 'create' | 'patch'; readonly content: Readonly<Record<string, unknown>> });
type ChangedKind = 'Node' | 'Namespace' | 'SriovNetworkNodePolicy' | 'SriovNetwork' | 'NetworkAttachmentDefinition';

/** What an operator made of a scenario, without what differs from run to run: uids, times, versions. */
export interface Answers {
  /** Objects that the API server did not take, by `Kind namespace/name`. */
  readonly refused: readonly string[];
  readonly config: { readonly finalizers: readonly string[]; readonly ready: string };
  readonly nodes: Readonly<Record<string, { readonly label: string | null; readonly annotations: Readonly<Record<string, string>>; readonly state: unknown; readonly stateAnnotations: Readonly<Record<string, string>>; readonly owners: readonly string[]; readonly devicePlugin: unknown }>>;
  readonly pools: Readonly<Record<string, { readonly finalizers: readonly string[] }>>;
  readonly networks: Readonly<Record<string, { readonly finalizers: readonly string[]; readonly annotations: Readonly<Record<string, string>>; readonly ready: string }>>;
  readonly attachments: Readonly<Record<string, { readonly annotations: Readonly<Record<string, string>>; readonly owners: readonly string[]; readonly config: unknown }>>;
}

const apiVersion = `${GROUP}/v1`;
const networkResources = { SriovNetwork: api.sriovNetworks, SriovIBNetwork: api.sriovIbNetworks, OVSNetwork: api.ovsNetworks } as const;
const MAKER = { fieldManager: 'user' } as const;

/** What has to be there before an operator starts. */
export async function prepare(kube: Kube, scenario: Scenario): Promise<void> {
  for (const name of scenario.namespaces) await kube.create(api.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, MAKER);
  await kube.create(api.configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: NAMESPACE, name: 'supported-nic-ids' }, data: scenario.supportedNics }, MAKER);
  for (const { name, labels } of scenario.nodes) await kube.create(api.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }, MAKER);
  await kube.create(api.operatorConfigs, { apiVersion, kind: 'SriovOperatorConfig', metadata: { namespace: NAMESPACE, name: 'default' }, spec: scenario.config } as never, MAKER);
  for (const { namespace, name, annotations, config } of scenario.attachments) await kube.create(api.networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace, name, annotations }, spec: { config } }, MAKER);
}

/** What config daemons say, once the operator has made the node states; false as long as it has not. */
export async function discover(kube: Kube, scenario: Scenario): Promise<boolean> {
  const made = new Set((await kube.list(api.nodeStates, { namespace: NAMESPACE })).items.map(({ metadata: { name } }) => name));
  const discovered = scenario.nodes.filter(({ interfaces }) => interfaces.length > 0);
  if (!discovered.every(({ name }) => made.has(name))) return false;
  for (const { name, interfaces } of discovered) await report(kube, name, { interfaces: [...interfaces], syncStatus: 'Succeeded' });
  return true;
}

/** What users write then. Gives what the API server refused. */
export async function write(kube: Kube, scenario: Scenario): Promise<readonly string[]> {
  const refused: string[] = [];
  const make = async (resource: Resource, object: KubeObject) => {
    try {
      await kube.create(resource, object, MAKER);
    } catch (error) {
      if (!isKubeError(error, 'Invalid')) throw error;
      refused.push(`${object.kind} ${object.metadata.namespace}/${object.metadata.name}`);
    }
  };
  for (const { name, spec } of scenario.pools) await make(api.poolConfigs as Resource, { apiVersion, kind: 'SriovNetworkPoolConfig', metadata: { namespace: NAMESPACE, name }, spec } as KubeObject);
  for (const { name, spec } of scenario.policies) await make(api.nodePolicies as Resource, { apiVersion, kind: 'SriovNetworkNodePolicy', metadata: { namespace: NAMESPACE, name }, spec } as KubeObject);
  for (const { kind, namespace, name, spec } of scenario.networks) await make(networkResources[kind] as Resource, { apiVersion, kind, metadata: { namespace, name }, spec } as KubeObject);
  return refused.toSorted();
}

const changed: Readonly<Record<ChangedKind, Resource>> = { Node: api.nodes as Resource, Namespace: api.namespaces as Resource, SriovNetworkNodePolicy: api.nodePolicies as Resource, SriovNetwork: api.sriovNetworks as Resource, NetworkAttachmentDefinition: api.networkAttachmentDefinitions as Resource };

/** Makes the changes of one step. */
export async function change(kube: Kube, step: readonly Change[]): Promise<void> {
  for (const one of step) {
    const [resource, key] = [changed[one.kind], one.namespace === undefined ? { name: one.name } : { namespace: one.namespace, name: one.name }];
    if (one.verb === 'delete') await kube.delete(resource, key);
    else if (one.verb === 'patch') await kube.patch(resource, key, { type: 'merge', patch: one.content }, MAKER);
    else await kube.create(resource, { apiVersion: one.kind === 'Namespace' ? 'v1' : apiVersion, kind: one.kind, metadata: key, ...one.content }, MAKER);
  }
}

/** Reads what an operator made of it. */
export async function readAnswers(kube: Kube, refused: readonly string[]): Promise<Answers> {
  const scope = { namespace: NAMESPACE };
  const config = await kube.get(api.operatorConfigs, { ...scope, name: 'default' });
  const states = new Map((await kube.list(api.nodeStates, scope)).items.map((state) => [state.metadata.name, state]));
  const devicePlugin = (await kube.list(api.configMapResource, scope)).items.find(({ metadata }) => metadata.name === 'device-plugin-config')?.data ?? {};
  const networks = (await Promise.all(Object.values(networkResources).map(async (resource) => (await kube.list(resource as Resource)).items))).flat() as readonly (KubeObject & WithConditions)[];
  return {
    refused,
    config: { finalizers: config.metadata.finalizers ?? [], ready: ready(config as WithConditions) },
    nodes: byName((await kube.list(api.nodes)).items.map(({ metadata: { name, labels, annotations } }) => [name, {
      label: labels?.[`${GROUP}/device-plugin`] ?? null, annotations: ofOurs(annotations), state: states.get(name)?.spec ?? null, stateAnnotations: ofOurs(states.get(name)?.metadata.annotations), owners: owners(states.get(name)),
      devicePlugin: devicePlugin[name] === undefined ? null : (JSON.parse(devicePlugin[name]) as unknown),
    }])),
    pools: byName((await kube.list(api.poolConfigs, scope)).items.map(({ metadata }) => [metadata.name, { finalizers: metadata.finalizers ?? [] }])),
    networks: byName(networks.map((network) => [`${network.kind} ${network.metadata.namespace}/${network.metadata.name}`, { finalizers: network.metadata.finalizers ?? [], annotations: ofOurs(network.metadata.annotations), ready: ready(network) }])),
    attachments: byName((await kube.list(api.networkAttachmentDefinitions)).items.map((attachment) => [`${attachment.metadata.namespace}/${attachment.metadata.name}`, {
      annotations: attachment.metadata.annotations ?? {}, owners: owners(attachment), config: attachment.spec?.config === undefined ? null : configOf(attachment.spec.config),
    }])),
  };
}

type WithConditions = { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[] } };

function ready({ status }: WithConditions): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready');
  return condition === undefined ? 'absent' : `${condition.status} ${condition.reason}`;
}

function configOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function owners(object: KubeObject | undefined): readonly string[] {
  return (object?.metadata.ownerReferences ?? []).map(({ kind, name }) => `${kind} ${name}`);
}

function ofOurs(annotations: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const ours = Object.entries(annotations ?? {}).filter(([name]) => name.includes(GROUP)).map(([name, value]) => [name, name.endsWith('/keep-state-until') ? 'a time' : value] as const);
  return Object.fromEntries(ours.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function byName<Value>(entries: readonly (readonly [string, Value])[]): Readonly<Record<string, Value>> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
