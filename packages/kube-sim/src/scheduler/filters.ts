import type { Amounts } from '../pods/amounts.ts';
import { matchesNodeAffinity } from '../pods/node-affinity.ts';
import { isTolerated, untoleratedTaint } from '../pods/taints.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** Why a node cannot take a pod. `resolvable`: removing pods from the node could help. */
export interface Refusal {
  readonly reasons: readonly string[];
  readonly resolvable: boolean;
}

export interface Shortage {
  readonly resource: string;
  readonly requested: number;
  readonly used: number;
  readonly capacity: number;
}

type Filter = (pod: PodInfo, node: NodeInfo) => Refusal | undefined;

const UNSCHEDULABLE = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const;

const unresolvable = (reason: string): Refusal => ({ reasons: [reason], resolvable: false });
const CORDONED = unresolvable('node(s) were unschedulable');
const TAINTED = unresolvable('node(s) had untolerated taint(s)');
const UNSELECTED = unresolvable("node(s) didn't match Pod's node affinity/selector");
const PORTS_TAKEN: Refusal = { reasons: ["node(s) didn't have free ports for the requested pod ports"], resolvable: true };

/**
 * The filters of the default profile that the simulated cluster can decide, in the real scheduler's order; the first that
 * refuses names the reason (pkg/scheduler/framework/plugins, texts of 1.34).
 */
const FILTERS: readonly Filter[] = [nodeUnschedulable, taintToleration, nodeAffinity, nodePorts, nodeResources];

/** Whether one node can take a pod, pod (anti-)affinity aside. Undefined: it can. */
export function filterNode(pod: PodInfo, node: NodeInfo): Refusal | undefined {
  for (const filter of FILTERS) {
    const refusal = filter(pod, node);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function nodeUnschedulable({ pod }: PodInfo, { node }: NodeInfo): Refusal | undefined {
  if (node?.spec?.unschedulable !== true) return undefined;
  return isTolerated(UNSCHEDULABLE, pod.spec?.tolerations) ? undefined : CORDONED;
}

function taintToleration({ pod }: PodInfo, { node }: NodeInfo): Refusal | undefined {
  return untoleratedTaint(node?.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute']) === undefined ? undefined : TAINTED;
}

function nodeAffinity({ pod }: PodInfo, { node }: NodeInfo): Refusal | undefined {
  return node !== undefined && matchesNodeAffinity(pod, node) ? undefined : UNSELECTED;
}

function nodePorts({ ports }: PodInfo, { pods }: NodeInfo): Refusal | undefined {
  if (ports.length === 0) return undefined;
  for (const other of pods.values()) {
    for (const taken of other.ports) {
      const clash = ports.some((port) => port.hostPort === taken.hostPort && port.protocol === taken.protocol
        && (port.hostIP === taken.hostIP || port.hostIP === '0.0.0.0' || taken.hostIP === '0.0.0.0'));
      if (clash) return PORTS_TAKEN;
    }
  }
  return undefined;
}

function nodeResources(pod: PodInfo, node: NodeInfo): Refusal | undefined {
  const short = shortages(pod.requests, node.allocatable, node.requested, node.pods.size);
  if (short.length === 0) return undefined;
  return {
    reasons: short.map(({ resource }) => (resource === 'pods' ? 'Too many pods' : `Insufficient ${resource}`)),
    resolvable: short.every(({ resource, requested, capacity }) => resource === 'pods' || requested <= capacity),
  };
}

/** What a node lacks for these requests (noderesources.Fits): the pod count first, then cpu, memory, storage and the rest by name. */
export function shortages(requests: Amounts, allocatable: Amounts, used: Amounts, podCount: number): readonly Shortage[] {
  const short: Shortage[] = [];
  const podsMax = allocatable.get('pods') ?? 0;
  if (podCount + 1 > podsMax) short.push({ resource: 'pods', requested: 1, used: podCount, capacity: podsMax });
  for (const [resource, requested] of requests) {
    if (requested === 0) continue;
    const capacity = allocatable.get(resource) ?? 0;
    const taken = used.get(resource) ?? 0;
    if (requested > capacity - taken) short.push({ resource, requested, used: taken, capacity });
  }
  return short.length < 2 ? short : short.sort((a, b) => rank(a.resource) - rank(b.resource) || (a.resource < b.resource ? -1 : 1));
}

const RANKS = ['pods', 'cpu', 'memory', 'ephemeral-storage'];

function rank(resource: string): number {
  const index = RANKS.indexOf(resource);
  return index < 0 ? RANKS.length : index;
}
