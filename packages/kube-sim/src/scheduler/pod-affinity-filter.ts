import type { PodTerm } from '../pods/pod-affinity.ts';
import { matchesPodTerm } from '../pods/pod-affinity.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Refusal } from './filters.ts';
import { filterNode } from './filters.ts';
import type { Diagnosis } from './fit-error.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { scoreNode } from './score.ts';
import { isBetter } from './candidates.ts';

const AFFINITY: Refusal = { reasons: ["node(s) didn't match pod affinity rules"], resolvable: false };
const ANTI_AFFINITY: Refusal = { reasons: ["node(s) didn't match pod anti-affinity rules"], resolvable: true };
const REPELLED: Refusal = { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"], resolvable: true };

/** Whether where other pods are can decide where this one may go: then no node can be judged on its own. */
export function dependsOnPods(view: ClusterView, pod: PodInfo): boolean {
  if (pod.affinity.length > 0 || pod.antiAffinity.length > 0) return true;
  for (const { pod: other } of view.repelling.values()) {
    if (other.antiAffinity.some((term) => matchesPodTerm(term, pod.pod))) return true;
  }
  return false;
}

/** Judges every node with the pods around it in mind (interpodaffinity/filtering.go); linear in nodes and placed pods. */
export function findAmongPods(view: ClusterView, pod: PodInfo): { readonly node?: NodeInfo; readonly diagnosis: Diagnosis } {
  const filterPods = podAffinityFilter(view, pod);
  const reasons = new Map<string, number>();
  let resolvableNodes = 0;
  let best: { node: NodeInfo; version: number; score: number; podCount: number } | undefined;
  for (const node of view.nodes()) {
    if (node.node === undefined) continue;
    const refusal = filterNode(pod, node) ?? filterPods(node);
    if (refusal === undefined) {
      const candidate = { node, version: node.version, score: scoreNode(pod, node), podCount: node.pods.size };
      if (best === undefined || isBetter(candidate, best)) best = candidate;
    } else {
      if (refusal.resolvable) resolvableNodes++;
      for (const reason of refusal.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
  }
  const diagnosis = { nodeCount: view.nodeCount, reasons, resolvableNodes };
  return best === undefined ? { diagnosis } : { node: best.node, diagnosis };
}

function podAffinityFilter(view: ClusterView, incoming: PodInfo): (node: NodeInfo) => Refusal | undefined {
  const wanted = domains(view, incoming.affinity);
  const shunned = domains(view, incoming.antiAffinity);
  const repelled = repelledDomains(view, incoming);
  // The first pod of a group that wants to be together has nobody to join: its own labels then satisfy its terms.
  const founds = incoming.affinity.length > 0 && wanted.every(({ values }) => values.size === 0)
    && incoming.affinity.every((term) => matchesPodTerm(term, incoming.pod));
  return (node) => {
    const label = (key: string) => node.node?.metadata.labels?.[key];
    for (const { key, values } of wanted) {
      const value = label(key);
      if (value === undefined || (!founds && !values.has(value))) return AFFINITY;
    }
    for (const { key, values } of shunned) if (values.has(label(key) ?? '')) return ANTI_AFFINITY;
    for (const [key, values] of repelled) if (values.has(label(key) ?? '')) return REPELLED;
    return undefined;
  };
}

/** Per term: the topology values (zones, host names …) where a pod is that the term matches. */
function domains(view: ClusterView, terms: readonly PodTerm[]): readonly { readonly key: string; readonly values: ReadonlySet<string> }[] {
  return terms.map((term) => {
    const values = new Set<string>();
    for (const node of view.nodes()) {
      const value = node.node?.metadata.labels?.[term.topologyKey];
      if (value === undefined || values.has(value)) continue;
      for (const { pod } of node.pods.values()) {
        if (!matchesPodTerm(term, pod)) continue;
        values.add(value);
        break;
      }
    }
    return { key: term.topologyKey, values };
  });
}

function repelledDomains(view: ClusterView, incoming: PodInfo): ReadonlyMap<string, ReadonlySet<string>> {
  const repelled = new Map<string, Set<string>>();
  for (const { pod, node } of view.repelling.values()) {
    for (const term of pod.antiAffinity) {
      const value = node.node?.metadata.labels?.[term.topologyKey];
      if (value === undefined || !matchesPodTerm(term, incoming.pod)) continue;
      const values = repelled.get(term.topologyKey) ?? new Set();
      repelled.set(term.topologyKey, values.add(value));
    }
  }
  return repelled;
}
