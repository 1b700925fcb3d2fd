import { createPodNetworks, installedPlugins } from '@vfleet/controllers/attachment/index.ts';
import { OrphanCollector } from '@vfleet/controllers/attachment/orphan-collector.ts';
import { CniCalls } from '@vfleet/controllers/cni/calls.ts';
import { CniServer } from '@vfleet/controllers/cni/edge/server.ts';
import { DEFAULT_STATE_FOLDER, SriovCni } from '@vfleet/controllers/cni/index.ts';
import type { Namespaces } from '@vfleet/controllers/cni/index.ts';
import type { PluginRunner } from '@vfleet/controllers/cni/plugin-runner.ts';
import { createConfigDaemon } from '@vfleet/controllers/config-daemon/index.ts';
import type { ConfigDaemon } from '@vfleet/controllers/config-daemon/index.ts';
import { createKubeletRegistry } from '@vfleet/controllers/device-plugin/edge/kubelet-registry.ts';
import type { KubeletRegistry } from '@vfleet/controllers/device-plugin/edge/kubelet-registry.ts';
import { createPodResources } from '@vfleet/controllers/device-plugin/edge/pod-resources.ts';
import { createDevicePluginManager } from '@vfleet/controllers/device-plugin/index.ts';
import { MetaPlugin, isMetaPluginCall } from '@vfleet/controllers/meta-plugin/index.ts';
import { answers } from '@vfleet/controllers/edge/own-socket.ts';
import type { RawCall } from '@vfleet/controllers/cni/spec/call.ts';
import type { Health } from '@vfleet/controllers/observability/health.ts';
import type { MetricRegistry } from '@vfleet/controllers/observability/metric-registry.ts';
import { tracedCni } from '@vfleet/controllers/tracing/traced.ts';
import type { Tracer } from '@vfleet/controllers/tracing/tracer.ts';
import { collectNode, countedCni, nodeChecks } from '@vfleet/controllers/observability/node-metrics.ts';
import type { BootServices, Clock, Files, Hardware, Host, Kube, Log, LogLevel, Random, VfStatistics } from '@vfleet/core';
import type { PodLinks } from '@vfleet/core/ports/pod-links.ts';
import { ApiEvents } from '@vfleet/kube';
import { lstat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { CONFIG_FOLDER, isUnderWay } from '../../host-ports/under-way.ts';
import { Turn } from './turn.ts';
import type { Work } from './turn.ts';

export interface NodePorts {
  readonly kube: Kube;
  readonly hardware: Hardware;
  readonly host: Host;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly namespaces: Namespaces;
  /** Pods' interfaces; absent where VFs have none. */
  readonly podLinks?: PodLinks;
  readonly plugins: PluginRunner;
  /** Absent: configurationMode systemd is refused. */
  readonly bootServices?: BootServices;
  /** See CniServerPorts. */
  readonly peerUid: (socket: Socket) => number | undefined;
  /** Where metrics and health are shown; absent: nowhere. */
  readonly status?: NodeStatus;
  /** Where CNI calls and runs of the config daemon are told of in spans; absent: nowhere. */
  readonly tracer?: Tracer;
  /** See ConfigDaemonPorts. */
  readonly onLogLevel?: (level: LogLevel | undefined) => void;
}

export interface NodeStatus {
  readonly metrics: MetricRegistry;
  readonly health: Health;
  readonly statistics: VfStatistics;
  /** While another process of the node has the turn, it is the one that is asked. */
  readonly claim: () => void;
  readonly leave: () => void;
  /** See NodeHealthSources. */
  readonly monitorProblem: () => string | undefined;
}

export interface NodeSettings {
  readonly nodeName: string;
  readonly namespace: string;
  readonly resourcePrefix: string;
  readonly kubeletFolder: string;
  readonly cniSocket: string;
  readonly useCdi: boolean;
}

/** The three parts of a node in one process, over one view of its NICs. */
export class NodeProcess {
  readonly registry: KubeletRegistry;
  readonly #end: () => Promise<void>;

  private constructor(registry: KubeletRegistry, end: () => Promise<void>) {
    this.registry = registry;
    this.#end = end;
  }

  /** Resolves when CNI calls are served; daemon and device plugin go on from there. */
  static async start(ports: NodePorts, settings: NodeSettings): Promise<NodeProcess> {
    const { nodeName, namespace, resourcePrefix, kubeletFolder, cniSocket, useCdi } = settings;
    const registry = createKubeletRegistry(ports, { kubeletFolder });
    const podResources = createPodResources(ports, { kubeletFolder });
    const events = (component: string) => new ApiEvents(ports, { component, host: nodeName });
    const devices = createDevicePluginManager({ ...ports, registry, podResources, events: events('sriov-device-plugin') }, { nodeName, namespace, resourcePrefix, useCdi });
    const cni = new SriovCni(ports, {
      nodeName,
      onQuarantine: (quarantined) => devices.quarantine(quarantined),
      isUnderWay: (pf) => isUnderWay(ports.files, pf),
    });
    const calls = new CniCalls({ ...ports, cni }, { stateFolder: DEFAULT_STATE_FOLDER });
    const { status } = ports;
    const networks = createPodNetworks({ ...ports, events: events('vfleet-cni') }, { nodeName, sriov: cni, chainedPlugins: installedPlugins(ports.plugins) });
    const metaPlugin = new MetaPlugin({ ...ports, podResources, networks, vfStatus: () => calls.status(), placeOf: (id) => devices.placeOf(id), events: events('vfleet-cni') });
    const handle = (call: RawCall) => (isMetaPluginCall(call) ? metaPlugin.handle(call) : calls.handle(call));
    const counted = status === undefined ? handle : countedCni(status.metrics, handle, ports.clock);
    const served = ports.tracer === undefined ? counted : tracedCni(ports.tracer, counted);
    // Before it starts anew, or on a host without one.
    if (!(await exists(join(kubeletFolder, 'pod-resources', 'kubelet.sock')))) ports.log.warn('There is no pod-resources socket of a kubelet here: who holds VFs is not known until there is.', { kubeletFolder });
    const newWork = () => new NodeWork(new CniServer({ ...ports, handle: served }, { path: cniSocket }), createConfigDaemon(ports, { nodeName, namespace, stateFolder: CONFIG_FOLDER }, podResources), new OrphanCollector({ attachments: networks, clock: ports.clock, log: ports.log }));
    let work: NodeWork;
    const changed = (has: boolean) => void (has ? status?.claim() : status?.leave());
    const turn = new Turn({ ...ports, newWork: () => (work = newWork()), isAnswered: () => answers(cniSocket), changed }, `/var/lib/vfleet/node-${nodeName}.lock`);
    await turn.start().catch((error: unknown): never => {
      podResources.close();
      throw error;
    });
    if (status !== undefined) {
      const registrations = () => registry.registrations();
      const unknownSandboxes = () => networks.unknownSandboxes();
      const daemon = { view: () => work.daemon.view() };
      collectNode(status.metrics, { daemon, listings: () => devices.listings(), registrations, podResources, unknownSandboxes, statistics: status.statistics });
      status.health.add(...nodeChecks({ daemon, registrations, unknownSandboxes, cniServes: () => work.server.isServing, monitorProblem: status.monitorProblem }));
    }
    devices.start();
    return new NodeProcess(registry, async () => {
      devices.stop();
      await Promise.all([registry.close(), turn.stop()]);
      cni.stop();
      podResources.close();
    });
  }

  /** In order: no plugin is left registered, no call under way is cut off. Pods keep what they have. */
  stop(): Promise<void> {
    return this.#end();
  }
}

/** What takes calls, and what writes to the hardware without being called. */
class NodeWork implements Work {
  readonly server: CniServer;
  readonly daemon: ConfigDaemon;
  readonly #orphans: OrphanCollector;

  constructor(server: CniServer, daemon: ConfigDaemon, orphans: OrphanCollector) {
    this.server = server;
    this.daemon = daemon;
    this.#orphans = orphans;
  }

  takePlace(): Promise<void> {
    return this.server.listen();
  }

  isInPlace(): Promise<boolean> {
    return this.server.isInPlace();
  }

  begin(): void {
    this.#orphans.start();
    this.daemon.start();
  }

  async end(): Promise<void> {
    this.#orphans.stop();
    await Promise.all([this.server.close(), this.daemon.stop()]);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
