import type { Clock, Files, Kube, Log, PodNetworks, Random } from '@vfleet/core';
import { fail, isKubeError, MemFiles, ok, silentLog } from '@vfleet/core';
import type { EventRecorder } from '@vfleet/kube';
import { ApiEvents, EventNames, nodes, noEvents } from '@vfleet/kube';
import { clusterEventLimits } from './event-limits.ts';
import type { AdmissionPlugin } from './admission/admission.ts';
import type { ApiServer } from './api-server.ts';
import { createApiServer } from './api-server.ts';
import type { ResourceCatalog } from './controllers/catalog.ts';
import { groupOf } from './controllers/catalog.ts';
import { ControlPlane } from './controllers/control-plane.ts';
import type { Kubelet } from './kubelet/kubelet.ts';
import type { Storage } from './storage/storage.ts';
import type { PodInterfaces } from './kubelet/inside.ts';
import { createKubelet } from './kubelet/kubelet.ts';
import type { ContainerPrograms, KubeletTiming, NodeOptions } from './kubelet/options.ts';
import { defaultTolerationSeconds } from './pods/default-tolerations.ts';

/** A node to be simulated. What is left out is chosen: addresses by the order in which nodes are added. */
export interface ClusterNode extends Omit<NodeOptions, 'address' | 'podCidr'> {
  readonly address?: string;
  readonly podCidr?: string;
  /** What attaches networks beyond eth0; by default pods that ask for any are refused a sandbox. */
  readonly podNetworks?: PodNetworks;
  /** What the node's NICs show inside of pods, for `exec`; without it only what attachments reported is known. */
  readonly podInterfaces?: PodInterfaces;
  /** What runs in the node's containers; without it nothing does. */
  readonly programs?: ContainerPrograms;
  /** The node's disk; by default one in memory of its own. */
  readonly files?: Files;
  readonly timing?: Partial<KubeletTiming>;
}

export interface ClusterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log;
  /** Added before {@link Cluster.start} resolves, in this order. */
  readonly nodes?: readonly ClusterNode[];
  /** How long things take on every node; a node's own timing goes before. */
  readonly timing?: Partial<KubeletTiming>;
  /** False: nobody records Events, which saves some of the work in large simulations. */
  readonly events?: boolean;
  /** False: the API server does not record who set which field, for large simulations in which nobody asks. */
  readonly managedFields?: boolean;
  /** Told of what a controller throws that is no KubeError, a mistake in the program; by default it is logged and tried again. */
  readonly onBug?: (error: unknown, key: string) => void;
  /** Further admission plug-ins of the API server. */
  readonly admission?: readonly AdmissionPlugin[];
  /** Keeps the API server's state beyond this cluster's life. */
  readonly storage?: Storage;
  /** An API server made before, with its own history limit or storage; the options above that concern it are then ignored. */
  readonly apiServer?: ApiServer;
}

/** A whole Kubernetes in this process: API server, scheduler, controllers and nodes, without a socket. */
export interface Cluster {
  /** A typed client with an administrator's rights. */
  readonly kube: Kube;
  readonly apiServer: ApiServer;
  /** Runs the control plane; resolves when the nodes given at creation are registered. */
  start(): Promise<void>;
  /** Stops everything that runs; the API server still answers. */
  stop(): Promise<void>;
  /** Adds a node and starts its kubelet; resolves when it is registered. Throws when the name is taken. */
  addNode(node: ClusterNode): Promise<Kubelet>;
  /** Switches a node off and deletes its Node object. */
  removeNode(name: string): Promise<void>;
  kubelet(name: string): Kubelet | undefined;
}

/** Makes a cluster; {@link Cluster.start} runs it. */
export function createCluster(options: ClusterOptions): Cluster {
  return new SimCluster(options);
}

/** Attaches nothing, and says so to pods that ask for networks. */
export const noPodNetworks: PodNetworks = {
  async attach({ annotations }) {
    const wanted = annotations['k8s.v1.cni.cncf.io/networks'];
    if (wanted === undefined || wanted === '') return ok([]);
    return fail({ code: 999, cause: `nothing on this node attaches networks, but the pod asks for "${wanted}".`, remedy: 'Give the node a podNetworks implementation, or remove the annotation.' });
  },
  async detach() {
    return ok(undefined);
  },
};

class SimCluster implements Cluster {
  readonly kube: Kube;
  readonly apiServer: ApiServer;
  readonly #options: ClusterOptions;
  readonly #log: Log;
  readonly #controlPlane: ControlPlane;
  readonly #kubelets = new Map<string, Kubelet>();
  #nodeCount = 0;

  constructor(options: ClusterOptions) {
    const { clock, random, log = silentLog } = options;
    this.#options = options;
    this.#log = log;
    this.apiServer = options.apiServer ?? createApiServer({ clock, random, log, admission: [defaultTolerationSeconds, ...(options.admission ?? [])], ...(options.managedFields === undefined ? {} : { managedFields: options.managedFields }), ...(options.storage !== undefined && { storage: options.storage }) });
    this.apiServer.connectKubelets((nodeName) => this.#kubelets.get(nodeName));
    this.kube = this.apiServer.client();
    this.#controlPlane = new ControlPlane({
      kube: this.apiServer.client({ fieldManager: 'kube-controller-manager' }), clock, random, log, catalog: catalogOf(this.apiServer),
      recorder: (component) => this.#recorder(component), ...(options.onBug !== undefined && { onBug: options.onBug }),
    });
  }

  async start(): Promise<void> {
    this.#controlPlane.start();
    for (const node of this.#options.nodes ?? []) if (!this.#kubelets.has(node.name)) await this.addNode(node);
  }

  async stop(): Promise<void> {
    for (const kubelet of this.#kubelets.values()) kubelet.stop();
    await this.#controlPlane.stop();
    this.apiServer.stop();
    // What cannot be kept was refused and logged when it was tried.
    await this.apiServer.durable().catch(() => undefined);
  }

  async addNode(node: ClusterNode): Promise<Kubelet> {
    if (this.#kubelets.has(node.name)) throw new Error(`a node named ${node.name} is there already`);
    const { clock, random } = this.#options;
    const { podNetworks = noPodNetworks, files = new MemFiles(), timing, podInterfaces, programs, ...rest } = node;
    const index = this.#nodeCount++;
    const kubelet = createKubelet({
      kube: this.apiServer.client({ fieldManager: 'kubelet' }), clock, random, log: this.#log.with({ node: node.name }), files, podNetworks,
      ...(podInterfaces !== undefined && { podInterfaces }),
      ...(programs !== undefined && { programs }),
      timing: { ...this.#options.timing, ...timing },
      ...(this.#options.events === false && { recorder: noEvents }),
    }, { ...rest, address: node.address ?? nodeAddress(index), podCidr: node.podCidr ?? podCidr(index) });
    this.#kubelets.set(node.name, kubelet);
    await kubelet.start();
    return kubelet;
  }

  async removeNode(name: string): Promise<void> {
    this.#kubelets.get(name)?.stop();
    this.#kubelets.delete(name);
    try {
      await this.kube.delete(nodes, { name });
    } catch (error) {
      if (!isKubeError(error, 'NotFound')) throw error;
    }
  }

  kubelet(name: string): Kubelet | undefined {
    return this.#kubelets.get(name);
  }

  #recorder(component: string): EventRecorder {
    if (this.#options.events === false) return noEvents;
    const { clock, random } = this.#options;
    return new ApiEvents({ kube: this.apiServer.client({ fieldManager: component }), clock, random, log: this.#log }, { component, names: new EventNames(clock, 0) }, clusterEventLimits);
  }
}

/** What the server has in its registry: the same that discovery tells clients. */
function catalogOf({ core: { registry } }: ApiServer): ResourceCatalog {
  const usable = () => registry.all().filter(({ verbs }) => ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)));
  return {
    all: () => [...new Map(usable().toReversed().map((definition) => [definition.storage, definition])).values()].toReversed(),
    find: (apiVersion, kind) => usable().find((definition) => definition.group === groupOf(apiVersion) && definition.kind === kind),
  };
}

/** 172.18.0.2 and on, as kind's nodes have them; room for 65,000. */
function nodeAddress(index: number): string {
  const host = index + 2;
  return `172.${18 + Math.floor(host / 65_536)}.${Math.floor(host / 256) % 256}.${host % 256}`;
}

/** 10.244.0.0/24 and on, then 10.128.0.0/24 to 10.243.255.0/24: room for 30,000 nodes. */
function podCidr(index: number): string {
  if (index < 256) return `10.244.${index}.0/24`;
  const beyond = index - 256;
  return `10.${128 + Math.floor(beyond / 256)}.${beyond % 256}.0/24`;
}
