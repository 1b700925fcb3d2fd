import type { NamedPolicy, NodePreview, Review } from '@vfleet/core';
import { compilePools, describeReboot, describeDrain, orderPolicies, poolOfNode, previewNode, resolveMaxUnavailable, reviewNodePolicy } from '@vfleet/core';
import { isNodeSelected } from '@vfleet/controllers';
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

export interface NodePlan {
  readonly node: string;
  readonly pool: string;
  readonly preview: NodePreview;
}

/** How the nodes of a pool that have to be drained take turns. */
export interface PoolPlan {
  readonly pool: string;
  readonly drains: number;
  /** Undefined: nodes of two pools, which are never drained. */
  readonly atOnce?: number;
  readonly rounds?: number;
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
  const selected = input.nodes.filter(({ metadata }) => isNodeSelected(config?.spec ?? {}, metadata.labels ?? {})).toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const { pools } = compilePools(input.pools.map(({ metadata, spec }) => ({ name: metadata.name, spec })));
  const known = input.nodes.map(({ metadata: { name, labels = {} } }) => {
    const interfaces = states.get(name)?.status?.interfaces;
    return { name, labels, ...(interfaces === undefined ? {} : { interfaces }) };
  });
  const reviews = input.changed.map((policy) => ({ policy: policy.name, review: reviewNodePolicy(policy, { operatorNamespace, nodes: known, policies: input.policies }) }));
  const nodes: NodePlan[] = [];
  const undiscovered: string[] = [];
  const sizes = new Map<string, number>();
  let unchanged = 0;
  for (const { metadata: { name, labels = {} } } of selected) {
    const membership = poolOfNode(pools, labels);
    const pool = membership.kind === 'pool' ? membership.pool.name : membership.kind === 'default' ? '' : membership.pools.map((one) => one.name).join('+');
    sizes.set(pool, (sizes.get(pool) ?? 0) + 1);
    const state = states.get(name);
    const interfaces = state?.status?.interfaces ?? [];
    if (interfaces.length === 0) {
      undiscovered.push(name);
      continue;
    }
    const preview = previewNode({
      labels, interfaces, current: state?.spec ?? {}, policies: orderPolicies(input.policies), disableDrain: config?.spec.disableDrain ?? false,
      pools: membership.kind === 'pool' ? [membership.pool] : [], ...(state?.status?.system?.rdmaMode === undefined ? {} : { rdmaMode: state.status.system.rdmaMode }),
      ...(config?.spec.featureGates === undefined ? {} : { gates: config.spec.featureGates }),
    });
    if (preview.isSettled) unchanged++;
    else nodes.push({ node: name, pool, preview });
  }
  return { reviews, nodes, unchanged, undiscovered, pools: poolPlans(nodes, sizes, input.pools) };
}

function poolPlans(nodes: readonly NodePlan[], sizes: ReadonlyMap<string, number>, pools: readonly SriovNetworkPoolConfig[]): readonly PoolPlan[] {
  const drains = new Map<string, number>();
  for (const { pool, preview } of nodes) if (preview.plan.drain.needed || preview.plan.reboot.needed) drains.set(pool, (drains.get(pool) ?? 0) + 1);
  return [...drains].map(([pool, count]): PoolPlan => {
    if (pool.includes('+')) return { pool, drains: count };
    const limit = pool === '' ? 1 : resolveLimit(pools.find(({ metadata }) => metadata.name === pool), sizes.get(pool) ?? 0);
    return { pool, drains: count, atOnce: Math.min(limit, count), ...(limit > 0 ? { rounds: Math.ceil(count / limit) } : {}) };
  });
}

function resolveLimit(pool: SriovNetworkPoolConfig | undefined, size: number): number {
  const limit = resolveMaxUnavailable(pool?.spec.maxUnavailable, size);
  return limit.ok ? limit.value : 0;
}

/** What a node's row says of interruptions. */
export function interruption({ plan, reboot }: NodePreview): string {
  const drain = plan.drain.needed ? 'drain' : plan.drain.reasons.length > 0 ? 'under running pods' : '';
  return [drain, reboot === 'yes' ? 'reboot' : reboot === 'perhaps' ? 'perhaps a reboot' : ''].filter((text) => text !== '').join(', ');
}

/** Why, in a line each. */
export function reasons({ plan }: NodePreview): readonly string[] {
  return [...plan.drain.reasons.map(describeDrain), ...plan.reboot.reasons.map(describeReboot), ...plan.problems.map(({ cause, remedy }) => `problem: ${cause}; ${remedy}`)];
}
