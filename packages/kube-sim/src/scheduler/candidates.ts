import { Heap } from '@vfleet/core';
import type { ClusterView } from './cluster-view.ts';
import type { Refusal } from './filters.ts';
import { filterNode } from './filters.ts';
import type { Diagnosis } from './fit-error.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { scoreNode } from './score.ts';

interface Candidate {
  readonly node: NodeInfo;
  readonly version: number;
  readonly score: number;
  readonly podCount: number;
}

interface Verdict {
  readonly version: number;
  /** Undefined when the node can take the pod. */
  readonly refusal: Refusal | undefined;
}

/** Highest score, then fewest pods, then the first name: the same cluster always gives the same node. */
export function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.score !== b.score) return a.score > b.score;
  if (a.podCount !== b.podCount) return a.podCount < b.podCount;
  return a.node.name < b.node.name;
}

/**
 * What all nodes answer to pods of one shape, kept up to date by looking again only at nodes that changed: placing ten
 * thousand equal pods on a thousand nodes costs ten thousand looks at one node, not ten million.
 */
export class Candidates {
  readonly #view: ClusterView;
  readonly #pod: PodInfo;
  readonly #verdicts = new Map<NodeInfo, Verdict>();
  #heap = new Heap<Candidate>(isBetter);
  #position = -1;
  #fitting = 0;
  #resolvable = 0;
  readonly #reasons = new Map<string, number>();

  /** `pod` stands for all of its shape. */
  constructor(view: ClusterView, pod: PodInfo) {
    this.#view = view;
    this.#pod = pod;
  }

  /** The best node for a pod of this shape, or undefined: see {@link diagnosis}. */
  best(): NodeInfo | undefined {
    this.#catchUp();
    for (;;) {
      const top = this.#heap.peek();
      if (top === undefined) return undefined;
      const verdict = this.#verdicts.get(top.node);
      if (verdict?.version === top.version && verdict.refusal === undefined) return top.node;
      this.#heap.pop();
    }
  }

  /** Whether some node can take a pod of this shape now. */
  get any(): boolean {
    this.#catchUp();
    return this.#fitting > 0;
  }

  diagnosis(): Diagnosis {
    this.#catchUp();
    return { nodeCount: this.#view.nodeCount, reasons: new Map([...this.#reasons].filter(([, count]) => count > 0)), resolvableNodes: this.#resolvable };
  }

  #catchUp(): void {
    const changed = this.#position < 0 ? undefined : this.#view.changedSince(this.#position);
    this.#position = this.#view.position;
    if (changed !== undefined) {
      for (const node of changed) this.#look(node);
    } else {
      for (const node of this.#verdicts.keys()) this.#look(node);
      for (const node of this.#view.nodes()) this.#look(node);
    }
    // Candidates that a newer look replaced stay in the heap until they surface; where that is rare, sort afresh.
    if (this.#heap.size > 64 + 4 * this.#verdicts.size) this.#rebuildHeap();
  }

  #look(node: NodeInfo): void {
    const before = this.#verdicts.get(node);
    if (before !== undefined && before.version === node.version && node.node !== undefined) return;
    if (before !== undefined) this.#count(before, -1);
    if (node.node === undefined) {
      this.#verdicts.delete(node);
      return;
    }
    const verdict = { version: node.version, refusal: filterNode(this.#pod, node) };
    this.#verdicts.set(node, verdict);
    this.#count(verdict, 1);
    if (verdict.refusal === undefined) this.#heap.push(this.#candidate(node));
  }

  #candidate(node: NodeInfo): Candidate {
    return { node, version: node.version, score: scoreNode(this.#pod, node), podCount: node.pods.size };
  }

  #count({ refusal }: Verdict, by: 1 | -1): void {
    if (refusal === undefined) {
      this.#fitting += by;
      return;
    }
    if (refusal.resolvable) this.#resolvable += by;
    for (const reason of refusal.reasons) this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + by);
  }

  #rebuildHeap(): void {
    this.#heap = new Heap<Candidate>(isBetter);
    for (const [node, { refusal }] of this.#verdicts) if (refusal === undefined) this.#heap.push(this.#candidate(node));
  }
}
