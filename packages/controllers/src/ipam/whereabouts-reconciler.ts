import { isKubeError } from '@vfleet/core';
import type { Clock, Kube, KubeObject, Log, Resource, Timer } from '@vfleet/core';
import { pods } from '@vfleet/kube';
import { ipPools, ipReservations } from './whereabouts.ts';
import type { IpPool, IpReservation } from './whereabouts.ts';

export interface WhereaboutsReconcilerPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  /** Of several replicas one at a time does it; a second one would do no harm. */
  readonly isLeading: () => boolean;
}

const NAMESPACE = 'kube-system';
/** What is stale is seen twice before it goes: a pod that is being deleted is given the time between to call DEL. */
const LOOK_MS = 600_000;

/**
 * Takes back, cluster-wide, addresses of pods that are no more: of nodes that were lost, of pods that were deleted by force. Whereabouts has
 * a job for this (doc/extended-configuration.md, "IP Reconciliation"); where both run, either finds nothing left to do.
 */
export class WhereaboutsReconciler {
  readonly #ports: WhereaboutsReconcilerPorts;
  /** What the look before this one found. */
  #suspects: ReadonlySet<string> = new Set();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(ports: WhereaboutsReconcilerPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#later();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #later(): void {
    if (!this.#stopped) this.#timer = this.#ports.clock.setTimer(LOOK_MS, () => void this.look().finally(() => this.#later()));
  }

  /** One look; what it finds goes with the next one that finds it too. */
  async look(): Promise<void> {
    if (!this.#ports.isLeading()) {
      this.#suspects = new Set();
      return;
    }
    try {
      await this.#collect();
    } catch (error) {
      if (!isKubeError(error)) throw error;
      this.#ports.log.warn('Addresses of pods that are gone could not be looked for.', { cause: error.message });
    }
  }

  async #collect(): Promise<void> {
    // Pods after addresses: whoever got one meanwhile is among them.
    const [pools, reservations] = [await this.#all(ipPools), await this.#all(ipReservations)];
    const isGone = await this.#gonePods(pools, reservations);
    const found = new Set<string>();
    /** Whether something is stale for the second time in a row. */
    const isStale = (key: string, podref: string): boolean => {
      if (!isGone(podref)) return false;
      found.add(key);
      return this.#suspects.has(key);
    };
    const before = this.#suspects;
    for (const reservation of reservations) {
      const { containerid = '', podref } = reservation.spec;
      if (isStale(`reservation ${reservation.metadata.name} ${containerid}`, podref)) await this.#removeReservation(reservation);
    }
    for (const pool of pools) await this.#freeOf(pool, (offset, { id, podref }) => isStale(`${pool.metadata.name} ${offset} ${id}`, podref));
    this.#suspects = found;
    if (before.size === 0 && found.size > 0) this.#ports.log.info('Addresses of pods that are gone go back with the next look, if they are still there.', { addresses: found.size });
  }

  /** By name. Of a text that names no pod nobody knows; that a pod of a list is gone is asked of the API server itself. */
  async #gonePods(pools: readonly IpPool[], reservations: readonly IpReservation[]): Promise<(podref: string) => boolean> {
    const named = new Set([...pools.flatMap(({ spec }) => Object.values(spec.allocations).map(({ podref }) => podref)), ...reservations.map(({ spec }) => spec.podref)].filter((podref) => /^[^/]+\/[^/]+$/.test(podref)));
    if (named.size === 0) return () => false;
    const there = new Set((await this.#all(pods)).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
    const gone = new Set<string>();
    for (const podref of named) {
      if (there.has(podref)) continue;
      const [namespace = '', name = ''] = podref.split('/');
      if (await this.#isMissing(() => this.#ports.kube.get(pods, { namespace, name }))) gone.add(podref);
    }
    return (podref) => gone.has(podref);
  }

  async #freeOf(pool: IpPool, isStale: (offset: string, allocation: IpPool['spec']['allocations'][string]) => boolean): Promise<void> {
    const entries = Object.entries(pool.spec.allocations);
    const kept = entries.filter(([offset, allocation]) => !isStale(offset, allocation));
    if (kept.length === entries.length) return;
    // A pool that has changed meanwhile is left for the next look.
    const isLost = await this.#isMissing(() => this.#ports.kube.update(ipPools, { ...pool, spec: { ...pool.spec, allocations: Object.fromEntries(kept) } }), 'Conflict');
    if (!isLost) this.#ports.log.info('Addresses of pods that are gone are free again.', { pool: pool.metadata.name, addresses: entries.length - kept.length });
  }

  async #removeReservation({ metadata: { name, uid, resourceVersion } }: IpReservation): Promise<void> {
    const preconditions = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    await this.#isMissing(() => this.#ports.kube.delete(ipReservations, { namespace: NAMESPACE, name }, { preconditions }), 'Conflict');
  }

  /** Nothing where whereabouts is not installed. */
  async #all<Type extends KubeObject>(resource: Resource<Type>): Promise<readonly Type[]> {
    const items: Type[] = [];
    let continueAt: string | undefined;
    do {
      const page = await this.#page(resource, continueAt);
      if (page === undefined) return [];
      items.push(...page.items);
      continueAt = page.continue;
    } while (continueAt !== undefined);
    return items;
  }

  async #page<Type extends KubeObject>(resource: Resource<Type>, continueAt: string | undefined) {
    try {
      return await this.#ports.kube.list(resource, { ...(resource.plural === pods.plural ? {} : { namespace: NAMESPACE }), limit: 500, ...(continueAt === undefined ? {} : { continue: continueAt }) });
    } catch (error) {
      if (isKubeError(error, 'NotFound') && resource.plural !== pods.plural) return undefined;
      throw error;
    }
  }

  /** Whether it is not there, or as `also` says. */
  async #isMissing(work: () => Promise<unknown>, also?: 'Conflict'): Promise<boolean> {
    try {
      await work();
      return false;
    } catch (error) {
      if (isKubeError(error, 'NotFound') || (also !== undefined && isKubeError(error, also))) return true;
      throw error;
    }
  }
}
