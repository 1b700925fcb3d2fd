import type { KubeObject, NodePolicySpec, OperatorConfigSpec, PoolConfigSpec } from '@vfleet/core';
import { DEFAULT_OPERATOR_NAMESPACE, GROUP } from '@vfleet/core';
import type { Workload } from './scenario.ts';

/** The label by which the shipped scenarios select nodes, as node-feature-discovery sets it. */
export const CAPABLE = 'feature.node.kubernetes.io/network-sriov.capable';
const namespace = DEFAULT_OPERATOR_NAMESPACE;

/** `count` nodes named `name-0`, `name-1` … that the policies select. */
export function nodes(name: string, count: number, ...pfs: readonly Readonly<Record<string, unknown>>[]): Readonly<Record<string, unknown>> {
  return { name: `${name}-0`, count, labels: { [CAPABLE]: 'true', 'vfleet.dev/group': name }, rebootSeconds: 20, pfs };
}

export const e810 = { personality: 'E810-CQDA2', pciAddress: '0000:81:00.0', name: 'ens801f0' };
export const x710 = { personality: 'X710', pciAddress: '0000:3b:00.0', name: 'ens1f0' };
export const connectX6 = { personality: 'ConnectX-6 Dx', pciAddress: '0000:5e:00.0', name: 'ens2f0' };

/** Without an interface: none. */
export function policy(name: string, pfName: string, spec: Partial<NodePolicySpec>): KubeObject & { readonly spec: NodePolicySpec } {
  return {
    apiVersion: `${GROUP}/v1`, kind: 'SriovNetworkNodePolicy', metadata: { name, namespace },
    spec: { resourceName: name.replaceAll('-', '_'), nodeSelector: { [CAPABLE]: 'true' }, priority: 50, numVfs: 4, nicSelector: { pfNames: [pfName] }, deviceType: 'netdevice', ...spec },
  };
}

export function network(name: string, resourceName: string, subnet = '10.20.0.0/16'): KubeObject & { readonly spec: object } {
  return {
    apiVersion: `${GROUP}/v1`, kind: 'SriovNetwork', metadata: { name, namespace },
    spec: { resourceName, networkNamespace: 'default', ipam: JSON.stringify({ type: 'host-local', subnet }) },
  };
}

export function pool(name: string, spec: PoolConfigSpec): KubeObject & { readonly spec: PoolConfigSpec } {
  return { apiVersion: `${GROUP}/v1`, kind: 'SriovNetworkPoolConfig', metadata: { name, namespace }, spec };
}

/** Beside the defaults that the operator gives its own. */
export function operatorConfig(spec: Partial<OperatorConfigSpec>): KubeObject & { readonly spec: Partial<OperatorConfigSpec> } {
  return { apiVersion: `${GROUP}/v1`, kind: 'SriovOperatorConfig', metadata: { name: 'default', namespace }, spec };
}

export function disruptionBudget(name: string, app: string, minAvailable: number): KubeObject & { readonly spec: object } {
  return { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name, namespace: 'default' }, spec: { minAvailable, selector: { matchLabels: { app } } } };
}

export function workload(name: string, count: number, resourceName: string, networks: string): Workload {
  return { name, namespace: 'default', count, resource: `openshift.io/${resourceName}`, networks };
}

export function patchPolicy(name: string, spec: Partial<NodePolicySpec>) {
  return { do: 'patch', kind: 'SriovNetworkNodePolicy', namespace, name, patch: { spec } } as const;
}
