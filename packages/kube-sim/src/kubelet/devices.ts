import type { PluginDevice } from '@vfleet/core';
import type { TopologyPolicy } from './options.ts';

/** One request: devices of one resource for one container. */
export interface DeviceRequest {
  readonly size: number;
  /** What the plugin lists, in its order. */
  readonly devices: readonly PluginDevice[];
  readonly inUse: ReadonlySet<string>;
  /** Devices of an init container of the same pod that has ended by then: taken first. */
  readonly reusable: readonly string[];
  /** The NUMA node that the container's devices shall share; undefined: any. */
  readonly numaNode?: number | undefined;
  readonly prefer: (request: { readonly available: readonly string[]; readonly mustInclude: readonly string[]; readonly size: number }) => readonly string[];
}

export type DeviceChoice = { readonly ok: true; readonly ids: readonly string[] } | { readonly ok: false; readonly available: number };

/**
 * Chooses devices as kubelet's device manager does (cm/devicemanager/manager.go, devicesToAllocate): reusable ones, then those on the
 * wanted NUMA node as far as they go, then what the plugin prefers, then the rest in the plugin's order. What the plugin prefers but
 * cannot be had is ignored. The ids come back in the order chosen, without repeats and never one in use.
 */
export function chooseDevices(request: DeviceRequest): DeviceChoice {
  const { size, devices, inUse, numaNode } = request;
  const healthy = devices.filter((device) => device.healthy);
  const isHealthy = new Set(healthy.map(({ id }) => id));
  const chosen = new Set<string>();
  const takeFrom = (ids: readonly string[]) => {
    for (const id of ids) {
      if (chosen.size === size) return;
      chosen.add(id);
    }
  };

  takeFrom(request.reusable.filter((id) => isHealthy.has(id)));
  const available = healthy.filter(({ id }) => !inUse.has(id) && !chosen.has(id));
  if (available.length < size - chosen.size) return { ok: false, available: available.length };

  const aligned = available.filter(({ numaNodes }) => numaNode !== undefined && numaNodes.includes(numaNode)).map(({ id }) => id);
  const all = available.map(({ id }) => id);
  const pool = size - chosen.size < aligned.length ? aligned : all;
  if (pool === all) takeFrom(aligned);
  if (chosen.size < size) {
    const mustInclude = [...chosen];
    const allowed = new Set(pool);
    takeFrom(request.prefer({ available: [...mustInclude, ...pool.filter((id) => !chosen.has(id))], mustInclude, size }).filter((id) => allowed.has(id)));
  }
  takeFrom(pool);
  return { ok: true, ids: [...chosen] };
}

/** What one container asks of one resource, for finding a NUMA node that suits all its resources. */
export interface NumaDemand {
  readonly size: number;
  readonly available: readonly PluginDevice[];
}

/**
 * The NUMA node on which a container's devices can all be had; resources whose devices name no node do not matter. `refused` when the
 * policy demands one and there is none (topology manager, restricted and single-numa-node).
 */
export function alignedNumaNode(policy: TopologyPolicy, demands: readonly NumaDemand[]): { readonly node?: number } | 'refused' {
  if (policy === 'none') return {};
  const placed = demands.filter(({ available }) => available.some(({ numaNodes }) => numaNodes.length > 0));
  if (placed.length === 0) return {};
  const nodes = [...new Set(placed.flatMap(({ available }) => available.flatMap(({ numaNodes }) => numaNodes)))].sort((a, b) => a - b);
  const node = nodes.find((candidate) => placed.every(({ size, available }) => available.filter(({ numaNodes }) => numaNodes.includes(candidate)).length >= size));
  if (node !== undefined) return { node };
  return policy === 'best-effort' ? {} : 'refused';
}
