import { LEASE_NAME } from '../../operator/operator.ts';
import { metricTable as metric } from '../metric-table.ts';
import { promql } from './promql.ts';
import type { Expression } from './promql.ts';

export interface AlertRule {
  readonly alert: string;
  readonly expression: Expression;
  /** How long it must hold, as Prometheus writes durations. */
  readonly for: string;
  readonly severity: 'critical' | 'warning' | 'info';
  /** What happened, with `{{ $labels.… }}` of the expression. */
  readonly summary: string;
  /** What to do about it. */
  readonly remedy: string;
}

const name = { promql: JSON.stringify(LEASE_NAME) };

export const alertRules: readonly AlertRule[] = [
  {
    alert: 'VfleetOperatorWithoutLeader', severity: 'critical', for: '5m',
    expression: promql`(sum(${metric.leader}{name=${name}}) or vector(0)) < 1`,
    summary: 'No operator leads: nothing is rendered, drained or cleaned up.',
    remedy: 'Look at the pods of the operator and at their /readyz?verbose; NICs stay as they are meanwhile.',
  },
  {
    alert: 'VfleetCheckFailing', severity: 'warning', for: '15m',
    expression: promql`${metric.healthCheck}{check!="network-caches"} == 0`,
    summary: 'The check {{ $labels.check }} of {{ $labels.pod }} fails.',
    remedy: 'Ask the process for /readyz?verbose: it says why.',
  },
  {
    alert: 'VfleetNodeConfigurationFailed', severity: 'warning', for: '15m',
    expression: promql`sum(${metric.nodeStates}{sync_status="Failed"}) > 0`,
    summary: '{{ $value }} nodes do not get the NIC configuration that their policies want.',
    remedy: '`kubectl get sriovnetworknodestates -A` shows which; `status.lastSyncError` has cause and remedy.',
  },
  {
    alert: 'VfleetDrainStuck', severity: 'warning', for: '30m',
    expression: promql`sum(${metric.drainNodes}{phase="draining"}) > 0 and sum(increase(${metric.drainEvents}{event="Drained"}[1h])) == 0`,
    summary: 'A node is being drained, and no drain has come to an end for an hour.',
    remedy: 'The condition DrainBlocked of its node state names the pod and the PodDisruptionBudget.',
  },
  {
    alert: 'VfleetDrainGivenUp', severity: 'warning', for: '0m',
    expression: promql`sum(increase(${metric.drainEvents}{event="DrainFailed"}[30m])) > 0`,
    summary: 'A drain was given up, and will be tried again.',
    remedy: 'The Event DrainFailed of the node names what was in the way.',
  },
  {
    alert: 'VfleetReconcileErrors', severity: 'warning', for: '15m',
    expression: promql`sum by (controller) (rate(${metric.reconcileErrors}[10m])) > 0.1`,
    summary: 'The controller {{ $labels.controller }} fails again and again.',
    remedy: 'The log of the leader has each failure with its key.',
  },
  {
    alert: 'VfleetQueueBacklog', severity: 'warning', for: '15m',
    expression: promql`max by (name) (${metric.queueDepth}) > 100`,
    summary: 'More than 100 keys wait in the queue {{ $labels.name }}.',
    remedy: 'The API server may be slow: compare the duration of requests and vfleet_event_loop_utilization_ratio.',
  },
  {
    alert: 'VfleetApiRequestsFail', severity: 'warning', for: '15m',
    expression: promql`sum by (job) (rate(${metric.apiRequests}{code=~"5..|none"}[10m])) / sum by (job) (rate(${metric.apiRequests}[10m])) > 0.05`,
    summary: 'More than 5 % of the requests of {{ $labels.job }} to the API server fail.',
    remedy: 'Look at the API server, and at the network between.',
  },
  {
    alert: 'VfleetApiRequestsForbidden', severity: 'critical', for: '5m',
    expression: promql`sum by (job, verb, group, resource, subresource) (increase(${metric.apiRequests}{code="403"}[15m])) > 0`,
    summary: '{{ $labels.job }} may not {{ $labels.verb }} {{ $labels.resource }}.',
    remedy: 'The roles are not those of this version: apply deploy/install.yaml of it.',
  },
  {
    alert: 'VfleetWebhookCertificateEndsSoon', severity: 'critical', for: '1h',
    expression: promql`${metric.certificateExpiry} - time() < 7 * 86400`,
    summary: 'The {{ $labels.certificate }} certificate of the webhooks ends in less than a week, and was not renewed.',
    remedy: 'It is renewed 30 days before its end: the log of the operator says why it could not.',
  },
  {
    alert: 'VfleetAdmissionFails', severity: 'warning', for: '10m',
    expression: promql`sum by (webhook) (rate(${metric.admissionRequests}{outcome=~"4..|5.."}[5m])) > 0.1`,
    summary: 'The webhook {{ $labels.webhook }} answers requests with errors: what it reviews cannot be created.',
    remedy: 'The log of the operator has each; `enableOperatorWebhook` and `enableInjector` of the SriovOperatorConfig switch the webhooks off.',
  },
  {
    alert: 'VfleetDevicePluginNotRegistered', severity: 'warning', for: '10m',
    expression: promql`${metric.pluginRegistered} == 0`,
    summary: 'The kubelet of {{ $labels.node }} does not know the plugin of {{ $labels.resource }}.',
    remedy: 'Ask the daemon of the node for /readyz?verbose.',
  },
  {
    alert: 'VfleetDevicesUnhealthy', severity: 'warning', for: '15m',
    expression: promql`sum by (node, resource) (${metric.pluginDevices}{health="unhealthy"}) > 0`,
    summary: '{{ $value }} devices of {{ $labels.resource }} on {{ $labels.node }} are offered to no pod.',
    remedy: 'The log of the daemon and the node state say why: a link that is down, a driver that is gone, a VF that could not be reset.',
  },
  {
    alert: 'VfleetNamespacesUnseen', severity: 'warning', for: '15m',
    expression: promql`${metric.unknownSandboxes} > 0`,
    summary: 'The daemon of {{ $labels.node }} does not see the network namespaces of {{ $value }} pods that it gave VFs to.',
    remedy: 'Give its pod the host\'s /run/netns with mountPropagation: HostToContainer, as deploy/ does; its log names the namespaces. Pods keep what they have.',
  },
  {
    alert: 'VfleetHardwareStepsFail', severity: 'warning', for: '15m',
    expression: promql`sum by (node, step, outcome) (rate(${metric.hardwareSteps}{outcome!="ok"}[15m])) > 0`,
    summary: '{{ $labels.step }} fails on {{ $labels.node }}: {{ $labels.outcome }}.',
    remedy: '`status.lastSyncError` of the node state has cause and remedy.',
  },
  {
    alert: 'VfleetCniCallsFail', severity: 'warning', for: '15m',
    expression: promql`sum by (node, command) (rate(${metric.cniRequests}{outcome="error"}[10m])) / sum by (node, command) (rate(${metric.cniRequests}[10m])) > 0.2`,
    summary: 'More than a fifth of the CNI calls {{ $labels.command }} on {{ $labels.node }} fail.',
    remedy: 'The Events of the pods, and the log of the daemon, have each.',
  },
  {
    alert: 'VfleetVfDrops', severity: 'info', for: '15m',
    expression: promql`rate(${metric.vfRxDropped}[5m]) * on (pciAddr, node) group_left (pod, namespace, dev_type) ${metric.podDevice} > 100`,
    summary: 'The VF {{ $labels.pciAddr }} of pod {{ $labels.namespace }}/{{ $labels.pod }} drops more than 100 packets a second on receipt.',
    remedy: 'The pod takes packets too slowly, or its rate limit is too low for what it is sent.',
  },
  {
    alert: 'VfleetMetricsIncomplete', severity: 'info', for: '15m',
    expression: promql`sum by (job, metric) (increase(${metric.droppedSeries}[15m])) > 0 or sum by (job, collector) (increase(${metric.collectorFailures}[15m])) > 0`,
    summary: 'Part of the metrics of {{ $labels.job }} is missing: {{ $labels.metric }}{{ $labels.collector }}.',
    remedy: 'The log of the process says why a collector failed; a metric that dropped samples has as many series as it may have.',
  },
];
