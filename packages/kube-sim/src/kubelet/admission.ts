import type { Node, Pod } from '@vfleet/kube';
import type { Amounts } from '../pods/amounts.ts';
import { isExtendedResource } from '../pods/amounts.ts';
import { matchesNodeAffinity } from '../pods/node-affinity.ts';
import { podRequests } from '../pods/requests.ts';
import { hostPorts } from '../pods/state.ts';
import { untoleratedTaint } from '../pods/taints.ts';
import { shortages } from '../scheduler/filters.ts';

/** Why a kubelet does not run a pod that was bound to it. The message is without the "Pod was rejected: " of the status. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

export interface AdmissionInput {
  readonly pod: Pod;
  /** Labels and taints as the API has them. */
  readonly node: Node;
  readonly allocatable: Amounts;
  /** Pods admitted before and not over. */
  readonly others: readonly Pod[];
  readonly used: Amounts;
}

const failed = (predicate: string, description: string): Rejection => ({ reason: predicate, message: `Predicate ${predicate} failed: ${description}` });

/**
 * The node's own check of a pod, also of one whose nodeName was set by hand (pkg/kubelet/lifecycle/predicate.go). An extended
 * resource that the node does not know at all is not asked for, as upstream: such a pod is admitted and gets no device.
 */
export function rejectionOf({ pod, node, allocatable, others, used }: AdmissionInput): Rejection | undefined {
  const os = pod.metadata.labels?.['kubernetes.io/os'];
  if (os !== undefined && os !== 'linux') return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label" };
  if (pod.spec?.os !== undefined && pod.spec.os.name !== 'linux') return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };

  const requests = new Map([...podRequests(pod)].filter(([resource]) => !isExtendedResource(resource) || allocatable.has(resource)));
  const [short] = shortages(requests, allocatable, used, others.length);
  if (short !== undefined) {
    const { resource, requested, used: taken, capacity } = short;
    return { reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${taken}, capacity: ${capacity}` };
  }
  if (!matchesNodeAffinity(pod, node)) return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  if (portsClash(pod, others)) return failed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  if (untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, ['NoExecute']) !== undefined) return failed('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  return undefined;
}

function portsClash(pod: Pod, others: readonly Pod[]): boolean {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return false;
  const taken = others.flatMap(hostPorts);
  return wanted.some((one) => taken.some((two) => one.hostPort === two.hostPort && one.protocol === two.protocol
    && (one.hostIP === two.hostIP || one.hostIP === '0.0.0.0' || two.hostIP === '0.0.0.0')));
}
