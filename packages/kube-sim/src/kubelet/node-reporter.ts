import type { Timer } from '@vfleet/core';
import { isKubeError, rfc3339Micro } from '@vfleet/core';
import type { Lease, Node } from '@vfleet/kube';
import { exponentialMs, leases, nodes } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import type { Amounts } from '../pods/amounts.ts';
import { amountsOf } from '../pods/amounts.ts';
import type { DeviceManager } from './device-manager.ts';
import type { NodeStatus } from './node-object.ts';
import { nodeObject, nodeStatus } from './node-object.ts';
import type { KubeletPorts, KubeletTiming, NodeOptions } from './options.ts';
import type { SimRuntime } from './runtime.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_DURATION_SECONDS = 40;
const RETRY = { initialMs: 200, maxMs: 7000 };
/** Renewals of one lease are spread by this share, so that a fleet started at once does not renew at once (wait.Jitter of the lease controller: 4 %). */
const LEASE_JITTER = 0.04;

/** Keeps a node's Node and Lease objects: registration, heartbeats, and what changes about the devices. */
export class NodeReporter {
  readonly #ports: KubeletPorts;
  readonly #options: NodeOptions;
  readonly #timing: KubeletTiming;
  readonly #devices: DeviceManager;
  readonly #runtime: SimRuntime;
  readonly #machineId: string;
  readonly #recorder: EventRecorder;
  #running = false;
  #status: NodeStatus | undefined;
  /** Until the devices change. */
  #allocatable: Amounts | undefined;
  #nodeUid: string | undefined;
  /** As it was written last. */
  #lease: Lease | undefined;
  #leaseTimer: Timer | undefined;
  #statusTimer: Timer | undefined;
  #changeTimer: Timer | undefined;
  #writing = false;
  #changed = false;
  #failures = 0;

  constructor(ports: KubeletPorts, options: NodeOptions, timing: KubeletTiming, devices: DeviceManager, runtime: SimRuntime, recorder: EventRecorder) {
    this.#recorder = recorder;
    this.#ports = ports;
    this.#options = options;
    this.#timing = timing;
    this.#devices = devices;
    this.#runtime = runtime;
    this.#machineId = ports.random.uuid();
  }

  /** What pods may use of this node. */
  get allocatable(): Amounts {
    return (this.#allocatable ??= amountsOf(nodeStatus(this.#options, this.#facts()).allocatable));
  }

  /** Resolves when the Node object is there with its status. */
  async start(): Promise<void> {
    this.#running = true;
    for (let failures = 1; this.#running; failures++) {
      try {
        await this.#register();
        break;
      } catch (error) {
        if (!isKubeError(error)) throw error;
        this.#ports.log.warn('The node could not be registered; trying again.', { node: this.#options.name, error: error.message });
        await this.#ports.clock.sleep(exponentialMs(RETRY, failures));
      }
    }
    if (!this.#running) return;
    void this.#renewLease();
    this.#armStatus();
  }

  stop(): void {
    this.#running = false;
    for (const timer of [this.#leaseTimer, this.#statusTimer, this.#changeTimer]) timer?.cancel();
    this.#changeTimer = undefined;
  }

  /** Something that the node status shows has changed. */
  changed(): void {
    this.#changed = true;
    this.#allocatable = undefined;
    if (!this.#running || this.#status === undefined || this.#changeTimer !== undefined) return;
    this.#changeTimer = this.#ports.clock.setTimer(this.#timing.capacityReportMs, () => {
      this.#changeTimer = undefined;
      void this.#writeStatus();
    });
  }

  #facts(): Parameters<typeof nodeStatus>[1] {
    return {
      nowMs: this.#ports.clock.now(), bootId: this.#runtime.bootId, machineId: this.#machineId, extended: this.#devices.capacity(),
      images: undefined, before: this.#status,
    };
  }

  async #register(): Promise<void> {
    this.#changed = false;
    const wanted = nodeObject(this.#options, nodeStatus(this.#options, this.#facts()));
    let node: Node;
    try {
      node = await this.#ports.kube.create(nodes, wanted);
    } catch (error) {
      if (!isKubeError(error, 'AlreadyExists')) throw error;
      node = await this.#adopt(wanted);
    }
    this.#nodeUid = node.metadata.uid;
    // Creating a Node takes its status along, as the real strategy does; a server that drops it gets it now.
    this.#status = wanted.status;
    if (node.status?.capacity === undefined || this.#changed) await this.#patchStatus();
  }

  /** A Node of this name is there from before: labels are completed, taints and a cordon stay as they are. */
  async #adopt(wanted: Node): Promise<Node> {
    const patch = {
      metadata: { labels: wanted.metadata.labels, annotations: wanted.metadata.annotations },
    };
    const node = await this.#ports.kube.patch(nodes, { name: this.#options.name }, { type: 'merge', patch });
    const rebooted = node.status?.nodeInfo !== undefined && node.status.nodeInfo.bootID !== this.#runtime.bootId;
    if (rebooted) this.#recorder.record('Warning', node, 'Rebooted', `Node ${this.#options.name} has been rebooted, boot id: ${this.#runtime.bootId}`);
    this.#status = node.status;
    this.#status = nodeStatus(this.#options, this.#facts());
    await this.#patchStatus();
    return node;
  }

  #armStatus(): void {
    this.#statusTimer = this.#ports.clock.setTimer(this.#timing.nodeStatusMs * (1 + this.#ports.random.next() * LEASE_JITTER), () => {
      void this.#writeStatus();
      this.#armStatus();
    });
  }

  async #writeStatus(): Promise<void> {
    if (this.#writing) {
      this.#changed = true;
      return;
    }
    this.#writing = true;
    this.#changed = false;
    try {
      await this.#patchStatus();
      this.#failures = 0;
    } catch (error) {
      if (!isKubeError(error)) throw error;
      await this.#recover(error.reason === 'NotFound');
    } finally {
      this.#writing = false;
    }
    if (this.#changed) this.changed();
  }

  async #recover(isDeleted: boolean): Promise<void> {
    this.#changed = true;
    await this.#ports.clock.sleep(exponentialMs(RETRY, ++this.#failures));
    // Somebody deleted the Node under a living kubelet, which registers only when it starts. It stays deleted.
    if (isDeleted) this.#changed = false;
  }

  async #patchStatus(): Promise<void> {
    const status = nodeStatus(this.#options, this.#facts());
    await this.#ports.kube.patch(nodes, { name: this.#options.name }, { type: 'strategic', patch: { status } }, { subresource: 'status' });
    this.#status = status;
  }

  async #renewLease(): Promise<void> {
    const { clock, random, log } = this.#ports;
    try {
      this.#lease = await this.#writeLease();
    } catch (error) {
      // Whoever wrote it meanwhile, the next renewal looks at it first.
      this.#lease = undefined;
      log.debug('The node lease was not renewed.', { error: String(error) });
    }
    if (!this.#running) return;
    this.#leaseTimer = clock.setTimer(this.#timing.leaseMs * (1 + random.next() * LEASE_JITTER), () => void this.#renewLease());
  }

  /** Makes the lease, or renews the one that was seen last. */
  async #writeLease(): Promise<Lease> {
    const { kube } = this.#ports;
    if (this.#lease !== undefined) return kube.update(leases, this.#nextLease(this.#lease.metadata.resourceVersion));
    try {
      return await kube.create(leases, this.#nextLease(undefined));
    } catch (error) {
      if (!isKubeError(error, 'AlreadyExists')) throw error;
      const found = await kube.get(leases, { namespace: LEASE_NAMESPACE, name: this.#options.name });
      return kube.update(leases, this.#nextLease(found.metadata.resourceVersion));
    }
  }

  #nextLease(resourceVersion: string | undefined): Lease {
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: this.#options.name, namespace: LEASE_NAMESPACE,
        ...(resourceVersion !== undefined && { resourceVersion }),
        ...(this.#nodeUid !== undefined && { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: this.#options.name, uid: this.#nodeUid }] }),
      },
      spec: { holderIdentity: this.#options.name, leaseDurationSeconds: LEASE_DURATION_SECONDS, renewTime: rfc3339Micro(this.#ports.clock.now()) },
    };
  }
}
