import type { NamedPolicy, Review } from '@vfleet/core';
import { reviewNodePolicy } from '@vfleet/core';
import { NodePlanner } from '@vfleet/controllers/plan-preview/node-planner.ts';
import type { NodePlan, PoolPlan } from '@vfleet/controllers/plan-preview/node-planner.ts';
import type { Node, SriovNetworkNodeState, SriovNetworkPoolConfig, SriovOperatorConfig } from '@vfleet/kube';

/** The cluster as it is, and the policies as they would be. */
export interface FleetPlanInput {
  readonly operatorNamespace: string;
  readonly nodes: readonly Node[];
  readonly nodeStates: readonly SriovNetworkNodeState[];
  readonly pools: readonly SriovNetworkPoolConfig[];
  readonly config?: SriovOperatorConfig;
  /** What the change is about, with all of their fields. */
  readonly changed: readonly (NamedPolicy & { readonly namespace: string })[];
  /** All after the change. */
  readonly policies: readonly NamedPolicy[];
}

export interface FleetPlan {
  readonly reviews: readonly { readonly policy: string; readonly review: Review }[];
  /** Nodes that something is done to, in order of name. */
  readonly nodes: readonly NodePlan[];
  readonly unchanged: number;
  /** Selected by a policy, but their NICs are not known yet. */
  readonly undiscovered: readonly string[];
  readonly pools: readonly PoolPlan[];
}

/** What a change of policies would do to a cluster. Pure: the same rendering, planning and rules as in operator, daemon and webhook. */
export function planFleet(input: FleetPlanInput): FleetPlan {
  const { config, operatorNamespace } = input;
  const states = new Map(input.nodeStates.map((state) => [state.metadata.name, state]));
  const known = input.nodes.map(({ metadata: { name, labels = {} } }) => {
    const interfaces = states.get(name)?.status?.interfaces;
    return { name, labels, ...(interfaces === undefined ? {} : { interfaces }) };
  });
  const reviews = input.changed.map((policy) => ({ policy: policy.name, review: reviewNodePolicy(policy, { operatorNamespace, nodes: known, policies: input.policies }) }));
  const nodes: NodePlan[] = [];
  const undiscovered: string[] = [];
  let unchanged = 0;
  const planner = new NodePlanner({ policies: input.policies, pools: input.pools.map(({ metadata, spec }) => ({ name: metadata.name, spec })), ...(config === undefined ? {} : { config }) });
  for (const node of input.nodes.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const { name } = node.metadata;
    const planned = planner.plan(node, states.get(name));
    if (planned === undefined) continue;
    if (planned === 'undiscovered') undiscovered.push(name);
    else if (planned.preview.isSettled) unchanged++;
    else nodes.push(planned);
  }
  return { reviews, nodes, unchanged, undiscovered, pools: planner.poolPlans() };
}
