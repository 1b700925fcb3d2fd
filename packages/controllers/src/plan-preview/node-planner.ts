import type { NamedPolicy, NamedPool, NodePreview } from '@vfleet/core';
import { compilePools, describeDifference, describeDrain, describeReboot, orderPolicies, poolOfNode, previewNode, resolveMaxUnavailable } from '@vfleet/core';
import type { SriovNetworkNodeState, SriovOperatorConfig } from '@vfleet/kube';
import { isNodeSelected } from '../operator/node-selection.ts';
import type { SelectableNode } from '../operator/node-selection.ts';

/** What is the same for every node. */
export interface PlannedFor {
  /** All after the change. */
  readonly policies: readonly NamedPolicy[];
  readonly pools: readonly NamedPool[];
  readonly config?: SriovOperatorConfig;
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

/** Plans node after node, and keeps what is needed of all of them only: a fleet may be large. */
export class NodePlanner {
  readonly #fixed: PlannedFor;
  readonly #ordered: readonly NamedPolicy[];
  readonly #pools: ReturnType<typeof compilePools>['pools'];
  readonly #sizes = new Map<string, number>();
  readonly #drains = new Map<string, number>();

  constructor(fixed: PlannedFor) {
    this.#fixed = fixed;
    this.#ordered = orderPolicies(fixed.policies);
    this.#pools = compilePools(fixed.pools).pools;
  }

  /** What becomes of a node; `state` as a server has it, with its VFs. Undefined: no daemon runs there by choice. */
  plan(node: SelectableNode, state: SriovNetworkNodeState | undefined): NodePlan | 'undiscovered' | undefined {
    const { config } = this.#fixed;
    if (!isNodeSelected(config?.spec ?? {}, node)) return undefined;
    const { name, labels = {} } = node.metadata;
    const membership = poolOfNode(this.#pools, labels);
    const pool = membership.kind === 'pool' ? membership.pool.name : membership.kind === 'default' ? '' : membership.pools.map((one) => one.name).join('+');
    this.#sizes.set(pool, (this.#sizes.get(pool) ?? 0) + 1);
    const interfaces = state?.status?.interfaces ?? [];
    if (interfaces.length === 0) return 'undiscovered';
    const preview = previewNode({
      labels, interfaces, current: state?.spec ?? {}, policies: this.#ordered, disableDrain: config?.spec.disableDrain ?? false,
      pools: membership.kind === 'pool' ? [membership.pool] : [], ...(state?.status?.system?.rdmaMode === undefined ? {} : { rdmaMode: state.status.system.rdmaMode }),
      ...(config?.spec.featureGates === undefined ? {} : { gates: config.spec.featureGates }),
    });
    if (!preview.isSettled && (preview.plan.drain.needed || preview.plan.reboot.needed)) this.#drains.set(pool, (this.#drains.get(pool) ?? 0) + 1);
    return { node: name, pool, preview };
  }

  /** Of the nodes that were planned. */
  poolPlans(): readonly PoolPlan[] {
    return [...this.#drains].map(([pool, drains]): PoolPlan => {
      if (pool.includes('+')) return { pool, drains };
      const limit = pool === '' ? 1 : this.#limitOf(pool);
      return { pool, drains, atOnce: Math.min(limit, drains), ...(limit > 0 ? { rounds: Math.ceil(drains / limit) } : {}) };
    });
  }

  #limitOf(pool: string): number {
    const limit = resolveMaxUnavailable(this.#fixed.pools.find(({ name }) => name === pool)?.spec.maxUnavailable, this.#sizes.get(pool) ?? 0);
    return limit.ok ? limit.value : 0;
  }
}

/** What a node's row says of its NICs. */
export function changes({ plan }: NodePreview): string {
  return plan.pfs.filter(({ steps }) => steps.length > 0).map((pf) => `${pf.name}: ${pf.action === 'reset' ? 'given back' : [...new Set(pf.differences.map(describeDifference))].slice(0, 3).join(', ')}`).join('; ');
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
