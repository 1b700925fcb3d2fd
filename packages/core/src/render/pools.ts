import type { PoolConfigSpec } from '../api/pool-config.ts';
import { fail, ok } from '../result.ts';
import type { Result } from '../result.ts';
import { labelPredicate } from './label-selector.ts';
import type { LabelPredicate, Labels } from './label-selector.ts';

/** A SriovNetworkPoolConfig by name. */
export interface NamedPool {
  readonly name: string;
  readonly spec: PoolConfigSpec;
}

/** Where a node belongs. A node of no pool belongs to the default one. */
export type PoolMembership =
  | { readonly kind: 'default' }
  | { readonly kind: 'pool'; readonly pool: NamedPool }
  | { readonly kind: 'conflict'; readonly pools: readonly NamedPool[] };

/** A pool with its selector read once. */
export interface CompiledPool extends NamedPool {
  readonly selects: LabelPredicate;
}

/**
 * Pools in order of name, ready to be asked for many nodes. Pools that only carry OVS hardware offload select nothing here; a pool
 * without a selector selects every node. A pool whose selector cannot be read selects nothing and is named in `problems`.
 */
export function compilePools(pools: readonly NamedPool[]): { readonly pools: readonly CompiledPool[]; readonly problems: ReadonlyMap<string, string> } {
  const compiled: CompiledPool[] = [];
  const problems = new Map<string, string>();
  for (const pool of pools.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (pool.spec.ovsHardwareOffloadConfig?.name) continue;
    const predicate = labelPredicate(pool.spec.nodeSelector ?? {});
    if (predicate.ok) compiled.push({ ...pool, selects: predicate.value });
    else problems.set(pool.name, predicate.error);
  }
  return { pools: compiled, problems };
}

/** The pool of a node with these labels. */
export function poolOfNode(pools: readonly CompiledPool[], labels: Labels): PoolMembership {
  const own = pools.filter((pool) => pool.selects(labels));
  const [first] = own;
  if (first === undefined) return { kind: 'default' };
  return own.length === 1 ? { kind: 'pool', pool: first } : { kind: 'conflict', pools: own };
}

/** Nodes of the default pool drained at once. */
export const DEFAULT_POOL_MAX_UNAVAILABLE = 1;

/** How many nodes of a pool may be unavailable. */
export interface MaxUnavailableError {
  readonly kind: 'negative' | 'notAPercentage' | 'percentageOutOfRange' | 'notAnInteger';
  readonly cause: string;
  readonly remedy: string;
}

/**
 * `maxUnavailable` as a number of nodes: Infinity when unset; a number as it is (0 pauses draining); a percentage of `poolSize`,
 * rounded down, but never below 1, since a pool could otherwise never be configured.
 */
export function resolveMaxUnavailable(value: number | string | undefined, poolSize: number): Result<number, MaxUnavailableError> {
  if (value === undefined) return ok(Number.POSITIVE_INFINITY);
  const remedy = 'set maxUnavailable to a number of nodes, or to a percentage from "1%" to "100%"';
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return fail({ kind: 'notAnInteger', cause: `maxUnavailable is ${value}, which is no whole number`, remedy });
    return value < 0 ? fail({ kind: 'negative', cause: `maxUnavailable is ${value}; it cannot be negative`, remedy }) : ok(value);
  }
  const percentage = /^(\d{1,9})%$/.exec(value);
  if (percentage === null) return fail({ kind: 'notAPercentage', cause: `maxUnavailable is "${value}", which is no percentage`, remedy });
  const percent = Number(percentage[1]);
  if (percent < 1 || percent > 100) return fail({ kind: 'percentageOutOfRange', cause: `maxUnavailable is "${value}", which is not between 1% and 100%`, remedy });
  return ok(Math.max(1, Math.floor((poolSize * percent) / 100)));
}
