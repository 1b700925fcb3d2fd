import { preferredAffinityScore } from '../pods/node-affinity.ts';
import { isTolerated } from '../pods/taints.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** Weights of the default profile (pkg/scheduler/apis/config/v1/default_plugins.go). */
const WEIGHTS = { resources: 1, balance: 1, affinity: 2, taints: 3 };

/**
 * How well a node suits a pod that it can take, 0 to 700. Unlike upstream no part is normalised over all candidates, so that
 * a node's score depends on that node only and need not be worked out again when another one changes.
 */
export function scoreNode(pod: PodInfo, node: NodeInfo): number {
  return WEIGHTS.resources * leastAllocated(pod, node) + WEIGHTS.balance * balanced(pod, node)
    + WEIGHTS.affinity * preferredAffinityScore(pod.pod, node.node!) + WEIGHTS.taints * fewestSoftTaints(pod, node);
}

/** The mean free share of cpu and memory after the pod (noderesources LeastAllocated). */
function leastAllocated(pod: PodInfo, node: NodeInfo): number {
  const [cpu, memory] = shares(pod, node);
  return Math.floor((100 * (1 - cpu) + 100 * (1 - memory)) / 2);
}

/** The nearer the used shares of cpu and memory, the better (noderesources BalancedAllocation). */
function balanced(pod: PodInfo, node: NodeInfo): number {
  const [cpu, memory] = shares(pod, node);
  return Math.floor(100 * (1 - Math.abs(cpu - memory) / 2));
}

function shares(pod: PodInfo, node: NodeInfo): readonly [number, number] {
  const cpu = node.allocatable.get('cpu') ?? 0;
  const memory = node.allocatable.get('memory') ?? 0;
  return [share(node.scoredMilliCpu + pod.scoredMilliCpu, cpu), share(node.scoredMemoryBytes + pod.scoredMemoryBytes, memory)];
}

function share(used: number, capacity: number): number {
  return capacity === 0 ? 1 : Math.min(1, used / capacity);
}

function fewestSoftTaints({ pod }: PodInfo, { node }: NodeInfo): number {
  const disliked = (node?.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(taint, pod.spec?.tolerations));
  return Math.floor(100 / (1 + disliked.length));
}
