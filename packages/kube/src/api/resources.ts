import type {
  NetworkObjectStatus, NodePolicySpec, NodePolicyStatus, NodeStateSpec, NodeStateStatus, ObjectMeta, OperatorConfigSpec, OperatorConfigStatus,
  OvsNetworkSpec, PoolConfigSpec, PoolConfigStatus, Resource, SriovIbNetworkSpec, SriovNetworkSpec,
} from '@vfleet/core';
import { GROUP, VERSION } from '@vfleet/core';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { IEvent } from 'kubernetes-models/v1/Event';
import type { INamespace } from 'kubernetes-models/v1/Namespace';
import type { INode } from 'kubernetes-models/v1/Node';
import type { IPod } from 'kubernetes-models/v1/Pod';
import type { ILease } from 'kubernetes-models/coordination.k8s.io/v1/Lease';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';

/** A published API type with the metadata that every stored object has. */
export type Stored<Type> = Omit<Type, 'metadata'> & { readonly metadata: ObjectMeta };

export type Pod = Stored<IPod>;
export type Node = Stored<INode>;
export type Namespace = Stored<INamespace>;
export type ConfigMap = Stored<IConfigMap>;
/** core/v1 Event. */
export type CoreEvent = Stored<IEvent>;
export type Lease = Stored<ILease>;
export type PodDisruptionBudget = Stored<IPodDisruptionBudget>;

interface Custom<Kind extends string, Spec, Status> {
  readonly apiVersion: `${typeof GROUP}/${typeof VERSION}`;
  readonly kind: Kind;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status;
}

export type SriovNetwork = Custom<'SriovNetwork', SriovNetworkSpec, NetworkObjectStatus>;
export type SriovIbNetwork = Custom<'SriovIBNetwork', SriovIbNetworkSpec, NetworkObjectStatus>;
export type OvsNetwork = Custom<'OVSNetwork', OvsNetworkSpec, NetworkObjectStatus>;
export type SriovNetworkNodePolicy = Custom<'SriovNetworkNodePolicy', NodePolicySpec, NodePolicyStatus>;
export type SriovNetworkNodeState = Custom<'SriovNetworkNodeState', NodeStateSpec, NodeStateStatus>;
export type SriovNetworkPoolConfig = Custom<'SriovNetworkPoolConfig', PoolConfigSpec, PoolConfigStatus>;
export type SriovOperatorConfig = Custom<'SriovOperatorConfig', OperatorConfigSpec, OperatorConfigStatus>;

/** k8s.cni.cncf.io/v1, Network Plumbing Working Group multi-net specification. `config` is a CNI configuration as JSON. */
export interface NetworkAttachmentDefinition {
  readonly apiVersion: 'k8s.cni.cncf.io/v1';
  readonly kind: 'NetworkAttachmentDefinition';
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly config?: string };
}

const core = <Kind extends string>(plural: string, kind: Kind, namespaced: boolean) => ({ group: '', version: 'v1', plural, kind, namespaced });
const custom = <Kind extends string>(plural: string, kind: Kind) => ({ group: GROUP, version: VERSION, plural, kind, namespaced: true });

export const pods: Resource<Pod> = core('pods', 'Pod', true);
export const nodes: Resource<Node> = core('nodes', 'Node', false);
export const namespaces: Resource<Namespace> = core('namespaces', 'Namespace', false);
export const configMapResource: Resource<ConfigMap> = core('configmaps', 'ConfigMap', true);
export const events: Resource<CoreEvent> = core('events', 'Event', true);
export const leases: Resource<Lease> = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true };
export const podDisruptionBudgets: Resource<PodDisruptionBudget> = { group: 'policy', version: 'v1', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget', namespaced: true };

export const sriovNetworks: Resource<SriovNetwork> = custom('sriovnetworks', 'SriovNetwork');
export const sriovIbNetworks: Resource<SriovIbNetwork> = custom('sriovibnetworks', 'SriovIBNetwork');
export const ovsNetworks: Resource<OvsNetwork> = custom('ovsnetworks', 'OVSNetwork');
export const nodePolicies: Resource<SriovNetworkNodePolicy> = custom('sriovnetworknodepolicies', 'SriovNetworkNodePolicy');
export const nodeStates: Resource<SriovNetworkNodeState> = custom('sriovnetworknodestates', 'SriovNetworkNodeState');
export const poolConfigs: Resource<SriovNetworkPoolConfig> = custom('sriovnetworkpoolconfigs', 'SriovNetworkPoolConfig');
export const operatorConfigs: Resource<SriovOperatorConfig> = custom('sriovoperatorconfigs', 'SriovOperatorConfig');
export const networkAttachmentDefinitions: Resource<NetworkAttachmentDefinition> = {
  group: 'k8s.cni.cncf.io', version: 'v1', plural: 'network-attachment-definitions', kind: 'NetworkAttachmentDefinition', namespaced: true,
};
