import type { DevicePlugin, DevicePluginRegistry, NetworkStatus, PodDevices, PodResources, Subscription } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import type { Node, Pod } from '@vfleet/kube';
import { Informer, nodes, pods } from '@vfleet/kube';
import { ApiEvents, EventNames } from '@vfleet/kube';
import { accumulate } from '../pods/amounts.ts';
import { containersOf } from '../pods/requests.ts';
import { clusterEventLimits } from '../event-limits.ts';
import type { Rejection } from './admission.ts';
import { rejectionOf } from './admission.ts';
import type { ContainerInside, KubeletAccess } from '../inside/container-inside.ts';
import { containerInside } from './inside.ts';
import { DeviceManager } from './device-manager.ts';
import { nodeObject } from './node-object.ts';
import { NodeReporter } from './node-reporter.ts';
import type { KubeletPorts, KubeletTiming, NodeOptions } from './options.ts';
import { kubeletTiming } from './options.ts';
import { PodAddresses } from './pod-addresses.ts';
import type { PodContext } from './pod-context.ts';
import { detach } from './pod-sandbox.ts';
import { PodWorker } from './pod-worker.ts';
import { SimRuntime } from './runtime.ts';

/** How often a waiting admission looks for devices. Only after a restart of the whole simulation. */
const HELD_DEVICES_LOOK_MS = 50;

/** What runs of a pod on a node, for whoever looks inside it (`exec … env`, `exec … ip a`). */
export interface PodDescription {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly sandboxId: string;
  readonly netns: string;
  /** eth0 first. */
  readonly interfaces: readonly NetworkStatus[];
  /** Variables by container; only of containers that have started. */
  readonly environments: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** One simulated node's kubelet with its container runtime. */
export interface Kubelet extends DevicePluginRegistry, PodResources, KubeletAccess {
  readonly nodeName: string;
  /** Registers the node and follows its pods; resolves when the node is registered and its first pods are known. */
  start(): Promise<void>;
  /** The kubelet's process ends: heartbeats cease, containers run on, devices stay held. It can be started again. */
  stop(): void;
  /** The machine goes down and comes up: every container and network namespace is gone, and the kubelet starts again. */
  reboot(): Promise<void>;
  /** Undefined when no such pod has a sandbox on this node. */
  describePod(uid: string): PodDescription | undefined;
}

/**
 * A kubelet in process, following v1.34 where pods, their devices and networks are concerned: admission, device allocation,
 * sandboxes, status, deletion, node status and lease. Volumes, probes beyond their initial delay, resource
 * pressure and static pods are left out on purpose.
 */
export function createKubelet(ports: KubeletPorts, node: NodeOptions): Kubelet {
  return new SimKubelet(ports, node);
}

class SimKubelet implements Kubelet {
  readonly #ports: KubeletPorts;
  readonly #node: NodeOptions;
  readonly #timing: KubeletTiming;
  readonly #runtime: SimRuntime;
  readonly #devices: DeviceManager;
  readonly #reporter: NodeReporter;
  readonly #addresses: PodAddresses;
  readonly #workers = new Map<string, PodWorker>();
  readonly #context: PodContext;
  #informer: Informer<Pod> | undefined;
  #starts = 0;
  /** Pods that arrived before the first list was complete: admitted oldest first. */
  #early: Pod[] | undefined;
  #admissions: Promise<unknown> = Promise.resolve();

  constructor(ports: KubeletPorts, node: NodeOptions) {
    this.#ports = ports;
    this.#node = node;
    this.#timing = { ...kubeletTiming, ...ports.timing };
    this.#runtime = ports.runtime ?? new SimRuntime(ports.clock, ports.random);
    this.#devices = new DeviceManager(ports.files, ports.log, node.topologyPolicy ?? 'none', () => this.#reporter.changed());
    const names = new EventNames(ports.clock, 0.1);
    const recorder = ports.recorder ?? new ApiEvents(ports, { component: 'kubelet', host: node.name, names }, clusterEventLimits);
    this.#reporter = new NodeReporter(ports, node, this.#timing, this.#devices, this.#runtime, recorder);
    this.#addresses = new PodAddresses(node.podCidr);
    this.#context = {
      ports, node, timing: this.#timing, runtime: this.#runtime, devices: this.#devices, addresses: this.#addresses,
      recorder,
      networkRecorder: ports.recorder ?? new ApiEvents(ports, { component: 'multus', names }, clusterEventLimits),
      admit: (pod) => this.#admitInTurn(pod),
      incarnation: () => this.#starts,
      detachLater: (sandboxId) => {
        this.#runtime.leaveSandbox(sandboxId);
        void this.#ports.clock.sleep(this.#timing.sandboxRetryMs).then(() => this.#detachStale());
      },
      finished: (uid) => this.#workers.delete(uid),
    };
  }

  get nodeName(): string {
    return this.#node.name;
  }

  register(plugin: DevicePlugin): Subscription {
    return this.#devices.register(plugin);
  }

  async list(): Promise<readonly PodDevices[]> {
    return this.#devices.podDevices();
  }

  async start(): Promise<void> {
    if (this.#informer !== undefined) return;
    this.#starts++;
    const { kube, clock, random, log } = this.#ports;
    const informer = new Informer({ kube, clock, random, log }, pods, { fieldSelector: `spec.nodeName=${this.#node.name}` });
    this.#informer = informer;
    this.#runtime.onExit = (uid) => this.#workers.get(uid)?.wake();
    await this.#devices.start();
    for (const uid of this.#runtime.podUids()) {
      const address = this.#runtime.sandbox(uid)?.address;
      if (address !== undefined) this.#addresses.reserve(address);
    }
    void this.#detachStale();
    await this.#reporter.start();
    if (this.#informer !== informer) return;
    this.#early = [];
    informer.subscribe({ added: (pod) => this.#added(pod), updated: (_, pod) => this.#workers.get(pod.metadata.uid!)?.update(pod), deleted: (pod) => this.#deleted(pod) });
    informer.start();
    await informer.synced;
    this.#settle();
  }

  stop(): void {
    this.#informer?.stop();
    this.#informer = undefined;
    this.#early = undefined;
    this.#reporter.stop();
    this.#devices.stop();
    this.#runtime.onExit = undefined;
    for (const worker of this.#workers.values()) worker.stop();
    this.#workers.clear();
  }

  async reboot(): Promise<void> {
    this.stop();
    for (const uid of this.#runtime.podUids()) {
      const address = this.#runtime.sandbox(uid)?.address;
      if (address !== undefined) this.#addresses.give(address);
    }
    this.#runtime.reboot();
    await this.start();
  }

  describePod(uid: string): PodDescription | undefined {
    const sandbox = this.#runtime.sandbox(uid);
    if (sandbox === undefined) return undefined;
    const { namespace, name, id, netns, networks } = sandbox;
    const pod = this.#workers.get(uid)?.pod;
    const environments: Record<string, Readonly<Record<string, string>>> = {};
    for (const container of pod === undefined ? [] : containersOf(pod)) {
      const state = this.#runtime.container(uid, container.name);
      if (state !== undefined) environments[container.name] = state.current.environment;
    }
    return { namespace, name, uid, sandboxId: id, netns, interfaces: networks, environments };
  }

  inside(podUid: string, containerName: string): ContainerInside | undefined {
    const pod = this.#workers.get(podUid)?.pod;
    const sandbox = this.#runtime.sandbox(podUid);
    const state = this.#runtime.container(podUid, containerName);
    const container = pod === undefined ? undefined : containersOf(pod).find(({ name }) => name === containerName);
    if (pod === undefined || sandbox === undefined || state === undefined || container === undefined) return undefined;
    return containerInside(pod, container, state, sandbox, this.#ports.podInterfaces?.(sandbox.netns) ?? [], this.#node.name);
  }

  #added(pod: Pod): void {
    if (this.#early !== undefined) {
      this.#early.push(pod);
      return;
    }
    this.#workers.get(pod.metadata.uid!)?.stop();
    const worker = new PodWorker(this.#context, pod);
    this.#workers.set(pod.metadata.uid!, worker);
    worker.wake();
  }

  #deleted(pod: Pod): void {
    this.#early = this.#early?.filter(({ metadata }) => metadata.uid !== pod.metadata.uid);
    this.#workers.get(pod.metadata.uid!)?.remove();
  }

  /** The first pods are known: oldest first, and what runs or holds devices without a pod goes. */
  #settle(): void {
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    const known = new Set(early.map(({ metadata }) => metadata.uid));
    // The runtime's orphans get a worker that only ends them.
    for (const uid of this.#runtime.podUids()) {
      const sandbox = this.#runtime.sandbox(uid);
      if (known.has(uid)) continue;
      if (sandbox === undefined) {
        this.#runtime.removePod(uid);
        continue;
      }
      this.#added(orphan(uid, sandbox.namespace, sandbox.name));
      this.#workers.get(uid)!.remove();
    }
    for (const uid of this.#devices.holders()) if (!known.has(uid) && !this.#workers.has(uid)) void this.#devices.free(uid);
    const byAge = (a: Pod, b: Pod) => {
      const [one, two] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
      return one < two ? -1 : one > two ? 1 : a.metadata.uid! < b.metadata.uid! ? -1 : 1;
    };
    for (const pod of early.sort(byAge)) this.#added(pod);
  }

  async #detachStale(): Promise<void> {
    let left = this.#runtime.takeStaleSandboxes();
    while (left.length > 0) {
      const failed = [];
      for (const sandbox of left) if ((await detach(this.#context, sandbox)) !== undefined) failed.push(sandbox);
      left = failed;
      if (left.length > 0) await this.#ports.clock.sleep(this.#timing.sandboxRetryMs);
    }
  }

  /** One admission at a time: each counts the pods admitted before it. */
  #admitInTurn(pod: Pod): Promise<Rejection | undefined> {
    const turn = this.#admissions.then(() => this.#admit(pod));
    this.#admissions = turn.catch(() => undefined);
    return turn;
  }

  /** Devices first, then the node's own checks, in the order of kubelet's admit handlers. */
  async #admit(pod: Pod): Promise<Rejection | undefined> {
    await this.#heldDevicesBack(pod.metadata.uid!);
    const allocated = await this.#devices.allocate(pod);
    // The kubelet was restarted, or the pod went, while a plugin or the turn took its time: nobody else would free the devices.
    if (!this.#workers.has(pod.metadata.uid!)) await this.#devices.free(pod.metadata.uid!);
    if (!allocated.ok) {
      await this.#devices.free(pod.metadata.uid!);
      return allocated.error;
    }
    const others: Pod[] = [];
    const used = new Map<string, number>();
    for (const worker of this.#workers.values()) {
      if (!worker.isActive || worker.pod.metadata.uid === pod.metadata.uid) continue;
      others.push(worker.pod);
      accumulate(used, worker.requests);
    }
    const rejection = rejectionOf({ pod, node: await this.#nodeNow(), allocatable: this.#reporter.allocatable, others, used });
    if (rejection !== undefined) await this.#devices.free(pod.metadata.uid!);
    return rejection;
  }

  async #heldDevicesBack(podUid: string): Promise<void> {
    const { clock } = this.#ports;
    const deadlineMs = clock.monotonicMs() + this.#timing.heldDevicesMs;
    while (this.#informer !== undefined && this.#devices.lacksHeld(podUid) && clock.monotonicMs() < deadlineMs) await clock.sleep(HELD_DEVICES_LOOK_MS);
  }

  /** Labels and taints as the API has them; without an answer, as registered. */
  async #nodeNow(): Promise<Node> {
    try {
      return await this.#ports.kube.get(nodes, { name: this.#node.name });
    } catch (error) {
      if (!isKubeError(error)) throw error;
      return nodeObject(this.#node, {});
    }
  }
}

function orphan(uid: string, namespace: string, name: string): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { uid, namespace, name }, spec: { containers: [] } };
}
