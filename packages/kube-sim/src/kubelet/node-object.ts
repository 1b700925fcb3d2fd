import { rfc3339 } from '@vfleet/core';
import type { Node } from '@vfleet/kube';
import { formatQuantity, parseQuantity, quantityOf, subtractQuantities } from '@vfleet/kube';
import type { NodeOptions } from './options.ts';

export type NodeStatus = NonNullable<Node['status']>;

/** The kubelet whose behaviour is followed. */
export const KUBELET_VERSION = 'v1.34.0';
const DEFAULT_CAPACITY: Readonly<Record<string, string>> = { cpu: '32', memory: '131072Mi', 'ephemeral-storage': '959786032Ki', 'hugepages-1Gi': '0', 'hugepages-2Mi': '0', pods: '110' };
/** Memory kept from pods: kubelet's default hard eviction threshold. */
const EVICTION_MEMORY = '100Mi';

/** The Node that a kubelet registers. */
export function nodeObject(options: NodeOptions, status: NodeStatus): Node {
  const { name, labels, annotations, taints, podCidr, architecture = 'amd64' } = options;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'beta.kubernetes.io/arch': architecture, 'beta.kubernetes.io/os': 'linux', 'kubernetes.io/arch': architecture, 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels,
      },
      annotations: { 'node.alpha.kubernetes.io/ttl': '0', 'volumes.kubernetes.io/controller-managed-attach-detach': 'true', ...annotations },
    },
    spec: { podCIDR: podCidr, podCIDRs: [podCidr], ...(taints !== undefined && taints.length > 0 && { taints: [...taints] }) },
    status,
  };
}

export interface NodeFacts {
  readonly nowMs: number;
  readonly bootId: string;
  readonly machineId: string;
  readonly extended: readonly { readonly resourceName: string; readonly capacity: number; readonly allocatable: number }[];
  readonly images: NodeStatus['images'];
  readonly before: NodeStatus | undefined;
}

/** What a node reports of itself (pkg/kubelet/nodestatus/setters.go). */
export function nodeStatus(options: NodeOptions, facts: NodeFacts): NodeStatus {
  const capacity: Record<string, string> = { ...DEFAULT_CAPACITY, ...options.capacity };
  const allocatable: Record<string, string> = { ...capacity, memory: allocatableMemory(capacity['memory']!) };
  for (const { resourceName, capacity: all, allocatable: healthy } of facts.extended) {
    capacity[resourceName] = String(all);
    allocatable[resourceName] = String(healthy);
  }
  return {
    capacity,
    allocatable,
    conditions: conditionsOf(facts),
    addresses: [{ type: 'InternalIP', address: options.address }, { type: 'Hostname', address: options.name }],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      machineID: facts.machineId.replaceAll('-', ''), systemUUID: facts.machineId, bootID: facts.bootId,
      kernelVersion: options.kernelVersion ?? '6.12.0-vfleet', osImage: options.osImage ?? 'vfleet simulated node',
      containerRuntimeVersion: 'containerd://2.1.4', kubeletVersion: KUBELET_VERSION, kubeProxyVersion: '', operatingSystem: 'linux', architecture: options.architecture ?? 'amd64',
    },
    ...(facts.images !== undefined && { images: facts.images }),
  };
}

function allocatableMemory(memory: string): string {
  const all = parseQuantity(memory);
  const kept = parseQuantity(EVICTION_MEMORY);
  if (!all.ok || !kept.ok) return memory;
  const left = subtractQuantities(all.value, kept.value);
  return formatQuantity(left.nano < 0n ? quantityOf(0) : left);
}

const CONDITIONS = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
] as const;

function conditionsOf({ nowMs, before }: NodeFacts): NonNullable<NodeStatus['conditions']> {
  const time = rfc3339(nowMs);
  return CONDITIONS.map(([type, status, reason, message]) => {
    const old = before?.conditions?.find((condition) => condition.type === type);
    const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? time) : time;
    return { type, status, reason, message, lastHeartbeatTime: time, lastTransitionTime };
  });
}
