import { fail, ok } from '@vfleet/core';
import type { ContainerAllocation, DevicePlugin, Files, PluginDevice, Result, Subscription } from '@vfleet/core';
import { allocateContainer } from './allocation.ts';
import type { ResourceConfig } from './config.ts';
import { allocateByCdi } from './cdi.ts';
import type { NetFunction } from './functions.ts';
import { writeDeviceInfo } from './device-info.ts';
import type { PoolMember } from './pools.ts';
import { preferredDevices } from './preferred.ts';
import type { Placement, PreferenceRequest } from './preferred.ts';

/** A device as it is listed: a member of the pool, and what is wrong with it if something is. */
export interface ListedMember extends PoolMember {
  /** Why it must not be given to pods, as a sentence; absent when healthy. */
  readonly fault?: string;
}

/** What a plugin asks of its manager. */
export interface AllocationHooks {
  /** Where device information is written; none is without it. */
  readonly files: Files | undefined;
  /** What is known against a device beyond what is listed already. */
  readonly suspicion: (device: NetFunction) => string | undefined;
  /** Devices are handed over by name (CDI) instead of as device files. */
  readonly useCdi: () => boolean;
  /** Called before devices are handed out; a failure is a sentence and stops it. */
  readonly prepare: (resourceName: string, ids: readonly string[]) => Promise<Result<void, string>>;
}

type Sink = (devices: readonly PluginDevice[]) => void;

/** One resource towards kubelet. It lives as long as the resource has devices; its list changes in-stream. */
export class ResourcePlugin implements DevicePlugin {
  readonly resourceName: string;
  readonly #hooks: AllocationHooks;
  #resource: ResourceConfig;
  #members: readonly ListedMember[] = [];
  #devices: readonly PluginDevice[] = [];
  /** Of the members, since the first that asked. */
  #placements: readonly Placement[] | undefined;
  #sinks: readonly Sink[] = [];

  constructor(resource: ResourceConfig, hooks: AllocationHooks) {
    this.resourceName = resource.fullName;
    this.#resource = resource;
    this.#hooks = hooks;
  }

  get resource(): ResourceConfig {
    return this.#resource;
  }

  /** In order. A node has few pods a minute and an index of its VFs is large: it keeps none. */
  get members(): readonly ListedMember[] {
    return this.#members;
  }

  get devices(): readonly PluginDevice[] {
    return this.#devices;
  }

  /** Takes over the configuration and the members, in order, and tells kubelet if that changes the list. */
  update(resource: ResourceConfig, members: readonly ListedMember[]): void {
    this.#resource = resource;
    this.#placements = undefined;
    this.#members = members;
    const places = new Map<number, readonly number[]>();
    const devices = members.map((member) => deviceOf(resource, member, places));
    if (sameDevices(devices, this.#devices)) return;
    this.#devices = devices;
    for (const sink of this.#sinks) sink(devices);
  }

  listAndWatch(sink: Sink): Subscription {
    this.#sinks = [...this.#sinks, sink];
    sink(this.#devices);
    return {
      stop: () => {
        this.#sinks = this.#sinks.filter((other) => other !== sink);
      },
    };
  }

  getPreferredAllocation(request: PreferenceRequest): readonly string[] {
    this.#placements ??= this.#members.map(({ function: { id, pf, numaNode } }) => ({ id, pf, numaNode }));
    return preferredDevices(this.#placements, request);
  }

  async allocate(containers: readonly (readonly string[])[]): Promise<Result<readonly ContainerAllocation[], string>> {
    const chosen: PoolMember[][] = [];
    for (const ids of containers) {
      const members: PoolMember[] = [];
      for (const id of ids) {
        const member = this.#members.find((one) => one.function.id === id);
        if (member === undefined) return fail(`${id} is no device of ${this.resourceName} (any more)`);
        const fault = member.fault ?? this.#hooks.suspicion(member.function);
        if (fault !== undefined) return fail(`${id} of ${this.resourceName} cannot be given to a pod: ${fault}`);
        members.push(member);
      }
      chosen.push(members);
    }
    // Two files that have nothing to do with each other: the kubelet waits for the slower one only.
    const [written, prepared] = await Promise.all([this.#writeDeviceInfo(chosen.flat()), this.#hooks.prepare(this.resourceName, containers.flat())]);
    if (!written.ok) return written;
    if (!prepared.ok) return prepared;
    const allocate = this.#hooks.useCdi() ? allocateByCdi : allocateContainer;
    return ok(chosen.map((members) => allocate(this.#resource, members)));
  }

  async #writeDeviceInfo(members: readonly PoolMember[]): Promise<Result<void, string>> {
    const { files } = this.#hooks;
    // The specification knows of network devices; nobody asks for a file of others.
    if (files === undefined || this.#resource.deviceType !== 'netDevice') return ok(undefined);
    const all = await Promise.all(members.map(async (member) => ({ member, written: await writeDeviceInfo(files, this.resourceName, member) })));
    for (const { member, written } of all) if (!written.ok) return fail(`the device information of ${member.function.id} could not be written: ${written.error.cause}`);
    return ok(undefined);
  }
}

const NOWHERE: readonly number[] = [];

/** `places` keeps one list for each NUMA node: a node has few of them and many VFs. */
function deviceOf(resource: ResourceConfig, { function: { id, numaNode }, fault }: ListedMember, places: Map<number, readonly number[]>): PluginDevice {
  let numaNodes = resource.excludeTopology || numaNode < 0 ? NOWHERE : places.get(numaNode);
  if (numaNodes === undefined) places.set(numaNode, (numaNodes = [numaNode]));
  return { id, healthy: fault === undefined, numaNodes };
}

function sameDevices(a: readonly PluginDevice[], b: readonly PluginDevice[]): boolean {
  return (
    a.length === b.length &&
    a.every((device, index) => {
      const other = b[index]!;
      return device.id === other.id && device.healthy === other.healthy && device.numaNodes[0] === other.numaNodes[0];
    })
  );
}
