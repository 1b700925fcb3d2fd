import type { Node, Pod } from '@vfleet/kube';

type PodSpec = NonNullable<Pod['spec']>;

export const VF = 'openshift.io/vf';

export function pod(name: string, spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', uid: `uid-${name}`, ...metadata },
    spec: { containers: [{ name: 'main', image: 'busybox' }], ...spec },
  };
}

/** A pod with one container that asks for these quantities. */
export function asking(name: string, quantities: Readonly<Record<string, string>>, spec: Partial<PodSpec> = {}): Pod {
  return pod(name, { containers: [{ name: 'main', image: 'busybox', resources: { requests: { ...quantities }, limits: { ...quantities } } }], ...spec });
}

export function node(name: string, allocatable: Readonly<Record<string, string>> = {}, more: { readonly labels?: Record<string, string>; readonly spec?: Node['spec'] } = {}): Node {
  return {
    apiVersion: 'v1', kind: 'Node', metadata: { name, uid: `uid-${name}`, labels: { 'kubernetes.io/hostname': name, ...more.labels } },
    ...(more.spec !== undefined && { spec: more.spec }),
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10', ...allocatable } },
  };
}
