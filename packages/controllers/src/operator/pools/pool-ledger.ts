import type { CompiledPool, DrainProgress, DrainRequest, Labels, MaxUnavailableError, NamedPool, PoolMembership, Result } from '@vfleet/core';
import { DEFAULT_POOL_MAX_UNAVAILABLE, compilePools, ok, poolOfNode, resolveMaxUnavailable } from '@vfleet/core';

/** What a node's annotations say of draining. */
export interface DrainView {
  readonly wants: DrainRequest;
  readonly progress: DrainProgress;
  /** Drained by somebody else: counted, never started here. */
  readonly external: boolean;
}

export const IDLE: DrainView = { wants: 'Idle', progress: 'Idle', external: false };

/** The nodes of no pool; no pool can have this name. */
export const DEFAULT_POOL = '';

export type Reservation = 'reserved' | 'atCapacity' | 'inTwoPools' | 'limitUnreadable' | 'notWaiting';

interface NodeEntry {
  labels: Labels;
  membership: PoolMembership;
  view: DrainView;
  /** Chosen to start; its annotation is being written. */
  reserved: boolean;
  /** Who was last in the row when it began to wait. */
  behind?: string;
}

interface PoolEntry {
  readonly members: Set<string>;
  /** Draining, drained, or about to be. */
  readonly unavailable: Set<string>;
  /** Wants to be drained and may be started here; in order of asking. */
  readonly waiting: Set<string>;
  /** Who began to wait last. */
  last?: string;
}

/** Whom a node waits for: those that are drained, when it is the next; else the one before it in the row. */
export type WaitsFor = { readonly kind: 'drained'; readonly nodes: readonly string[] } | { readonly kind: 'next'; readonly node: string };

const NOWHERE: PoolEntry = { members: new Set(), unavailable: new Set(), waiting: new Set() };

/** Which node is in which pool, and how many of a pool may still be drained. What one node changes costs the same in any fleet. */
export class PoolLedger {
  readonly #nodes = new Map<string, NodeEntry>();
  readonly #pools = new Map<string, PoolEntry>();
  #compiled: readonly CompiledPool[] = [];
  #problems: ReadonlyMap<string, string> = new Map();

  /** Returns the nodes whose pool, or the RDMA mode of whose pool, may have changed: all of them. */
  setPools(pools: readonly NamedPool[]): readonly string[] {
    const { pools: compiled, problems } = compilePools(pools);
    this.#compiled = compiled;
    this.#problems = problems;
    for (const [name, entry] of this.#nodes) {
      this.#leave(name, entry);
      entry.membership = poolOfNode(compiled, entry.labels);
      this.#enter(name, entry);
    }
    return [...this.#nodes.keys()];
  }

  /** Returns whether the node is now in another pool. */
  setNode(name: string, labels: Labels): boolean {
    const entry = this.#nodes.get(name);
    const membership = poolOfNode(this.#compiled, labels);
    if (entry === undefined) {
      const added: NodeEntry = { labels, membership, view: IDLE, reserved: false };
      this.#nodes.set(name, added);
      this.#enter(name, added);
      return true;
    }
    const changed = poolKeys(membership).join() !== poolKeys(entry.membership).join();
    this.#leave(name, entry);
    entry.labels = labels;
    entry.membership = membership;
    this.#enter(name, entry);
    return changed;
  }

  deleteNode(name: string): void {
    const entry = this.#nodes.get(name);
    if (entry === undefined) return;
    this.#leave(name, entry);
    this.#nodes.delete(name);
    for (const pool of this.#pools.values()) pool.waiting.delete(name);
  }

  /** What the node's annotations say now; ignored for a node that does not exist. */
  setDrain(name: string, view: DrainView): void {
    const entry = this.#nodes.get(name);
    if (entry === undefined) return;
    this.#leave(name, entry);
    entry.view = view;
    if (view.progress !== 'Idle') entry.reserved = false;
    this.#enter(name, entry);
  }

  membership(name: string): PoolMembership {
    return this.#nodes.get(name)?.membership ?? { kind: 'default' };
  }

  /** Keys of the pools that a node counts in: one, or all of a conflict. */
  poolsOf(name: string): readonly string[] {
    const entry = this.#nodes.get(name);
    return entry === undefined ? [] : poolKeys(entry.membership);
  }

  poolNames(): readonly string[] {
    return this.#compiled.map((pool) => pool.name);
  }

  /** Why a pool's selector cannot be read. */
  selectorProblem(pool: string): string | undefined {
    return this.#problems.get(pool);
  }

  size(pool: string): number {
    return this.#pool(pool).members.size;
  }

  unavailable(pool: string): number {
    return this.#pool(pool).unavailable.size;
  }

  /** Nodes that this pool selects and another one as well, in order of name. */
  conflicts(pool: string): readonly string[] {
    return [...this.#pool(pool).members].filter((name) => this.#nodes.get(name)!.membership.kind === 'conflict').sort();
  }

  /** How many nodes of a pool may be unavailable at once; Infinity when there is no limit. */
  limit(pool: string): Result<number, MaxUnavailableError> {
    if (pool === DEFAULT_POOL) return ok(DEFAULT_POOL_MAX_UNAVAILABLE);
    const spec = this.#compiled.find((candidate) => candidate.name === pool)?.spec;
    return resolveMaxUnavailable(spec?.maxUnavailable, this.size(pool));
  }

  /**
   * Takes a place in its pool for a node that waits. The place is kept, and given again when asked again, until the annotations say
   * that the drain has begun, or until {@link release}: the answer to the write that begins it may be lost, and the cache be late.
   */
  reserve(name: string): Reservation {
    const entry = this.#nodes.get(name);
    if (entry?.reserved === true) return 'reserved';
    if (entry === undefined || !isWaiting(entry)) return 'notWaiting';
    const pool = poolKeys(entry.membership)[0]!;
    if (entry.membership.kind === 'conflict') return 'inTwoPools';
    const limit = this.limit(pool);
    if (!limit.ok) return 'limitUnreadable';
    if (this.unavailable(pool) >= limit.value) return 'atCapacity';
    this.#leave(name, entry);
    entry.reserved = true;
    this.#enter(name, entry);
    return 'reserved';
  }

  isReserved(name: string): boolean {
    return this.#nodes.get(name)?.reserved ?? false;
  }

  /** Gives the place back: it is certain that the drain has not begun. */
  release(name: string): void {
    const entry = this.#nodes.get(name);
    if (entry === undefined || !entry.reserved) return;
    this.#leave(name, entry);
    entry.reserved = false;
    this.#enter(name, entry);
  }

  /** Nodes of a pool that wait and for which there is room, the longest waiting first; at most `most`. */
  startable(pool: string, most: number, eligible: (name: string) => boolean = () => true): readonly string[] {
    const limit = this.limit(pool);
    if (!limit.ok) return [];
    const room = Math.min(most, limit.value - this.unavailable(pool));
    const names: string[] = [];
    for (const name of this.#pool(pool).waiting) {
      if (names.length >= room) break;
      if (eligible(name)) names.push(name);
    }
    return names;
  }

  /** The node of a pool that waits longest. */
  firstWaiting(pool: string): string | undefined {
    const [first] = this.#pool(pool).waiting;
    return first;
  }

  /** For a node that waits for a place in its pool; costs nothing in a long row. */
  waitsFor(name: string): WaitsFor {
    const entry = this.#nodes.get(name);
    const pool = this.#pool(entry === undefined ? DEFAULT_POOL : poolKeys(entry.membership)[0]!);
    const [first] = pool.waiting;
    if (entry === undefined || first === undefined || first === name) return { kind: 'drained', nodes: [...pool.unavailable].sort() };
    return { kind: 'next', node: entry.behind !== undefined && pool.waiting.has(entry.behind) ? entry.behind : first };
  }

  #pool(key: string): PoolEntry {
    return this.#pools.get(key) ?? NOWHERE;
  }

  #leave(name: string, entry: NodeEntry): void {
    for (const key of poolKeys(entry.membership)) {
      const pool = this.#pools.get(key);
      if (pool === undefined) continue;
      pool.members.delete(name);
      pool.unavailable.delete(name);
      if (pool.members.size === 0) this.#pools.delete(key);
    }
  }

  #enter(name: string, entry: NodeEntry): void {
    for (const key of poolKeys(entry.membership)) {
      let pool = this.#pools.get(key);
      if (pool === undefined) {
        pool = { members: new Set(), unavailable: new Set(), waiting: new Set() };
        this.#pools.set(key, pool);
      }
      pool.members.add(name);
      if (entry.reserved || entry.view.progress !== 'Idle') pool.unavailable.add(name);
    }
    this.#updateWaiting(name, entry);
  }

  /** Kept apart from the other sets, so that a node that goes on waiting keeps its place in the row. */
  #updateWaiting(name: string, entry: NodeEntry): void {
    const own = poolKeys(entry.membership);
    for (const [key, pool] of this.#pools) {
      if (!own.includes(key) || !isWaiting(entry) || entry.membership.kind === 'conflict') pool.waiting.delete(name);
      else if (!pool.waiting.has(name)) {
        if (pool.last !== undefined && pool.waiting.has(pool.last)) entry.behind = pool.last;
        else delete entry.behind;
        pool.waiting.add(name);
        pool.last = name;
      }
    }
  }
}

function isWaiting({ view, reserved }: NodeEntry): boolean {
  return view.wants !== 'Idle' && view.progress === 'Idle' && !view.external && !reserved;
}

function poolKeys(membership: PoolMembership): readonly string[] {
  switch (membership.kind) {
    case 'default':
      return [DEFAULT_POOL];
    case 'pool':
      return [membership.pool.name];
    case 'conflict':
      return membership.pools.map((pool) => pool.name);
  }
}
