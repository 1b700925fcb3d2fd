import type { PolicyMatch, RenderProblem, RenderedNodeState } from '@vfleet/core';
import type { NodeOutcome } from '../node-states/node-outcome.ts';

/** What became of one policy on one node. */
export interface PolicyOnNode {
  readonly match: PolicyMatch;
  readonly problems: readonly RenderProblem[];
  readonly outcome: NodeOutcome;
}

/** What became of every policy on every node, as last rendered. */
export class PolicyLedger {
  readonly #byPolicy = new Map<string, Map<string, PolicyOnNode>>();
  readonly #byNode = new Map<string, readonly string[]>();
  readonly #changed: (policy: string) => void;

  /** `changed` is called with the name of each policy for which something is new. */
  constructor(changed: (policy: string) => void) {
    this.#changed = changed;
  }

  report(node: string, rendered: RenderedNodeState, outcome: NodeOutcome): void {
    const now = rendered.matches.map((match) => match.policy);
    for (const policy of this.#byNode.get(node) ?? []) if (!now.includes(policy)) this.#drop(policy, node);
    this.#byNode.set(node, now);
    for (const match of rendered.matches) {
      const problems = rendered.problems.filter((problem) => 'policy' in problem && problem.policy === match.policy);
      this.#put(match.policy, node, { match, problems, outcome });
    }
  }

  forget(node: string): void {
    for (const policy of this.#byNode.get(node) ?? []) this.#drop(policy, node);
    this.#byNode.delete(node);
  }

  /** By node; in no particular order. */
  of(policy: string): ReadonlyMap<string, PolicyOnNode> {
    return this.#byPolicy.get(policy) ?? new Map();
  }

  #put(policy: string, node: string, entry: PolicyOnNode): void {
    let nodes = this.#byPolicy.get(policy);
    if (nodes === undefined) {
      nodes = new Map();
      this.#byPolicy.set(policy, nodes);
    }
    const before = nodes.get(node);
    nodes.set(node, entry);
    if (before === undefined || !sameEntry(before, entry)) this.#changed(policy);
  }

  #drop(policy: string, node: string): void {
    const nodes = this.#byPolicy.get(policy);
    if (nodes?.delete(node) !== true) return;
    if (nodes.size === 0) this.#byPolicy.delete(policy);
    this.#changed(policy);
  }
}

/** Compared by what the status says of it; the entries are small. */
function sameEntry(a: PolicyOnNode, b: PolicyOnNode): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
