import type { ContainerAllocation, DevicePlugin, NetworkStatus, PluginDevice, PodNetworks, PodSandbox } from '@vfleet/core';
import { fail, ok, SeededRandom, SimClock } from '@vfleet/core';
import type { CoreEvent, Node, Pod } from '@vfleet/kube';
import { events, nodes, pods } from '@vfleet/kube';
import type { Cluster, ClusterNode, ClusterOptions } from '@vfleet/kube-sim/cluster.ts';
import { createCluster } from '@vfleet/kube-sim/cluster.ts';
import type { Kubelet } from '@vfleet/kube-sim/kubelet/kubelet.ts';
import { instantTiming } from '@vfleet/kube-sim/kubelet/options.ts';
import { VF } from '../scheduler/fixtures.ts';

/** A device plugin with a list that a test changes; allocating answers as the SR-IOV plugin does. */
export class FakePlugin implements DevicePlugin {
  readonly resourceName: string;
  #devices: readonly PluginDevice[];
  #sinks = new Set<(devices: readonly PluginDevice[]) => void>();

  constructor(ids: readonly string[], resourceName = VF) {
    this.resourceName = resourceName;
    this.#devices = ids.map((id) => ({ id, healthy: true, numaNodes: [] }));
  }

  set(devices: readonly PluginDevice[]): void {
    this.#devices = devices;
    for (const sink of this.#sinks) sink(devices);
  }

  listAndWatch(sink: (devices: readonly PluginDevice[]) => void) {
    this.#sinks.add(sink);
    sink(this.#devices);
    return { stop: () => void this.#sinks.delete(sink) };
  }

  getPreferredAllocation() {
    return [];
  }

  async allocate(containers: readonly (readonly string[])[]) {
    return ok(containers.map((ids): ContainerAllocation => ({ env: { PCIDEVICE_OPENSHIFT_IO_VF: ids.join(',') }, mounts: [], devices: [], annotations: {} })));
  }
}

/** Attaches one netdev a device, and can be told to fail. */
export class FakeNetworks implements PodNetworks {
  /** Sandbox ids that hold something, with their devices. */
  readonly attached = new Map<string, readonly string[]>();
  failWith: string | undefined;
  detachFailures = 0;

  async attach(sandbox: PodSandbox) {
    if (this.failWith !== undefined) return fail({ code: 11, cause: this.failWith, remedy: 'Wait.' });
    const ids = sandbox.devices.flatMap(({ devices }) => devices.flatMap((one) => one.ids));
    this.attached.set(sandbox.containerId, ids);
    return ok(ids.map((id, index): NetworkStatus => ({ name: 'default/sriov-net1', interface: `net${index + 1}`, ips: [`192.168.1.${10 + index}/24`], mac: '02:00:00:00:00:01', dns: {}, 'device-info': { type: 'pci', pci: { 'pci-address': id } } })));
  }

  async detach({ containerId }: Pick<PodSandbox, 'containerId'>) {
    if (this.detachFailures > 0) {
      this.detachFailures--;
      return fail({ code: 11, cause: 'the VF is busy', remedy: 'Wait.' });
    }
    this.attached.delete(containerId);
    return ok(undefined);
  }
}

export interface Rig {
  readonly clock: SimClock;
  readonly cluster: Cluster;
  readonly pod: (name: string) => Promise<Pod>;
  readonly node: (name: string) => Promise<Node>;
  /** Reason and message of an object's Events, in order. */
  readonly eventsOf: (name: string) => Promise<readonly string[]>;
  readonly create: (pod: Pod) => Promise<Pod>;
  /** Lets `forMs` of simulated time pass. */
  readonly run: (forMs: number) => Promise<void>;
  readonly phase: (name: string) => Promise<string>;
  readonly exists: (name: string) => Promise<boolean>;
}

/** A running cluster under a virtual clock; nodes are instant unless told otherwise. */
export async function rig(nodeList: readonly ClusterNode[], options: Partial<ClusterOptions> = {}): Promise<Rig> {
  const clock = new SimClock();
  const cluster = createCluster({ clock, random: new SeededRandom('rig'), timing: instantTiming, ...options, nodes: nodeList });
  const started = cluster.start();
  await clock.run(1000);
  await started;
  const pod = (name: string) => cluster.kube.get(pods, { namespace: 'default', name });
  return {
    clock, cluster, pod,
    node: (name) => cluster.kube.get(nodes, { name }),
    eventsOf: async (name) => {
      const all = (await cluster.kube.list(events)).items.filter((event) => event.involvedObject.name === name);
      return all.sort((a, b) => (order(a) < order(b) ? -1 : 1)).map(({ reason, message }) => `${reason}: ${message}`);
    },
    create: async (object) => {
      const { uid: _, ...metadata } = object.metadata;
      return cluster.kube.create(pods, { ...object, metadata });
    },
    run: (forMs) => clock.run(forMs),
    phase: async (name) => (await pod(name)).status?.phase ?? '',
    exists: async (name) => (await cluster.kube.list(pods)).items.some(({ metadata }) => metadata.name === name),
  };
}

function order({ metadata }: CoreEvent): string {
  return metadata.name.slice(metadata.name.lastIndexOf('.') + 1);
}

export function kubeletOf({ cluster }: Rig, name: string): Kubelet {
  const kubelet = cluster.kubelet(name);
  if (kubelet === undefined) throw new Error(`no node ${name}`);
  return kubelet;
}
