import { fail, isKubeError, ok } from '@vfleet/core';
import type { Clock, Kube, KubeObject, ObjectKey, Random, Resource, Result } from '@vfleet/core';
import { backoffMs, pods } from '@vfleet/kube';
import { compareIps, formatIp, formatPrefix, ipPlus, prefixContains, sameIp } from './ip.ts';
import type { IpAddress } from './ip.ts';
import { invalidIpam } from './ipam.ts';
import type { AssignedIp, Ipam, IpamError, IpamRequest, IpamResult } from './ipam.ts';
import { NodeSlices } from './node-slices.ts';
import { parseWhereabouts, wholeRange } from './whereabouts-config.ts';
import type { WhereaboutsConfig, WhereaboutsRange } from './whereabouts-config.ts';

interface Allocation {
  readonly id: string;
  readonly podref: string;
  readonly ifname?: string;
}

/** whereabouts.cni.cncf.io/v1alpha1 IPPool: allocations by offset from the subnet's first address. */
export interface IpPool extends KubeObject {
  readonly spec: { readonly range: string; readonly allocations: Readonly<Record<string, Allocation>> };
}

/** whereabouts.cni.cncf.io/v1alpha1 OverlappingRangeIPReservation, named by its address. */
export interface IpReservation extends KubeObject {
  readonly spec: { readonly containerid?: string; readonly podref: string; readonly ifname?: string };
}

const GROUP = { group: 'whereabouts.cni.cncf.io', version: 'v1alpha1', namespaced: true } as const;
export const ipPools: Resource<IpPool> = { ...GROUP, plural: 'ippools', kind: 'IPPool' };
export const ipReservations: Resource<IpReservation> = { ...GROUP, plural: 'overlappingrangeipreservations', kind: 'OverlappingRangeIPReservation' };

export interface WhereaboutsPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  /** Without it ranges that are divided among nodes are refused. */
  readonly nodeName?: string;
}

/** Where whereabouts keeps its objects unless its kubeconfig says otherwise. */
const NAMESPACE = 'kube-system';
const RETRY = { initialMs: 20, maxMs: 1_000 };
/** Every try but the last was lost to somebody who got an address: with a hundred at once, one waits for ninety-nine. */
const TRIES_MAX = 200;

/** Of a full range so many pods are asked after, at a few milliseconds each: the runtime waits for the answer. */
const PODS_ASKED_MAX = 256;

/** Where addresses of one range come from here: the range, or the node's slice of it. */
interface Source {
  readonly key: ObjectKey;
  readonly range: WhereaboutsRange;
  /** Of the addresses that are given out. */
  readonly prefixLength: number;
}

type Owner = Pick<IpamRequest, 'containerId' | 'ifname' | 'pod'>;

/**
 * Addresses for the whole cluster, in the objects that whereabouts keeps: either may follow the other. The pool is the record, changed only
 * as it was read; the reservation that keeps addresses unique over ranges comes after it and goes before it, so that whatever is interrupted, DEL
 * finds it. Addresses of pods that no longer are, as of a node that was lost, are taken back when a range is full and not before: that a pod
 * is gone is then asked of the API server itself, and nobody's address is at stake for a look at an old list.
 */
export class Whereabouts implements Ipam {
  readonly #ports: WhereaboutsPorts;

  constructor(ports: WhereaboutsPorts) {
    this.#ports = ports;
  }

  allocate(request: IpamRequest): Promise<Result<IpamResult, IpamError>> {
    return this.#withConfig(request, async (config) => {
      const sources = await this.#sources(config, request.network, 'take');
      if (!sources.ok) return sources;
      const ips: AssignedIp[] = [];
      for (const source of sources.value) {
        const address = await this.#allocateFrom(config, source, request);
        if (!address.ok) {
          await this.#releaseAll(config, sources.value, request);
          return address;
        }
        const { gateway } = config;
        const ownGateway = gateway?.family === address.value.family ? { gateway: formatIp(gateway) } : {};
        ips.push({ address: `${formatIp(address.value)}/${source.prefixLength}`, ...ownGateway });
      }
      return ok({ ips, routes: config.routes, dns: config.dns });
    });
  }

  release(request: Omit<IpamRequest, 'requestedIps'>): Promise<Result<void, IpamError>> {
    return this.#withConfig(request, async (config) => {
      const sources = await this.#sources(config, request.network, 'held');
      if (!sources.ok) return sources;
      await this.#releaseAll(config, sources.value, request);
      return ok(undefined);
    });
  }

  check(request: Omit<IpamRequest, 'requestedIps'>): Promise<Result<void, IpamError>> {
    return this.#withConfig(request, async (config) => {
      const sources = await this.#sources(config, request.network, 'held');
      if (!sources.ok) return sources;
      for (const { key, range } of sources.value) {
        const pool = await this.#pool(key);
        if (pool === undefined || offsetOf(pool, request) === undefined) return notReserved(request, range);
      }
      return sources.value.length === 0 ? notReserved(request, config.ranges[0]!) : ok(undefined);
    });
  }

  /** `held`: of a range that is divided, what this node has of it; without a slice there is none. */
  async #sources(config: WhereaboutsConfig, network: string, how: 'take' | 'held'): Promise<Result<readonly Source[], IpamError>> {
    const { sliceLength, networkName, ranges } = config;
    if (sliceLength === undefined) return ok(ranges.map((range) => ({ key: keyOf(config, range), range, prefixLength: range.subnet.length })));
    const { kube, clock, random, nodeName } = this.#ports;
    if (nodeName === undefined) return invalidIpam('whereabouts: "node_slice_size" needs the daemon of a node');
    const name = networkName === '' ? network : networkName;
    if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) return invalidIpam(`whereabouts: the slices of the network ${JSON.stringify(name)} cannot have an object of that name; give it a network_name`);
    const slices = new NodeSlices(kube, nodeName, (attempt) => clock.sleep(backoffMs(RETRY, Math.min(attempt, 5), random)));
    const [range] = ranges;
    const sliced = { key: { namespace: NAMESPACE, name }, range: range!.subnet, sliceLength };
    const slice = how === 'take' ? await slices.take(sliced) : ok(await slices.held(sliced));
    if (!slice.ok) return slice;
    if (slice.value === undefined) return ok([]);
    const own = { ...wholeRange(slice.value), excluded: range!.excluded };
    return ok([{ key: { namespace: NAMESPACE, name: named(networkName, `${nodeName}-${formatPrefix(own.subnet)}`) }, range: own, prefixLength: range!.subnet.length }]);
  }

  /** The API server's refusals as errors: what passes is tried again by the runtime. */
  async #withConfig<Value>(request: Omit<IpamRequest, 'requestedIps'>, work: (config: WhereaboutsConfig) => Promise<Result<Value, IpamError>>): Promise<Result<Value, IpamError>> {
    const config = parseWhereabouts(request.config);
    if (!config.ok) return invalidIpam(`whereabouts: ${config.error}`);
    try {
      return await work(config.value);
    } catch (error) {
      if (!isKubeError(error)) throw error;
      const missing = isKubeError(error, 'NotFound');
      return fail({
        code: missing ? 'storage' : 'tryAgain', cause: `whereabouts: the address pool could not be changed: ${error.message}`,
        remedy: missing ? 'Install the custom resource definitions of whereabouts.' : 'The API server did not take it as expected; the runtime tries again.',
      });
    }
  }

  async #allocateFrom(config: WhereaboutsConfig, { key, range }: Source, request: IpamRequest): Promise<Result<IpAddress, IpamError>> {
    const taken = new Set<string>();
    for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
      const pool = (await this.#pool(key)) ?? (await this.#createPool(key, range));
      const held = pool === undefined ? undefined : offsetOf(pool, request);
      const offset = held ?? (pool === undefined ? undefined : freeOffset(config, range, pool, taken));
      if (pool !== undefined && offset === undefined) {
        if (await this.#collectGarbage(config, range, pool)) continue;
        return exhausted(range);
      }
      if (pool !== undefined && offset !== undefined) {
        const address = ipPlus(range.subnet.address, BigInt(offset));
        const noted = held !== undefined || (await this.#changed(pool, { ...pool.spec.allocations, [offset]: allocationOf(request) }));
        if (noted && (!config.unique || (await this.#reserve(config, address, request)))) return ok(address);
        if (noted) {
          // Another range of the cluster has the address.
          taken.add(formatIp(address));
          await this.#forget(key, request);
          continue;
        }
      }
      await this.#ports.clock.sleep(backoffMs(RETRY, Math.min(attempt, 5), this.#ports.random));
    }
    return fail({ code: 'tryAgain', cause: `whereabouts: the pool ${key.name} changed faster than an address could be taken from it`, remedy: 'The runtime tries again.' });
  }

  async #releaseAll(config: WhereaboutsConfig, sources: readonly Source[], owner: Owner): Promise<void> {
    for (const { key, range } of sources) {
      const pool = await this.#pool(key);
      const offset = pool === undefined ? undefined : offsetOf(pool, owner);
      if (offset === undefined) continue;
      if (config.unique) await this.#unreserve(config, ipPlus(range.subnet.address, BigInt(offset)), owner);
      await this.#forget(key, owner);
    }
  }

  /** Takes back what pods have that are gone. False when there is nothing of that kind. */
  async #collectGarbage(config: WhereaboutsConfig, { subnet }: WhereaboutsRange, pool: IpPool): Promise<boolean> {
    const gone = new Map<string, Allocation>();
    const known = new Map<string, boolean>();
    for (const [offset, allocation] of Object.entries(pool.spec.allocations)) {
      const { podref } = allocation;
      if (!known.has(podref) && known.size >= PODS_ASKED_MAX) break;
      const isGone = known.get(podref) ?? (await this.#isGone(podref));
      known.set(podref, isGone);
      if (isGone) gone.set(offset, allocation);
    }
    if (gone.size === 0) return false;
    for (const [offset, { id, ifname }] of gone) {
      if (config.unique && /^\d+$/.test(offset)) await this.#unreserve(config, ipPlus(subnet.address, BigInt(offset)), { containerId: id, ifname: ifname ?? '' });
    }
    // Whoever changed the pool meanwhile has made room, or needs the same: it is looked at again either way.
    await this.#changed(pool, Object.fromEntries(Object.entries(pool.spec.allocations).filter(([offset]) => !gone.has(offset))));
    return true;
  }

  /** Of a text that names no pod nobody knows. */
  async #isGone(podref: string): Promise<boolean> {
    const [namespace, name, ...rest] = podref.split('/');
    if (namespace === undefined || namespace === '' || name === undefined || name === '' || rest.length > 0) return false;
    return (await this.#orUndefined('NotFound', () => this.#ports.kube.get(pods, { namespace, name }))) === undefined;
  }

  async #forget(key: ObjectKey, owner: Owner): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const pool = await this.#pool(key);
      const offset = pool === undefined ? undefined : offsetOf(pool, owner);
      if (pool === undefined || offset === undefined) return;
      const { [offset]: _, ...rest } = pool.spec.allocations;
      if (await this.#changed(pool, rest)) return;
      await this.#ports.clock.sleep(backoffMs(RETRY, Math.min(attempt, 5), this.#ports.random));
    }
  }

  async #pool(key: ObjectKey): Promise<IpPool | undefined> {
    return this.#orUndefined('NotFound', () => this.#ports.kube.get(ipPools, key));
  }

  /** Undefined when somebody else was quicker. */
  #createPool(key: ObjectKey, range: WhereaboutsRange): Promise<IpPool | undefined> {
    const pool: IpPool = { apiVersion: 'whereabouts.cni.cncf.io/v1alpha1', kind: 'IPPool', metadata: { ...key }, spec: { range: formatPrefix(range.subnet), allocations: {} } };
    return this.#orUndefined('AlreadyExists', () => this.#ports.kube.create(ipPools, pool));
  }

  /** False when the pool is no longer as it was read. */
  async #changed(pool: IpPool, allocations: IpPool['spec']['allocations']): Promise<boolean> {
    return (await this.#orUndefined('Conflict', () => this.#ports.kube.update(ipPools, { ...pool, spec: { ...pool.spec, allocations } }))) !== undefined;
  }

  /** False when the address is another's, in this or in another range. */
  async #reserve(config: WhereaboutsConfig, address: IpAddress, owner: Owner): Promise<boolean> {
    const key = reservationKey(config, address);
    const { id, podref } = allocationOf(owner);
    const reservation: IpReservation = { apiVersion: 'whereabouts.cni.cncf.io/v1alpha1', kind: 'OverlappingRangeIPReservation', metadata: { ...key }, spec: { containerid: id, podref, ifname: owner.ifname } };
    if ((await this.#orUndefined('AlreadyExists', () => this.#ports.kube.create(ipReservations, reservation))) !== undefined) return true;
    const there = await this.#orUndefined('NotFound', () => this.#ports.kube.get(ipReservations, key));
    return there !== undefined && isOf(there, owner);
  }

  async #unreserve(config: WhereaboutsConfig, address: IpAddress, owner: Owner): Promise<void> {
    const key = reservationKey(config, address);
    const there = await this.#orUndefined('NotFound', () => this.#ports.kube.get(ipReservations, key));
    if (there === undefined || !isOf(there, owner)) return;
    const { uid, resourceVersion } = there.metadata;
    await this.#orUndefined('NotFound', () => this.#ports.kube.delete(ipReservations, key, { preconditions: { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) } }));
  }

  async #orUndefined<Value>(reason: 'NotFound' | 'AlreadyExists' | 'Conflict', work: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await work();
    } catch (error) {
      if (isKubeError(error, reason)) return undefined;
      throw error;
    }
  }
}

function allocationOf({ containerId, ifname, pod }: Owner): Allocation {
  return { id: containerId, podref: `${pod?.namespace ?? ''}/${pod?.name ?? ''}`, ifname };
}

function isOf({ spec }: IpReservation, { containerId, ifname }: Owner): boolean {
  // Releases of whereabouts before 0.7 wrote no interface.
  return spec.containerid === containerId && (spec.ifname ?? ifname) === ifname;
}

function offsetOf({ spec: { allocations } }: IpPool, { containerId, ifname }: Owner): string | undefined {
  return Object.keys(allocations).find((offset) => allocations[offset]!.id === containerId && (allocations[offset]!.ifname ?? ifname) === ifname);
}

/** The lowest free offset; looks at no more addresses than are taken, plus those left out. */
function freeOffset({ gateway }: WhereaboutsConfig, { subnet, start, end, excluded }: WhereaboutsRange, { spec: { allocations } }: IpPool, taken: ReadonlySet<string>): string | undefined {
  for (let address = start; compareIps(address, end) <= 0; ) {
    const block = excluded.find((prefix) => prefixContains(prefix, address));
    if (block !== undefined) {
      address = ipPlus(block.address, 1n << BigInt((block.address.family === 4 ? 32 : 128) - block.length));
      continue;
    }
    const offset = String(address.value - subnet.address.value);
    const isGateway = gateway !== undefined && sameIp(gateway, address);
    if (!isGateway && !Object.hasOwn(allocations, offset) && !taken.has(formatIp(address))) return offset;
    address = ipPlus(address, 1n);
  }
  return undefined;
}

function notReserved({ ifname, containerId }: Owner, { subnet }: WhereaboutsRange): Result<never, IpamError> {
  return fail({ code: 'notReserved', cause: `no address of ${formatPrefix(subnet)} is reserved for ${ifname} of ${containerId}`, remedy: 'Delete the pod, so that it is attached anew.' });
}

function exhausted({ start, end }: WhereaboutsRange): Result<never, IpamError> {
  return fail({ code: 'exhausted', cause: `whereabouts: no address is left in ${formatIp(start)}-${formatIp(end)}`, remedy: 'Widen the range in the ipam section, or delete pods that use this network.' });
}

/** Names as whereabouts makes them: `[network_name-]range` with `/` and `:` as `-`. */
function keyOf({ networkName }: WhereaboutsConfig, { subnet }: WhereaboutsRange): ObjectKey {
  return { namespace: NAMESPACE, name: named(networkName, formatPrefix(subnet)) };
}

function reservationKey({ networkName }: WhereaboutsConfig, address: IpAddress): ObjectKey {
  const text = formatIp(address);
  return { namespace: NAMESPACE, name: named(networkName, text.endsWith(':') ? `${text}0` : text) };
}

function named(networkName: string, text: string): string {
  return `${networkName === '' ? '' : `${networkName}-`}${text.replaceAll(/[:/]/g, '-')}`;
}
