import type { Operator } from '@vfleet/controllers';
import { createOperator } from '@vfleet/controllers';
import type { Clock, Files, Kube, Log, Random } from '@vfleet/core';
import { DEFAULT_OPERATOR_NAMESPACE, isKubeError } from '@vfleet/core';
import type { FaultPlan, Fleet, FleetSpec, NodeHardwareSpec } from '@vfleet/hw-sim';
import { createFleet, nodesOf } from '@vfleet/hw-sim';
import { installCrds, namespaces } from '@vfleet/kube';
import type { ApiServer, Cluster, KubeletTiming, Storage } from '@vfleet/kube-sim';
import { createCluster } from '@vfleet/kube-sim';
import type { ProcessHost, ProcessId } from './process-host.ts';
import { directHost } from './process-host.ts';
import { WorldNode, nodeComponents } from './world-node.ts';

export interface WorldPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface WorldSettings {
  readonly operatorNamespace?: string;
  /** How long simulated kubelets take for things; the defaults are those of a calm server. */
  readonly kubeletTiming?: Partial<KubeletTiming>;
  /** Multiplies every delay of the NICs; 0 makes the hardware immediate. Default 1. */
  readonly hardwareDelayFactor?: number;
  readonly hardwareFaults?: FaultPlan;
  /** Nobody records Events of the control plane: for large simulations. */
  readonly events?: boolean;
  /** The API server does not record who set which field: for large simulations too. */
  readonly managedFields?: boolean;
  /** Stands between processes and their ports; by default nobody does. */
  readonly processes?: ProcessHost;
  /** Told of what production code or the control plane throws that is no operating error: a mistake in the program. */
  readonly onBug?: (error: unknown, where: string) => void;
  /** Replicas of the operator, of which one leads. Default 1. */
  readonly operatorReplicas?: number;
  /**
   * Keeps the API server's state beyond this world. A world on it begins as after a loss of power in the whole rack: objects are there
   * and watches resume, pods get new sandboxes, and NICs have no VFs until the config daemons have made them anew.
   */
  readonly storage?: Storage;
  /** The disks of nodes, by name; by default new ones in memory. */
  readonly disk?: (nodeName: string) => Files;
}

/**
 * The whole loop in one process: the production controllers, unchanged, on an embedded Kubernetes and simulated NICs. Under a
 * SimClock it is a deterministic simulation, under a RealClock it is what `vfleet up` serves.
 */
export interface World {
  readonly kube: Kube;
  readonly apiServer: ApiServer;
  readonly cluster: Cluster;
  readonly fleet: Fleet;
  readonly nodeNames: readonly string[];
  /** Resolves when the API serves our kinds, every node is registered and every component runs. */
  start(): Promise<void>;
  stop(): Promise<void>;
  node(name: string): WorldNode | undefined;
  nodes(): readonly WorldNode[];
  /** A machine is put into the rack; resolves when its node is registered. */
  addNode(hardware: NodeHardwareSpec): Promise<void>;
  /** A machine is taken out for good, with its Node object. */
  removeNode(name: string): Promise<void>;
  /** Every process that should run, operators first. */
  processes(): readonly ProcessId[];
  /** Starts a process that ended or was killed; nothing happens when it runs. */
  startProcess(id: ProcessId): void;
  /** An orderly end. */
  stopProcess(id: ProcessId): Promise<void>;
  /** Forgets a process that somebody killed. */
  abandonProcess(id: ProcessId): void;
}

export function createWorld(ports: WorldPorts, fleet: FleetSpec, settings: WorldSettings = {}): World {
  return new SimulatedWorld(ports, fleet, settings);
}

class SimulatedWorld implements World {
  readonly cluster: Cluster;
  readonly fleet: Fleet;
  readonly nodeNames: readonly string[];
  readonly #ports: WorldPorts;
  readonly #spec: FleetSpec;
  readonly #settings: WorldSettings;
  readonly #nodes = new Map<string, WorldNode>();
  readonly #operators = new Map<string, Operator>();

  constructor(ports: WorldPorts, spec: FleetSpec, settings: WorldSettings) {
    this.#ports = ports;
    this.#spec = spec;
    this.#settings = settings;
    this.nodeNames = [...nodesOf(spec)].map(({ name }) => name);
    this.cluster = createCluster({ ...ports, timing: settings.kubeletTiming ?? {}, events: settings.events ?? true, managedFields: settings.managedFields ?? true, ...(settings.onBug === undefined ? {} : { onBug: settings.onBug }), ...(settings.storage === undefined ? {} : { storage: settings.storage }) });
    this.fleet = createFleet({
      clock: ports.clock, random: ports.random, delayFactor: settings.hardwareDelayFactor ?? 1, strictNetns: true,
      ...(settings.hardwareFaults === undefined ? {} : { faults: settings.hardwareFaults }),
    });
  }

  get kube(): Kube {
    return this.cluster.kube;
  }

  get apiServer(): ApiServer {
    return this.cluster.apiServer;
  }

  get #namespace(): string {
    return this.#settings.operatorNamespace ?? DEFAULT_OPERATOR_NAMESPACE;
  }

  async start(): Promise<void> {
    await this.cluster.start();
    const installed = await installCrds({ ...this.#ports, kube: this.kube });
    if (!installed.ok) throw new Error(`${installed.error.cause}. ${installed.error.remedy}`);
    await this.kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.#namespace } }).catch((error: unknown) => {
      if (!isKubeError(error, 'AlreadyExists')) throw error;
    });
    for (const place of this.#operatorPlaces) this.startProcess({ component: 'operator', place });
    for (const hardware of nodesOf(this.#spec)) await this.addNode(hardware);
  }

  async stop(): Promise<void> {
    await Promise.all([...[...this.#operators.values()].map((operator) => operator.stop()), ...this.nodes().map((node) => node.stop())]);
    await this.cluster.stop();
  }

  node(name: string): WorldNode | undefined {
    return this.#nodes.get(name);
  }

  nodes(): readonly WorldNode[] {
    return [...this.#nodes.values()];
  }

  async addNode(hardware: NodeHardwareSpec): Promise<void> {
    const node = new WorldNode(this.#ports, this.cluster, this.fleet.addNode(hardware), this.#namespace, this.#host, this.#settings.disk?.(hardware.name));
    this.#nodes.set(hardware.name, node);
    await node.start();
  }

  async removeNode(name: string): Promise<void> {
    await this.#nodes.get(name)?.stop();
    this.#nodes.delete(name);
    this.fleet.removeNode(name);
    await this.cluster.removeNode(name);
  }

  processes(): readonly ProcessId[] {
    const operators = this.#operatorPlaces.map((place): ProcessId => ({ component: 'operator', place }));
    return [...operators, ...[...this.#nodes.keys()].flatMap((place) => nodeComponents.map((component): ProcessId => ({ component, place })))];
  }

  startProcess({ component, place }: ProcessId): void {
    if (component !== 'operator') this.#nodes.get(place)?.startComponent(component);
    else if (!this.#operators.has(place)) this.#startOperator(place);
  }

  async stopProcess({ component, place }: ProcessId): Promise<void> {
    if (component !== 'operator') return this.#nodes.get(place)?.stopComponent(component);
    const operator = this.#operators.get(place);
    this.#operators.delete(place);
    return operator?.stop();
  }

  abandonProcess({ component, place }: ProcessId): void {
    if (component === 'operator') this.#operators.delete(place);
    else this.#nodes.get(place)?.abandonComponent(component);
  }

  get #host(): ProcessHost {
    return this.#settings.processes ?? directHost;
  }

  get #operatorPlaces(): readonly string[] {
    return Array.from({ length: this.#settings.operatorReplicas ?? 1 }, (_, index) => `operator-${index}`);
  }

  #startOperator(identity: string): void {
    const kube = this.apiServer.client({ fieldManager: 'sriov-network-operator' });
    const { ports } = this.#host.begin({ component: 'operator', place: identity }, { ...this.#ports, kube });
    const { onBug } = this.#settings;
    const operator = createOperator(ports, { namespace: this.#namespace, identity }, onBug === undefined ? {} : { onBug: (error, key) => onBug(error, `${identity} ${key}`) });
    this.#operators.set(identity, operator);
    operator.start();
  }
}
