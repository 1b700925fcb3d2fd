import type { Clock, Hardware, HardwareEvent, HardwareStep, PodResources, VfStatistics } from '@vfleet/core';
import { nodeMachine, parsePciAddress } from '@vfleet/core';
import type { CniReply } from '../cni/calls.ts';
import type { UnknownSight } from '../cni/index.ts';
import type { RawCall } from '../cni/spec/call.ts';
import type { ConfigDaemon } from '../config-daemon/daemon.ts';
import type { ResourceListing } from '../device-plugin/manager.ts';
import type { HealthCheck } from './health.ts';
import type { MetricRegistry } from './metric-registry.ts';
import { metricTable } from './metric-table.ts';

/** CNI spec 1.1.0 §"Section 2": anything else a caller says is counted as one. */
const CNI_COMMANDS: readonly string[] = ['ADD', 'DEL', 'CHECK', 'STATUS', 'VERSION', 'GC'];

/** The same hardware, with what is done to it and what it tells counted. */
export function countedHardware(metrics: MetricRegistry, hardware: Hardware, clock: Pick<Clock, 'monotonicMs'>): Hardware {
  const [steps, durations, events] = [metrics.family(metricTable.hardwareSteps), metrics.family(metricTable.hardwareStepDuration), metrics.family(metricTable.hardwareEvents)];
  return {
    discover: () => hardware.discover(),
    lookAtVf: (device) => hardware.lookAtVf(device),
    apply: async (step: HardwareStep) => {
      const startedMs = clock.monotonicMs();
      const outcome = await hardware.apply(step);
      steps.add({ step: step.kind, outcome: outcome.ok ? 'ok' : outcome.error.code });
      durations.observe({ step: step.kind }, (clock.monotonicMs() - startedMs) / 1000);
      return outcome;
    },
    watch: (listener) => hardware.watch((event: HardwareEvent) => {
      events.add({ kind: event.kind });
      listener(event);
    }),
  };
}

/** The same handler of CNI calls, counted. */
export function countedCni(metrics: MetricRegistry, handle: (call: RawCall) => Promise<CniReply>, clock: Pick<Clock, 'monotonicMs'>): (call: RawCall) => Promise<CniReply> {
  const [requests, durations] = [metrics.family(metricTable.cniRequests), metrics.family(metricTable.cniDuration)];
  return async (call) => {
    const said = call.environment['CNI_COMMAND'] ?? '';
    const command = CNI_COMMANDS.includes(said) ? said : 'other';
    const startedMs = clock.monotonicMs();
    const reply = await handle(call);
    requests.add({ command, outcome: reply.status === 0 ? 'ok' : 'error' });
    durations.observe({ command }, (clock.monotonicMs() - startedMs) / 1000);
    return reply;
  };
}

/** What the kubelet knows of a resource's plugin. */
export interface RegisteredPlugin {
  readonly resourceName: string;
  readonly registered: boolean;
  readonly problem: string | undefined;
}

/** What is looked at on each scrape. */
export interface NodeSources {
  readonly daemon: Pick<ConfigDaemon, 'view'>;
  readonly listings: () => readonly ResourceListing[];
  readonly registrations: () => readonly RegisteredPlugin[];
  readonly podResources: PodResources;
  /** See NodePodNetworks. */
  readonly unknownSandboxes: () => ReadonlyMap<string, UnknownSight>;
  /** Absent where nobody counts VFs' traffic. */
  readonly statistics?: VfStatistics;
}

export function collectNode(metrics: MetricRegistry, { daemon, listings, registrations, podResources, unknownSandboxes, statistics }: NodeSources): void {
  const [phases, devices, registered] = [metrics.family(metricTable.nodePhase), metrics.family(metricTable.pluginDevices), metrics.family(metricTable.pluginRegistered)];
  const unknown = metrics.family(metricTable.unknownSandboxes);
  metrics.collect('node', () => {
    unknown.set({}, unknownSandboxes().size);
    const { value } = daemon.view().node;
    for (const phase of Object.keys(nodeMachine.states)) phases.set({ phase }, phase === value ? 1 : 0);
    registered.clear();
    for (const plugin of registrations()) registered.set({ resource: plugin.resourceName }, plugin.registered ? 1 : 0);
    devices.clear();
    for (const { resourceName: resource, devices: listed } of listings()) {
      const healthy = listed.filter(({ fault }) => fault === undefined).length;
      devices.set({ resource, health: 'healthy' }, healthy);
      devices.set({ resource, health: 'unhealthy' }, listed.length - healthy);
    }
  });
  collectPodDevices(metrics, podResources);
  if (statistics !== undefined) collectVfs(metrics, statistics);
}

function collectPodDevices(metrics: MetricRegistry, podResources: PodResources): void {
  const family = metrics.family(metricTable.podDevice);
  metrics.collect('pod-resources', async () => {
    family.clear();
    for (const { namespace, name: pod, containers } of await podResources.list()) {
      for (const { name: container, devices } of containers) {
        for (const { resourceName: dev_type, ids } of devices) {
          for (const pciAddr of ids) if (parsePciAddress(pciAddr).ok) family.set({ pciAddr, dev_type, pod, namespace, container }, 1);
        }
      }
    }
  });
}

function collectVfs(metrics: MetricRegistry, statistics: VfStatistics): void {
  const families = [
    [metrics.family(metricTable.vfRxBytes), 'rxBytes'], [metrics.family(metricTable.vfTxBytes), 'txBytes'],
    [metrics.family(metricTable.vfRxPackets), 'rxPackets'], [metrics.family(metricTable.vfTxPackets), 'txPackets'],
    [metrics.family(metricTable.vfRxDropped), 'rxDropped'], [metrics.family(metricTable.vfTxDropped), 'txDropped'],
    [metrics.family(metricTable.vfRxBroadcast), 'rxBroadcast'], [metrics.family(metricTable.vfRxMulticast), 'rxMulticast'],
  ] as const;
  metrics.collect('vf-statistics', async () => {
    const read = await statistics.read();
    for (const [family] of families) family.clear();
    if (!read.ok) throw new Error(`${read.error.cause}; ${read.error.remedy}`);
    for (const counters of read.value) {
      // The exporter leaves the node out where the firmware names none.
      const labels = { pf: counters.pf, vf: String(counters.vfIndex), pciAddr: counters.pciAddress, numa_node: counters.numaNode < 0 ? '' : String(counters.numaNode) };
      for (const [family, count] of families) family.set(labels, counters[count]);
    }
  });
}

/** What the checks of a node ask. */
export interface NodeHealthSources extends Pick<NodeSources, 'daemon' | 'registrations' | 'unknownSandboxes'> {
  /** Whether CNI executables find the socket that this process made. */
  readonly cniServes: () => boolean;
  /** Undefined while the kernel's news of NICs arrive; else why not. */
  readonly monitorProblem: () => string | undefined;
}

/** The checks of a node: the kubelet knows its plugins, the kernel's news arrive, its state has been seen, pods can be attached. */
export function nodeChecks({ daemon, registrations, unknownSandboxes, cniServes, monitorProblem }: NodeHealthSources): readonly HealthCheck[] {
  return [
    {
      name: 'kubelet', counts: 'ready',
      state: () => {
        const missing = registrations().filter(({ registered }) => !registered);
        return missing.length === 0 ? undefined : missing.map(({ resourceName, problem }) => `${resourceName} is not registered${problem === undefined ? ' yet' : `: ${problem}`}`).join('; ');
      },
    },
    { name: 'hardware-monitor', counts: 'live', state: monitorProblem },
    {
      name: 'config-daemon', counts: 'ready',
      state: () => (daemon.view().node.value === 'starting' ? 'the node state has not been read, or the NICs have not been looked at yet' : undefined),
    },
    {
      // Nobody loses anything by it, and pods without networks of ours start: a roll-out need not wait for it.
      name: 'namespaces', counts: 'told',
      state: () => {
        const [first] = unknownSandboxes().values();
        return first === undefined ? undefined : `${unknownSandboxes().size} network namespaces that pods were given VFs in cannot be seen: ${first.cause}. ${first.remedy}`;
      },
    },
    { name: 'cni-socket', counts: 'ready', state: () => (cniServes() ? undefined : 'CNI calls are not served: pods get no networks') },
  ];
}
