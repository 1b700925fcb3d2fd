import type { AttachFailure, Files, PodNetworks, Result, Subscription } from '@vfleet/core';
import { MemFiles, fail } from '@vfleet/core';
import type { DevicePluginManager, NodePodNetworks } from '@vfleet/controllers';
import { createConfigDaemon, createDevicePluginManager, createPodNetworks } from '@vfleet/controllers';
import { OrphanCollector } from '@vfleet/controllers/attachment/orphan-collector.ts';
import { ApiEvents } from '@vfleet/kube';
import type { RebootPhase, SimulatedNode } from '@vfleet/hw-sim';
import { SimNamespaces } from '@vfleet/hw-sim/namespaces.ts';
import type { Cluster, Kubelet } from '@vfleet/kube-sim';
import { SimBootServices } from './boot-services.ts';
import { WithoutNamespaces } from './faults/hidden-namespaces.ts';
import { Sandboxes } from './sandboxes.ts';
import type { SandboxId } from './sandboxes.ts';
import { OvsCni } from './ovs-cni.ts';
import { OvsDatabase } from './ovs-database.ts';
import type { ComponentName, Hosted, ProcessHost, ProcessPorts } from './process-host.ts';
import type { WorldPorts } from './world.ts';

/** Parts of a node that run as processes of their own. */
export type NodeComponent = Exclude<ComponentName, 'operator'>;
export const nodeComponents: readonly NodeComponent[] = ['attachment', 'config-daemon', 'device-plugin'];

interface Running {
  stop(): Promise<void> | void;
}

/** On a disk with a past: VFs are made again by the config daemon, and pods that had some wait for theirs. */
const HELD_DEVICES_MS = 60_000;

/** The CNI call found no daemon behind its socket: the runtime tries again. */
const NOT_RUNNING: Result<never, AttachFailure> = fail({ code: 11, cause: 'the attachment daemon of this node does not run', remedy: 'It is tried again.' });

/** What runs on one simulated node: kubelet, config daemon, device plugin and attachment, over one disk and one set of NICs. */
export class WorldNode {
  /** The disk: it survives daemons, kubelets and reboots. */
  readonly files: Files;
  readonly hardware: SimulatedNode;
  readonly #bootServices: SimBootServices;
  readonly #ports: WorldPorts;
  readonly #cluster: Cluster;
  readonly #namespace: string;
  /** The attachment daemon has not the folder of network namespaces. */
  namespacesHidden = false;
  readonly #sandboxes = new Sandboxes();
  readonly #host: ProcessHost;
  /** The disk may have been another world's: the machine comes up as after a loss of power. */
  readonly #hasPast: boolean;
  /** Told when a process that is to end was killed meanwhile. */
  readonly #ends = new Map<NodeComponent, () => void>();
  #isGone = false;
  readonly #running = new Map<NodeComponent, Running>();
  #kubelet: Kubelet | undefined;
  #attachment: { readonly hosted: Hosted<ProcessPorts>; readonly networks: NodePodNetworks } | undefined;
  #devicePlugin: DevicePluginManager | undefined;
  #reboots: Subscription | undefined;

  constructor(ports: WorldPorts, cluster: Cluster, node: SimulatedNode, namespace: string, host: ProcessHost, disk?: Files) {
    this.#ports = { ...ports, log: ports.log.with({ node: node.name }) };
    this.#cluster = cluster;
    this.hardware = node;
    this.#namespace = namespace;
    this.#host = host;
    this.files = disk ?? new MemFiles();
    this.#bootServices = new SimBootServices(this.files);
    this.#hasPast = disk !== undefined;
  }

  get name(): string {
    return this.hardware.name;
  }

  /** What Open vSwitch of this node knows, for checks and people. */
  get ovsDatabase(): OvsDatabase {
    return new OvsDatabase(this.files);
  }

  get kubelet(): Kubelet | undefined {
    return this.#kubelet;
  }

  /** Sandboxes whose networks were set up, and for which the runtime has not called DEL. For checks. */
  attachedSandboxes(): readonly SandboxId[] {
    return this.#sandboxes.all();
  }

  async start(): Promise<void> {
    const { name, spec } = this.hardware;
    if (this.#hasPast) await this.#bootServices.find();
    if (this.#bootServices.isInstalled) await this.#runBootServices();
    // Before the kubelet, which may start pods at once.
    this.startComponent('attachment');
    // As a container runtime does when it starts: nothing runs yet, so nothing may hold addresses or VFs.
    if (this.#hasPast) await this.#attachment?.networks.collectGarbage([]);
    this.#kubelet = await this.#cluster.addNode({
      name, labels: spec.labels, taints: spec.taints, kernelVersion: spec.kernelVersion,
      files: this.#host.disk?.(name, this.files) ?? this.files, podNetworks: this.#podNetworks(), podInterfaces: (netns) => this.hardware.interfaces(netns),
      ...(this.#hasPast ? { timing: { heldDevicesMs: HELD_DEVICES_MS } } : {}),
    });
    for (const component of nodeComponents) this.startComponent(component);
    this.#reboots = this.hardware.onReboot((phase) => void this.#onReboot(phase));
  }

  /** For good: whoever would start a process of it again, a supervisor for one, no longer can. */
  async stop(): Promise<void> {
    this.#isGone = true;
    this.#reboots?.stop();
    await Promise.all(nodeComponents.map((component) => this.stopComponent(component)));
    this.#kubelet?.stop();
  }

  /** Starts a process from what its predecessor left on the disk. Nothing happens when it runs, or when the machine is down. */
  startComponent(component: NodeComponent): void {
    if (this.#isGone || this.#running.has(component) || !this.hardware.up) return;
    const started = component === 'attachment' ? this.#startAttachment() : component === 'config-daemon' ? this.#startConfigDaemon() : this.#startDevicePlugin();
    this.#running.set(component, started);
  }

  /** An orderly end, or a sudden one on the way there. */
  async stopComponent(component: NodeComponent): Promise<void> {
    const running = this.#running.get(component);
    this.abandonComponent(component);
    if (running === undefined) return;
    await new Promise<void>((resolve, reject) => {
      this.#ends.set(component, resolve);
      Promise.resolve(running.stop()).then(resolve, reject);
    });
    this.#ends.delete(component);
  }

  /** The process is dead; whoever killed it has seen to it that nothing of it has an effect any more. */
  abandonComponent(component: NodeComponent): void {
    this.#running.delete(component);
    this.#ends.get(component)?.();
    if (component === 'attachment') this.#attachment = undefined;
    if (component === 'device-plugin') this.#devicePlugin = undefined;
  }

  /** The kubelet's process ends and begins anew; its pods run on. */
  async restartKubelet(): Promise<void> {
    this.#kubelet?.stop();
    await this.#kubelet?.start();
  }

  #hosted(component: NodeComponent, fieldManager: string, more: Partial<ProcessPorts>): Hosted<ProcessPorts> {
    return this.#host.begin({ component, place: this.name }, { ...this.#ports, kube: this.#cluster.apiServer.client({ fieldManager }), ...more });
  }

  #startAttachment(): Running {
    const isHidden = () => this.namespacesHidden;
    const hosted = this.#hosted('attachment', 'multus', { hardware: new WithoutNamespaces(this.hardware.hardware, isHidden), files: this.files, namespaces: new SimNamespaces(this.hardware, isHidden) });
    const { ports } = hosted;
    const nodePorts = { ...ports, hardware: ports.hardware!, files: ports.files! };
    const networks: NodePodNetworks = createPodNetworks(
      { ...nodePorts, events: new ApiEvents(ports, { component: 'multus', host: this.name }) },
      { nodeName: this.name, chainedPlugins: new OvsCni(nodePorts, () => networks.vfs), onQuarantine: (devices) => this.#devicePlugin?.quarantine(devices) },
    );
    this.#attachment = { hosted, networks };
    const orphans = new OrphanCollector({ attachments: networks, clock: ports.clock, log: ports.log });
    orphans.start();
    return {
      stop: () => {
        orphans.stop();
        networks.stop();
      },
    };
  }

  #startConfigDaemon(): Running {
    const { hardware, host } = this.hardware;
    const { ports } = this.#hosted('config-daemon', 'sriov-config-daemon', { hardware, host, files: this.files, podResources: this.#kubelet! });
    const daemon = createConfigDaemon({ ...ports, hardware: ports.hardware!, host: ports.host!, files: ports.files!, bridges: new OvsDatabase(ports.files!), bootServices: this.#bootServices }, { nodeName: this.name, namespace: this.#namespace }, ports.podResources);
    daemon.start();
    return daemon;
  }

  #startDevicePlugin(): Running {
    const { hardware } = this.hardware;
    const { ports } = this.#hosted('device-plugin', 'sriov-device-plugin', { hardware, files: this.files, registry: this.#kubelet! });
    const manager = createDevicePluginManager({ ...ports, hardware: ports.hardware!, files: ports.files!, registry: ports.registry!, events: new ApiEvents(ports, { component: 'sriov-device-plugin', host: this.name }) }, { nodeName: this.name, namespace: this.#namespace });
    manager.start();
    manager.quarantine(this.#attachment?.networks.quarantined() ?? new Map());
    this.#devicePlugin = manager;
    return manager;
  }

  /** What the runtime calls: a socket that outlives the daemon behind it. */
  #podNetworks(): PodNetworks {
    const call = async <Value>(carryOut: (networks: NodePodNetworks) => Promise<Result<Value, AttachFailure>>): Promise<Result<Value, AttachFailure>> => {
      const current = this.#attachment;
      return current === undefined ? NOT_RUNNING : current.hosted.answer(carryOut(current.networks), NOT_RUNNING);
    };
    const networks: PodNetworks = {
      attach: (sandbox) => {
        this.hardware.createNetns(sandbox.netns);
        return this.#sandboxes.during(sandbox, call((current) => current.attach(sandbox)));
      },
      // The runtime removes the network namespace once CNI has let go of it, and gives what was left inside back to the host.
      detach: async (sandbox) => {
        this.#sandboxes.end(sandbox.containerId);
        const detached = await call((current) => current.detach(sandbox));
        if (detached.ok) this.hardware.deleteNetns(sandbox.netns);
        return detached;
      },
    };
    return this.#host.runtime?.(this.name, networks) ?? networks;
  }

  /** Before anything that uses NICs runs. */
  async #runBootServices(): Promise<void> {
    const { hardware, host } = this.hardware;
    const { clock, log } = this.#ports;
    await this.#bootServices.runAtBoot({ hardware, host, files: this.files, clock, log: log.with({ component: 'boot-services' }) });
  }

  /** The machine goes down with everything on it; what comes up has the disk and nothing else. */
  async #onReboot(phase: RebootPhase): Promise<void> {
    const kubelet = this.#kubelet;
    if (kubelet === undefined) return;
    if (phase === 'down') {
      this.#sandboxes.clear();
      kubelet.stop();
      for (const component of nodeComponents) this.#host.kill?.({ component, place: this.name });
      await Promise.all(nodeComponents.map((component) => this.stopComponent(component)));
      return;
    }
    const { bootId } = this.hardware;
    if (this.#bootServices.isInstalled) await this.#runBootServices();
    // The machine may have gone down again meanwhile.
    if (!this.hardware.up || this.hardware.bootId !== bootId) return;
    this.startComponent('attachment');
    await kubelet.reboot();
    for (const component of nodeComponents) this.startComponent(component);
  }
}
