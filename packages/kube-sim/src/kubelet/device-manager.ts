import type { ContainerAllocation, DevicePlugin, Files, Log, PluginDevice, PodDevices, Result, Subscription } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import { amountOf } from '../pods/amounts.ts';
import type { Container } from '../pods/requests.ts';
import { containersOf, isSidecar } from '../pods/requests.ts';
import type { DeviceHold, WrittenHolds } from './device-checkpoint.ts';
import { checkpointText, holdText, noHolds, readCheckpoint, withHold, writeCheckpoint } from './device-checkpoint.ts';
import { alignedNumaNode, chooseDevices } from './devices.ts';
import type { TopologyPolicy } from './options.ts';

interface Endpoint {
  readonly plugin: DevicePlugin | undefined;
  devices: readonly PluginDevice[];
  stream: Subscription | undefined;
}

/** Why a pod gets no devices: reason and message of its rejection. */
export interface AllocationFailure {
  readonly reason: 'UnexpectedAdmissionError' | 'TopologyAffinityError';
  readonly message: string;
}

const unexpected = (cause: string): AllocationFailure => ({ reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${cause}, which is unexpected` });

/**
 * Devices of one node: what plugins list and which container holds what (pkg/kubelet/cm/devicemanager). Every allocation is on disk
 * before the pod starts, so that a restart of the kubelet forgets none.
 */
export class DeviceManager {
  readonly #files: Files;
  readonly #log: Log;
  readonly #policy: TopologyPolicy;
  readonly #onChange: () => void;
  readonly #endpoints = new Map<string, Endpoint>();
  /** By pod uid, containers in pod order. */
  readonly #holds = new Map<string, DeviceHold[]>();
  readonly #inUse = new Map<string, Set<string>>();
  /** What the checkpoint says of each pod's holds, and of the registered devices until they change. */
  readonly #texts = new Map<string, string[]>();
  /** All of them together; undefined when one was taken out, until they are written again. */
  #written: WrittenHolds | undefined;
  #registeredText: string | undefined;
  #running = false;

  /** `onChange` is called when capacity or allocatable may have changed. */
  constructor(files: Files, log: Log, policy: TopologyPolicy, onChange: () => void) {
    this.#files = files;
    this.#log = log;
    this.#policy = policy;
    this.#onChange = onChange;
  }

  /** Reads the checkpoint and follows the plugins that are registered. Resources known from before count 0 until their plugin is back. */
  async start(): Promise<void> {
    const { holds, registered } = await readCheckpoint(this.#files, this.#log);
    this.#holds.clear();
    this.#inUse.clear();
    this.#texts.clear();
    this.#written = undefined;
    this.#registeredText = undefined;
    for (const hold of holds) this.#hold(hold);
    for (const resourceName of Object.keys(registered)) if (!this.#endpoints.has(resourceName)) this.#endpoints.set(resourceName, { plugin: undefined, devices: [], stream: undefined });
    this.#running = true;
    for (const endpoint of this.#endpoints.values()) this.#follow(endpoint);
  }

  stop(): void {
    this.#running = false;
    for (const endpoint of this.#endpoints.values()) {
      endpoint.stream?.stop();
      endpoint.stream = undefined;
      endpoint.devices = [];
    }
  }

  register(plugin: DevicePlugin): Subscription {
    this.#endpoints.get(plugin.resourceName)?.stream?.stop();
    const endpoint: Endpoint = { plugin, devices: [], stream: undefined };
    this.#endpoints.set(plugin.resourceName, endpoint);
    this.#follow(endpoint);
    return { stop: () => this.#unregister(plugin.resourceName, endpoint) };
  }

  /** Quantities by extended resource: all devices, and the healthy ones. */
  capacity(): readonly { readonly resourceName: string; readonly capacity: number; readonly allocatable: number }[] {
    return [...this.#endpoints].map(([resourceName, { devices }]) => ({
      resourceName, capacity: devices.length, allocatable: devices.filter(({ healthy }) => healthy).length,
    })).sort((a, b) => (a.resourceName < b.resourceName ? -1 : 1));
  }

  podDevices(): readonly PodDevices[] {
    return [...this.#holds.keys()].map((uid) => this.devicesOf(uid)!);
  }

  /** Containers in pod order; undefined when the pod holds nothing. */
  devicesOf(podUid: string): PodDevices | undefined {
    const holds = this.#holds.get(podUid);
    if (holds === undefined || holds.length === 0) return undefined;
    const names = [...new Set(holds.map(({ container }) => container))];
    const containers = names.map((name) => ({ name, devices: holds.filter(({ container }) => container === name).map(({ resourceName, ids }) => ({ resourceName, ids })) }));
    return { namespace: holds[0]!.namespace, name: holds[0]!.podName, uid: podUid, containers };
  }

  /** What plugins answered for one container, in the order of its resources. */
  allocationsOf(podUid: string, container: string): readonly ContainerAllocation[] {
    return (this.#holds.get(podUid) ?? []).filter((hold) => hold.container === container).map(({ allocation }) => allocation);
  }

  /**
   * Gives every container of a pod its devices, or none of them anything. A pod that has them from before its node rebooted keeps
   * them only if their plugin is back and they are healthy; otherwise it is refused, as kubelet refuses it.
   */
  async allocate(pod: Pod): Promise<Result<void, AllocationFailure>> {
    const uid = pod.metadata.uid!;
    const held = this.#holds.get(uid);
    if (held !== undefined) {
      const cause = held.map((hold) => this.#lossOf(hold)).find((loss) => loss !== undefined);
      return cause === undefined ? ok(undefined) : fail(unexpected(cause));
    }
    const reusable = new Map<string, string[]>();
    for (const container of containersOf(pod)) {
      const failure = await this.#allocateContainer(pod, container, reusable);
      if (failure !== undefined) {
        this.#drop(uid);
        return fail(failure);
      }
    }
    if (!this.#holds.has(uid)) return ok(undefined);
    const cause = await this.#save();
    if (cause === undefined) return ok(undefined);
    this.#drop(uid);
    return fail(unexpected(`failed to write checkpoint file: ${cause}`));
  }

  /** A pod has devices from before its node came up that are not all back. */
  lacksHeld(podUid: string): boolean {
    return this.#holds.get(podUid)?.some((hold) => this.#lossOf(hold) !== undefined) === true;
  }

  /** Takes a pod's devices back. */
  async free(podUid: string): Promise<void> {
    if (!this.#holds.has(podUid)) return;
    this.#drop(podUid);
    // A hold that stays on disk is dropped by the next start, which finds no such pod.
    const cause = await this.#save();
    if (cause !== undefined) this.#log.warn('The device checkpoint was not written.', { cause });
  }

  /** Pods that hold something. */
  holders(): readonly string[] {
    return [...this.#holds.keys()];
  }

  #follow(endpoint: Endpoint): void {
    if (!this.#running || endpoint.plugin === undefined || endpoint.stream !== undefined) return;
    endpoint.stream = endpoint.plugin.listAndWatch((devices) => {
      endpoint.devices = devices;
      this.#changed();
    });
  }

  /** The plugin's stream ended: its devices are unhealthy, the resource stays known (endpoint stop, markResourceUnhealthy). */
  #unregister(resourceName: string, endpoint: Endpoint): void {
    endpoint.stream?.stop();
    endpoint.stream = undefined;
    if (this.#endpoints.get(resourceName) !== endpoint) return;
    const devices = endpoint.devices.map((device) => ({ ...device, healthy: false }));
    this.#endpoints.set(resourceName, { plugin: undefined, devices, stream: undefined });
    this.#changed();
  }

  /** `reusable`: devices by resource of init containers that will have ended, changed in place. */
  async #allocateContainer(pod: Pod, container: Container, reusable: Map<string, string[]>): Promise<AllocationFailure | undefined> {
    const wanted = Object.entries(container.resources?.limits ?? {})
      .map(([resourceName, quantity]) => ({ resourceName, size: amountOf(resourceName, quantity) }))
      .filter(({ resourceName, size }) => size > 0 && this.#endpoints.has(resourceName));
    const aligned = alignedNumaNode(this.#policy, wanted.map(({ resourceName, size }) => ({ size, available: this.#available(resourceName) })));
    if (aligned === 'refused') return { reason: 'TopologyAffinityError', message: 'Resources cannot be allocated with Topology locality' };
    for (const { resourceName, size } of wanted) {
      const chosen = this.#choose(resourceName, size, reusable.get(resourceName) ?? [], aligned.node);
      if (!chosen.ok) return unexpected(chosen.error);
      const allocated = await this.#callPlugin(resourceName, chosen.value);
      if (!allocated.ok) return unexpected(`rpc error: code = Unknown desc = ${allocated.error}`);
      this.#hold({
        podUid: pod.metadata.uid!, namespace: pod.metadata.namespace ?? '', podName: pod.metadata.name, container: container.name,
        resourceName, ids: chosen.value, allocation: allocated.value,
      });
      this.#updateReusable(pod, container, resourceName, chosen.value, reusable);
    }
    return undefined;
  }

  /** Why a container cannot have the devices that it held before. */
  #lossOf({ resourceName, ids }: DeviceHold): string | undefined {
    const devices = this.#endpoints.get(resourceName)?.devices ?? [];
    if (devices.length === 0) return `cannot allocate unregistered device ${resourceName}`;
    const healthy = new Set(devices.filter((device) => device.healthy).map(({ id }) => id));
    if (healthy.size === 0) return `no healthy devices present; cannot allocate unhealthy devices ${resourceName}`;
    return ids.every((id) => healthy.has(id)) ? undefined : `previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${resourceName}`;
  }

  #choose(resourceName: string, size: number, reusable: readonly string[], numaNode: number | undefined): Result<readonly string[], string> {
    const { plugin, devices } = this.#endpoints.get(resourceName)!;
    if (plugin === undefined && devices.length === 0) return fail(`cannot allocate unregistered device ${resourceName}`);
    if (!devices.some(({ healthy }) => healthy)) return fail(`no healthy devices present; cannot allocate unhealthy devices ${resourceName}`);
    const inUse = this.#inUse.get(resourceName) ?? new Set<string>();
    const choice = chooseDevices({ size, devices, inUse, reusable, numaNode, prefer: (request) => plugin?.getPreferredAllocation(request) ?? [] });
    return choice.ok ? ok(choice.ids) : fail(`requested number of devices unavailable for ${resourceName}. Requested: ${size}, Available: ${choice.available}`);
  }

  async #callPlugin(resourceName: string, ids: readonly string[]): Promise<Result<ContainerAllocation, string>> {
    const plugin = this.#endpoints.get(resourceName)?.plugin;
    if (plugin === undefined) return fail(`the device plugin of ${resourceName} has stopped`);
    const answer = await plugin.allocate([ids]);
    if (!answer.ok) return answer;
    const [allocation] = answer.value;
    return allocation === undefined ? fail(`the device plugin of ${resourceName} answered for no container`) : ok(allocation);
  }

  #updateReusable(pod: Pod, container: Container, resourceName: string, ids: readonly string[], reusable: Map<string, string[]>): void {
    const isInit = pod.spec?.initContainers?.includes(container) ?? false;
    const before = reusable.get(resourceName) ?? [];
    const after = isInit && !isSidecar(container) ? [...new Set([...before, ...ids])] : before.filter((id) => !ids.includes(id));
    reusable.set(resourceName, after);
  }

  #available(resourceName: string): readonly PluginDevice[] {
    const inUse = this.#inUse.get(resourceName);
    return this.#endpoints.get(resourceName)!.devices.filter(({ id, healthy }) => healthy && inUse?.has(id) !== true);
  }

  #hold(hold: DeviceHold): void {
    const holds = this.#holds.get(hold.podUid);
    if (holds === undefined) this.#holds.set(hold.podUid, [hold]);
    else holds.push(hold);
    const text = holdText(hold);
    const texts = this.#texts.get(hold.podUid);
    if (texts === undefined) this.#texts.set(hold.podUid, [text]);
    else texts.push(text);
    if (this.#written !== undefined) this.#written = withHold(this.#written, text);
    const inUse = this.#inUse.get(hold.resourceName) ?? new Set();
    this.#inUse.set(hold.resourceName, inUse);
    for (const id of hold.ids) inUse.add(id);
  }

  #drop(podUid: string): void {
    for (const { resourceName, ids } of this.#holds.get(podUid) ?? []) for (const id of ids) this.#inUse.get(resourceName)?.delete(id);
    this.#holds.delete(podUid);
    this.#texts.delete(podUid);
    this.#written = undefined;
  }

  #save(): Promise<string | undefined> {
    this.#written ??= [...this.#texts.values()].flat().reduce(withHold, noHolds);
    this.#registeredText ??= JSON.stringify(Object.fromEntries([...this.#endpoints].map(([resourceName, { devices }]) => [resourceName, devices.map(({ id }) => id)])));
    return writeCheckpoint(this.#files, checkpointText(this.#written, this.#registeredText));
  }

  #changed(): void {
    this.#registeredText = undefined;
    this.#onChange();
  }
}
