import type { MetricDefinition, MetricProcess } from './metric-definition.ts';

const operator: readonly MetricProcess[] = ['operator'];
const node: readonly MetricProcess[] = ['node'];
const both: readonly MetricProcess[] = ['operator', 'node'];

/** From a millisecond to ten seconds: requests. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** From a millisecond to a minute: work on one object. */
const WORK_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];
/** From a second to an hour: what waits for pods to go. */
const DRAIN_SECONDS = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600];
/** From a millisecond to some minutes: large NICs need a minute for their VFs. */
const STEP_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 180];

/** Beyond, VFs of a node are not counted one by one: eight PFs with 256 each. */
const VFS_MAX = 2_048;

const vfCounter = (what: string, unit: 'bytes' | 'packets', text: string) => ({
  name: `sriov_vf_${what}`, type: 'counter', unit, labels: ['pf', 'vf', 'pciAddr', 'numa_node'], processes: node, seriesMax: VFS_MAX,
  help: `${text} by the virtual function, as the PF's driver counts them (IFLA_VF_STATS). 0 where the driver counts nothing.`,
} as const);

/**
 * Every metric of vfleet's processes. Names that operators' dashboards and rules already know are kept: those of controller-runtime and
 * client-go, which the Go operator emits, and those of the SR-IOV network metrics exporter.
 */
export const metricTable = {
  // ---- both processes ----
  buildInfo: { name: 'vfleet_build_info', type: 'gauge', unit: 'state', labels: ['version'], processes: both, help: 'The version of vfleet that runs; always 1.' },
  cpuSeconds: { name: 'process_cpu_seconds_total', type: 'counter', unit: 'seconds', labels: [], processes: both, help: 'Processor time spent by the process, in user and system mode.' },
  residentMemory: { name: 'process_resident_memory_bytes', type: 'gauge', unit: 'bytes', labels: [], processes: both, help: 'Memory of the process that is in RAM.' },
  startTime: { name: 'process_start_time_seconds', type: 'gauge', unit: 'unix seconds', labels: [], processes: both, help: 'When the process started.' },
  eventLoopUtilization: {
    name: 'vfleet_event_loop_utilization_ratio', type: 'gauge', unit: 'ratio', labels: [], processes: both,
    help: 'Part of the time since the last scrape in which the event loop did not wait for events: near 1 the process is as busy as it can be.',
  },
  apiRequests: {
    name: 'vfleet_api_requests_total', type: 'counter', unit: 'count', labels: ['verb', 'group', 'resource', 'subresource', 'code'], processes: both,
    help: 'Requests to the API server that have ended, watches included. `code` is 2xx, the HTTP status of a refusal, or none where no answer arrived.',
  },
  apiRequestDuration: {
    name: 'vfleet_api_request_duration_seconds', type: 'histogram', unit: 'seconds', labels: ['verb', 'resource'], processes: both, buckets: REQUEST_SECONDS,
    help: 'How long requests to the API server took, without watches.',
  },
  healthCheck: { name: 'vfleet_health_check', type: 'gauge', unit: 'state', labels: ['check'], processes: both, help: '1 while a check of /readyz holds, 0 while it does not.' },
  collectorFailures: {
    name: 'vfleet_collector_failures_total', type: 'counter', unit: 'count', labels: ['collector'], processes: both,
    help: 'Scrapes in which a part of the metrics could not be collected; the log of the process says why.',
  },
  droppedSeries: {
    name: 'vfleet_dropped_samples_total', type: 'counter', unit: 'count', labels: ['metric'], processes: both,
    help: 'Samples that were dropped because their metric has as many series as it may have.',
  },

  // ---- the operator ----
  reconciles: {
    name: 'controller_runtime_reconcile_total', type: 'counter', unit: 'count', labels: ['controller', 'result'], processes: operator,
    help: 'Reconciles that have ended. `result` is success, requeue_after, conflict (a newer object is on its way; tried again) or error.',
  },
  reconcileErrors: { name: 'controller_runtime_reconcile_errors_total', type: 'counter', unit: 'count', labels: ['controller'], processes: operator, help: 'Reconciles that failed and are tried again later.' },
  reconcileTime: { name: 'controller_runtime_reconcile_time_seconds', type: 'histogram', unit: 'seconds', labels: ['controller'], processes: operator, buckets: WORK_SECONDS, help: 'How long reconciles took.' },
  activeWorkers: { name: 'controller_runtime_active_workers', type: 'gauge', unit: 'count', labels: ['controller'], processes: operator, help: 'Keys that are worked on now.' },
  queueDepth: { name: 'workqueue_depth', type: 'gauge', unit: 'count', labels: ['name'], processes: operator, help: 'Keys that a worker could take now.' },
  queueAdds: { name: 'workqueue_adds_total', type: 'counter', unit: 'count', labels: ['name'], processes: operator, help: 'Keys added to a queue; one that waits already does not count again.' },
  queueDuration: { name: 'workqueue_queue_duration_seconds', type: 'histogram', unit: 'seconds', labels: ['name'], processes: operator, buckets: WORK_SECONDS, help: 'How long keys waited for a worker once their time had come.' },
  queueRetries: { name: 'workqueue_retries_total', type: 'counter', unit: 'count', labels: ['name'], processes: operator, help: 'Keys put back with a growing delay.' },
  leader: { name: 'leader_election_master_status', type: 'gauge', unit: 'state', labels: ['name'], processes: operator, help: '1 in the process that leads by the Lease of this name, 0 in the others.' },
  nodeStates: { name: 'vfleet_node_states', type: 'gauge', unit: 'count', labels: ['sync_status'], processes: operator, help: 'Node states by what their config daemons reported last: Succeeded, InProgress, Failed, or Unknown. Only the leader knows.' },
  drainNodes: {
    name: 'vfleet_drain_nodes', type: 'gauge', unit: 'count', labels: ['phase'], processes: operator,
    help: 'Nodes by phase of their drain: waiting (asked for, not begun), draining, drained, external (left to another drainer). Only the leader knows.',
  },
  drainEvents: {
    name: 'vfleet_drain_events_total', type: 'counter', unit: 'count', labels: ['event'], processes: operator,
    help: 'What drains came to: DrainStarted, Drained, DrainEnded (the node takes pods again), DrainFailed (given up for a while), SriovEvicted (a pod).',
  },
  drainDuration: { name: 'vfleet_drain_duration_seconds', type: 'histogram', unit: 'seconds', labels: [], processes: operator, buckets: DRAIN_SECONDS, help: 'From the start of a drain to the node being empty, of drains that this process began.' },
  admissionRequests: {
    name: 'vfleet_admission_requests_total', type: 'counter', unit: 'count', labels: ['webhook', 'outcome'], processes: operator,
    help: 'Requests of API servers for admission. `webhook` is mutate, validate, inject or other; `outcome` is allowed, denied, or the HTTP status of an answer that is no review.',
  },
  admissionDuration: { name: 'vfleet_admission_request_duration_seconds', type: 'histogram', unit: 'seconds', labels: ['webhook'], processes: operator, buckets: REQUEST_SECONDS, help: 'How long requests for admission took, from the whole request to the answer.' },
  certificateExpiry: {
    name: 'vfleet_webhook_certificate_expiry_timestamp_seconds', type: 'gauge', unit: 'unix seconds', labels: ['certificate'], processes: operator,
    help: 'When the certificates of the webhooks end: serving, and the newest authority.',
  },

  // ---- the node ----
  vfRxBytes: vfCounter('rx_bytes', 'bytes', 'Bytes received'),
  vfTxBytes: vfCounter('tx_bytes', 'bytes', 'Bytes sent'),
  vfRxPackets: vfCounter('rx_packets', 'packets', 'Packets received'),
  vfTxPackets: vfCounter('tx_packets', 'packets', 'Packets sent'),
  vfRxDropped: vfCounter('rx_dropped', 'packets', 'Packets dropped on receipt'),
  vfTxDropped: vfCounter('tx_dropped', 'packets', 'Packets dropped on sending'),
  vfRxBroadcast: vfCounter('rx_broadcast', 'packets', 'Broadcast packets received'),
  vfRxMulticast: vfCounter('rx_multicast', 'packets', 'Multicast packets received'),
  podDevice: {
    name: 'sriov_kubepoddevice', type: 'gauge', unit: 'state', labels: ['pciAddr', 'dev_type', 'pod', 'namespace', 'container'], processes: node, seriesMax: VFS_MAX,
    help: 'Which pod holds a device, as the kubelet says: always 1. `dev_type` is the resource.',
  },
  nodePhase: { name: 'vfleet_node_phase', type: 'gauge', unit: 'state', labels: ['phase'], processes: node, help: '1 for the state in which the config daemon\'s machine of this node is, 0 for the others.' },
  hardwareSteps: { name: 'vfleet_hardware_steps_total', type: 'counter', unit: 'count', labels: ['step', 'outcome'], processes: node, help: 'Changes made to NICs. `outcome` is ok or the class of the failure.' },
  hardwareStepDuration: { name: 'vfleet_hardware_step_duration_seconds', type: 'histogram', unit: 'seconds', labels: ['step'], processes: node, buckets: STEP_SECONDS, help: 'How long changes to NICs took.' },
  hardwareEvents: { name: 'vfleet_hardware_events_total', type: 'counter', unit: 'count', labels: ['kind'], processes: node, help: 'What the kernel told of NICs by itself; resync: messages were lost, and everything is looked at.' },
  pluginRegistered: { name: 'vfleet_device_plugin_registered', type: 'gauge', unit: 'state', labels: ['resource'], processes: node, help: '1 while the kubelet knows the plugin of a resource.' },
  pluginDevices: { name: 'vfleet_device_plugin_devices', type: 'gauge', unit: 'count', labels: ['resource', 'health'], processes: node, help: 'Devices offered to the kubelet, by health: healthy or unhealthy.' },
  unknownSandboxes: {
    name: 'vfleet_unknown_sandboxes', type: 'gauge', unit: 'count', labels: [], processes: node,
    help: 'Pod sandboxes of which the daemon cannot say whether they are there, as it does not see their network namespace. What they have stays with them.',
  },
  cniRequests: { name: 'vfleet_cni_requests_total', type: 'counter', unit: 'count', labels: ['command', 'outcome'], processes: node, help: 'Calls of CNI executables by command; `outcome` is ok or error.' },
  cniDuration: { name: 'vfleet_cni_request_duration_seconds', type: 'histogram', unit: 'seconds', labels: ['command'], processes: node, buckets: WORK_SECONDS, help: 'How long calls of CNI executables took.' },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** The definitions of one process, in the order of the table. */
export function metricsOf(process: MetricProcess): readonly MetricDefinition[] {
  return Object.values(metricTable).filter((definition: MetricDefinition) => definition.processes.includes(process));
}
