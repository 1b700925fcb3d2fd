import { fail, isKubeError, ok } from '@vfleet/core';
import type { Kube, KubeObject, ObjectKey, Resource, Result } from '@vfleet/core';
import { nodes } from '@vfleet/kube';
import { bitsOf, formatPrefix, ipPlus, parsePrefix, sameIp } from './ip.ts';
import type { IpPrefix } from './ip.ts';
import { EDIT_IPAM } from './ipam.ts';
import type { IpamError } from './ipam.ts';

interface SliceAllocation {
  /** Empty while the slice is nobody's. */
  readonly nodeName: string;
  readonly sliceRange: string;
}

/** whereabouts.cni.cncf.io/v1alpha1 NodeSlicePool: which node has which part of a range. */
export interface NodeSlicePool extends KubeObject {
  readonly spec: { readonly range: string; readonly sliceSize: string };
  readonly status?: { readonly allocations?: readonly SliceAllocation[] };
}

const API_VERSION = 'whereabouts.cni.cncf.io/v1alpha1';
export const nodeSlicePools: Resource<NodeSlicePool> = { group: 'whereabouts.cni.cncf.io', version: 'v1alpha1', namespaced: true, plural: 'nodeslicepools', kind: 'NodeSlicePool' };

/** All slices of a range are written into one object, some 60 bytes each. */
const SLICES_MAX = 4_096;
/** With a node's first pod in a network each of its hundred takes a slice: all but one lose. */
const TRIES_MAX = 200;

/** The slices of a range, in order. The failure is a sentence. */
export function slicesOf({ address, length }: IpPrefix, sliceLength: number): Result<readonly IpPrefix[], string> {
  const bits = bitsOf(address.family);
  if (sliceLength < length) return fail(`a slice of /${sliceLength} is larger than the range ${formatPrefix({ address, length })}`);
  if (sliceLength > bits - 2) return fail(`a slice of /${sliceLength} has no address to give out`);
  if (sliceLength - length > Math.log2(SLICES_MAX)) return fail(`${formatPrefix({ address, length })} has more than ${SLICES_MAX} slices of /${sliceLength}`);
  const size = 1n << BigInt(bits - sliceLength);
  return ok(Array.from({ length: 2 ** (sliceLength - length) }, (_, index) => ({ address: ipPlus(address, BigInt(index) * size), length: sliceLength })));
}

export interface SlicedRange {
  readonly key: ObjectKey;
  readonly range: IpPrefix;
  readonly sliceLength: number;
}

/**
 * The part of a range that is one node's. Where the controller of whereabouts runs it has dealt the slices out; a node that has none takes
 * the first that is nobody's, by the object as it was read, so that no two nodes have one.
 */
export class NodeSlices {
  readonly #kube: Kube;
  readonly #nodeName: string;
  readonly #pause: (attempt: number) => Promise<void>;

  constructor(kube: Kube, nodeName: string, pause: (attempt: number) => Promise<void>) {
    this.#kube = kube;
    this.#nodeName = nodeName;
    this.#pause = pause;
  }

  /** What this node has; undefined while that is nothing. */
  async held({ key }: SlicedRange): Promise<IpPrefix | undefined> {
    const pool = await this.#orUndefined(['NotFound'], () => this.#kube.get(nodeSlicePools, key));
    const own = pool?.status?.allocations?.find(({ nodeName }) => nodeName === this.#nodeName);
    const slice = own === undefined ? undefined : parsePrefix(own.sliceRange);
    return slice?.ok === true ? slice.value : undefined;
  }

  /** What this node has, or takes. */
  async take(sliced: SlicedRange): Promise<Result<IpPrefix, IpamError>> {
    for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
      const pool = await this.#orUndefined(['NotFound'], () => this.#kube.get(nodeSlicePools, sliced.key));
      if (pool === undefined) await this.#create(sliced);
      else {
        const taken = await this.#takeFrom(pool, sliced);
        if (taken !== undefined) return taken;
        await this.#pause(attempt);
      }
    }
    return fail({ code: 'tryAgain', cause: `whereabouts: the slices of ${sliced.key.name} changed faster than one could be taken`, remedy: 'The runtime tries again.' });
  }

  /** Undefined when somebody else was quicker. */
  async #takeFrom(pool: NodeSlicePool, sliced: SlicedRange): Promise<Result<IpPrefix, IpamError> | undefined> {
    const { key, range, sliceLength } = sliced;
    const [divided, length] = [parsePrefix(pool.spec.range), Number(pool.spec.sliceSize.replace('/', ''))];
    if (!divided.ok || !sameIp(divided.value.address, range.address) || divided.value.length !== range.length || length !== sliceLength) {
      return fail({ code: 'invalidConfig', cause: `whereabouts: the NodeSlicePool ${key.name} divides ${pool.spec.range} by ${pool.spec.sliceSize}, and this network ${formatPrefix(range)} by /${sliceLength}`, remedy: `${EDIT_IPAM} Or delete the NodeSlicePool when no pod has an address of it any more.` });
    }
    const slices = slicesOf(range, sliceLength);
    if (!slices.ok) return fail({ code: 'invalidConfig', cause: `whereabouts: ${slices.error}`, remedy: EDIT_IPAM });
    const known = pool.status?.allocations ?? [];
    const allocations = known.length > 0 ? known : slices.value.map((slice): SliceAllocation => ({ nodeName: '', sliceRange: formatPrefix(slice) }));
    const own = allocations.findIndex(({ nodeName }) => nodeName === this.#nodeName);
    const index = own >= 0 ? own : await this.#free(allocations);
    const slice = index < 0 ? undefined : parsePrefix(allocations[index]!.sliceRange);
    if (slice?.ok !== true) return fail({ code: 'exhausted', cause: `whereabouts: all ${allocations.length} slices of ${key.name} are with nodes`, remedy: 'Make slices smaller (node_slice_size), or the range larger.' });
    if (own >= 0) return slice;
    const next = allocations.with(index, { ...allocations[index]!, nodeName: this.#nodeName });
    return (await this.#write({ ...pool, status: { ...pool.status, allocations: next } })) ? slice : undefined;
  }

  /** The first that is nobody's; when there is none, the first of a node that the API server does not have. −1 without either. */
  async #free(allocations: readonly SliceAllocation[]): Promise<number> {
    const free = allocations.findIndex(({ nodeName }) => nodeName === '');
    if (free >= 0) return free;
    for (const [index, { nodeName }] of allocations.entries()) {
      if ((await this.#orUndefined(['NotFound'], () => this.#kube.get(nodes, { name: nodeName }))) === undefined) return index;
    }
    return -1;
  }

  async #create({ key, range, sliceLength }: SlicedRange): Promise<void> {
    const pool: NodeSlicePool = { apiVersion: API_VERSION, kind: 'NodeSlicePool', metadata: { ...key }, spec: { range: formatPrefix(range), sliceSize: `/${sliceLength}` }, status: { allocations: [] } };
    await this.#orUndefined(['AlreadyExists'], () => this.#kube.create(nodeSlicePools, pool));
  }

  /** Releases of whereabouts differ in whether the status is a subresource. False when the pool is no longer as it was read. */
  async #write(pool: NodeSlicePool): Promise<boolean> {
    const asStatus = await this.#orUndefined(['NotFound', 'Conflict'], () => this.#kube.update(nodeSlicePools, pool, { subresource: 'status' }), 'NotFound');
    if (asStatus !== 'NotFound') return asStatus !== undefined;
    return (await this.#orUndefined(['NotFound', 'Conflict'], () => this.#kube.update(nodeSlicePools, pool))) !== undefined;
  }

  /** `told` is a reason that is passed on as the answer. */
  async #orUndefined<Value, Told extends string = never>(reasons: readonly ('NotFound' | 'AlreadyExists' | 'Conflict')[], work: () => Promise<Value>, told?: Told): Promise<Value | Told | undefined> {
    try {
      return await work();
    } catch (error) {
      if (told !== undefined && isKubeError(error) && error.reason === told) return told;
      if (reasons.some((reason) => isKubeError(error, reason))) return undefined;
      throw error;
    }
  }
}
