import { compilePools, DEFAULT_POOL_MAX_UNAVAILABLE, poolOfNode, resolveMaxUnavailable } from '@vfleet/core';
import type { SriovNetworkNodeState } from '@vfleet/kube';
import { collections, drainProgress } from './cluster-view.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Oracle } from './oracle.ts';

/** A reconcile may have read pools and labels this long ago: slow requests and late watches together. */
const READ_AGO_MS = 60_000;

/** Judged at the commit that starts a drain, against the most generous pools of the last minute. */
export const drainBudget: Oracle = {
  name: 'drain-budget',
  property: 'No drain starts while its pool has as many nodes draining or drained as it may have unavailable.',
  watch({ view, simulation, violated }) {
    let poolsChangedAtMs = Number.NEGATIVE_INFINITY;
    return {
      commit(collection, { object, previous, type }) {
        if (collection === collections.pools || (collection === collections.nodes && type !== 'MODIFIED')) poolsChangedAtMs = simulation.clock.monotonicMs();
        if (collection !== collections.nodeStates || type !== 'MODIFIED') return;
        // The collection holds node states.
        const state = object as unknown as SriovNetworkNodeState;
        if (drainProgress(state) !== 'Draining' || drainProgress(previous as unknown as SriovNetworkNodeState) !== 'Idle') return;
        if (simulation.clock.monotonicMs() - poolsChangedAtMs < READ_AGO_MS) return;
        const { unavailable, limit, pool } = poolState(view, state.metadata.name);
        if (unavailable.length > limit) violated([`node/${state.metadata.name}`, `pool/${pool}`], `a drain starts, and with it ${unavailable.join(', ')} are unavailable; the limit is ${limit}`);
      },
    };
  },
};

function poolState(view: ClusterView, node: string): { readonly pool: string; readonly unavailable: readonly string[]; readonly limit: number } {
  const { pools } = compilePools(view.pools().map(({ metadata, spec }) => ({ name: metadata.name, spec })));
  const nameOf = (labels: Readonly<Record<string, string>>) => {
    const membership = poolOfNode(pools, labels);
    return membership.kind === 'pool' ? membership.pool.name : membership.kind;
  };
  const labels = new Map(view.nodes().map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
  const pool = nameOf(labels.get(node) ?? {});
  const members = [...labels].filter(([, own]) => nameOf(own) === pool).map(([name]) => name);
  const spec = pools.find(({ name }) => name === pool)?.spec;
  const resolved = spec === undefined ? undefined : resolveMaxUnavailable(spec.maxUnavailable, members.length);
  const limit = resolved === undefined ? DEFAULT_POOL_MAX_UNAVAILABLE : resolved.ok ? resolved.value : 0;
  const unavailable = members.filter((name) => ['Draining', 'DrainComplete'].includes(drainProgress(view.nodeState(name))));
  return { pool, unavailable, limit };
}
