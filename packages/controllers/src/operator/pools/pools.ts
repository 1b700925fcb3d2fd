import { finalizers } from '@vfleet/core';
import type { ReconcileResult } from '@vfleet/kube';
import { findCondition, poolConfigs } from '@vfleet/kube';
import { listSome } from '../text.ts';
import type { OperatorContext } from '../context.ts';
import { patchStatus, writeKey } from '../context.ts';
import { addFinalizer, removeFinalizer } from '../finalizers.ts';
import { readyCondition } from '../policies/policy-verdict.ts';

/** Reasons of the condition Ready of a SriovNetworkPoolConfig. */
export type PoolReason = 'PoolReady' | 'NodeInTwoPools' | 'InvalidMaxUnavailable' | 'InvalidNodeSelector' | 'OffloadNotSupported';

/** Keeps the conditions of pools. The key is the pool's name. */
export class Pools {
  readonly #context: OperatorContext;

  constructor(context: OperatorContext) {
    this.#context = context;
  }

  async reconcile(name: string): Promise<ReconcileResult> {
    const { informers, settings, writes, events } = this.#context;
    const pool = informers.pools.get({ namespace: settings.namespace, name });
    const behindMs = writes.behindMs(writeKey(poolConfigs, settings.namespace, name), pool);
    if (behindMs > 0) return { requeueAfterMs: behindMs };
    if (pool === undefined) return;
    if (pool.metadata.deletionTimestamp !== undefined) return removeFinalizer(this.#context, poolConfigs, pool, finalizers.poolConfig);
    // Its nodes fall back to the limit of nodes without a pool before it is gone.
    if (await addFinalizer(this.#context, poolConfigs, pool, finalizers.poolConfig)) return;
    const verdict = this.#verdict(name, pool.spec.ovsHardwareOffloadConfig?.name);
    const before = findCondition(pool.status?.conditions, 'Ready');
    const written = await patchStatus(this.#context, poolConfigs, pool, [readyCondition(verdict, pool.metadata.generation)]);
    if (written && before?.reason !== verdict.reason) events.record(verdict.ready ? 'Normal' : 'Warning', pool, verdict.reason, verdict.message);
  }

  #verdict(name: string, offload: string | undefined): { readonly ready: boolean; readonly reason: PoolReason; readonly message: string } {
    const { pools } = this.#context;
    if (offload) return { ready: false, reason: 'OffloadNotSupported', message: 'ovsHardwareOffloadConfig configures machine config pools, which this cluster has none of; the pool selects no nodes' };
    const selector = pools.selectorProblem(name);
    if (selector !== undefined) return { ready: false, reason: 'InvalidNodeSelector', message: `nodeSelector cannot be read: ${selector}. The pool selects no nodes` };
    const limit = pools.limit(name);
    if (!limit.ok) return { ready: false, reason: 'InvalidMaxUnavailable', message: `${limit.error.cause}; ${limit.error.remedy}. No node of the pool is drained` };
    const conflicts = pools.conflicts(name);
    if (conflicts.length > 0) {
      const others = conflicts.slice(0, 3).map((node) => `${node} (in ${pools.poolsOf(node).join(' and ')})`);
      return { ready: false, reason: 'NodeInTwoPools', message: `not drained, because a node may be in one pool only: ${listSome([...others, ...conflicts.slice(3)])}` };
    }
    const size = pools.size(name);
    const most = Number.isFinite(limit.value) ? `at most ${limit.value} drained at once` : 'any number drained at once';
    return { ready: true, reason: 'PoolReady', message: `${size} nodes, ${most}` };
  }
}
