import { metricTable as metric } from '../metric-table.ts';
import { promql, quantile } from './promql.ts';
import type { Expression } from './promql.ts';

/** Units as Grafana names them. */
type GrafanaUnit = 'short' | 's' | 'reqps' | 'Bps' | 'pps' | 'bytes' | 'percentunit' | 'dateTimeFromNow';

interface Panel {
  readonly title: string;
  readonly unit: GrafanaUnit;
  readonly queries: readonly { readonly expression: Expression; /** With `{{label}}`. */ readonly legend: string }[];
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const panel = (title: string, unit: GrafanaUnit, ...queries: readonly (readonly [Expression, string])[]): Panel => ({ title, unit, queries: queries.map(([expression, legend]) => ({ expression, legend })) });

/** What the dashboard shows, in rows. */
export const dashboardRows: readonly Row[] = [
  {
    title: 'Fleet',
    panels: [
      panel('Node states', 'short', [promql`sum by (sync_status) (${metric.nodeStates})`, '{{sync_status}}']),
      panel('Drains', 'short', [promql`sum by (phase) (${metric.drainNodes})`, '{{phase}}']),
      panel('What drains came to, an hour', 'short', [promql`sum by (event) (increase(${metric.drainEvents}[1h]))`, '{{event}}']),
      panel('Time to empty a node', 's', [quantile(0.5, metric.drainDuration), 'p50'], [quantile(0.99, metric.drainDuration), 'p99']),
      panel('Phases of nodes', 'short', [promql`sum by (phase) (${metric.nodePhase})`, '{{phase}}']),
      panel('Checks that fail', 'short', [promql`count by (check) (${metric.healthCheck} == 0)`, '{{check}}']),
    ],
  },
  {
    title: 'VFs',
    panels: [
      panel('Received', 'Bps', [promql`rate(${metric.vfRxBytes}[5m]) * on (pciAddr, node) group_left (pod, namespace, dev_type) ${metric.podDevice}`, '{{namespace}}/{{pod}} {{pciAddr}}']),
      panel('Sent', 'Bps', [promql`rate(${metric.vfTxBytes}[5m]) * on (pciAddr, node) group_left (pod, namespace, dev_type) ${metric.podDevice}`, '{{namespace}}/{{pod}} {{pciAddr}}']),
      panel('Packets', 'pps', [promql`sum by (node, pf) (rate(${metric.vfRxPackets}[5m]))`, 'received {{node}} {{pf}}'], [promql`sum by (node, pf) (rate(${metric.vfTxPackets}[5m]))`, 'sent {{node}} {{pf}}']),
      panel('Dropped', 'pps', [promql`sum by (node, pf) (rate(${metric.vfRxDropped}[5m]))`, 'received {{node}} {{pf}}'], [promql`sum by (node, pf) (rate(${metric.vfTxDropped}[5m]))`, 'sent {{node}} {{pf}}']),
      panel('Broadcast and multicast', 'pps', [promql`sum by (node, pf) (rate(${metric.vfRxBroadcast}[5m]))`, 'broadcast {{node}} {{pf}}'], [promql`sum by (node, pf) (rate(${metric.vfRxMulticast}[5m]))`, 'multicast {{node}} {{pf}}']),
      panel('Devices offered', 'short', [promql`sum by (resource, health) (${metric.pluginDevices})`, '{{resource}} {{health}}']),
      panel('Plugins that the kubelet knows', 'short', [promql`sum by (resource) (${metric.pluginRegistered})`, '{{resource}}']),
    ],
  },
  {
    title: 'Operator',
    panels: [
      panel('Leader', 'short', [promql`${metric.leader}`, '{{pod}}']),
      panel('Reconciles', 'reqps', [promql`sum by (controller, result) (rate(${metric.reconciles}[5m]))`, '{{controller}} {{result}}']),
      panel('Failures', 'reqps', [promql`sum by (controller) (rate(${metric.reconcileErrors}[5m]))`, '{{controller}}']),
      panel('Duration of reconciles, p99', 's', [quantile(0.99, metric.reconcileTime, ['controller']), '{{controller}}']),
      panel('Keys worked on', 'short', [promql`sum by (controller) (${metric.activeWorkers})`, '{{controller}}']),
      panel('Queues', 'short', [promql`sum by (name) (${metric.queueDepth})`, '{{name}}']),
      panel('Waiting in queues, p99', 's', [quantile(0.99, metric.queueDuration, ['name']), '{{name}}']),
      panel('Added and put back', 'reqps', [promql`sum by (name) (rate(${metric.queueAdds}[5m]))`, 'added {{name}}'], [promql`sum by (name) (rate(${metric.queueRetries}[5m]))`, 'put back {{name}}']),
      panel('Admission', 'reqps', [promql`sum by (webhook, outcome) (rate(${metric.admissionRequests}[5m]))`, '{{webhook}} {{outcome}}']),
      panel('Duration of admission, p99', 's', [quantile(0.99, metric.admissionDuration, ['webhook']), '{{webhook}}']),
      panel('Certificates end', 'dateTimeFromNow', [promql`min by (certificate) (${metric.certificateExpiry}) * 1000`, '{{certificate}}']),
    ],
  },
  {
    title: 'Nodes',
    panels: [
      panel('Changes to NICs', 'reqps', [promql`sum by (step, outcome) (rate(${metric.hardwareSteps}[5m]))`, '{{step}} {{outcome}}']),
      panel('Duration of changes, p99', 's', [quantile(0.99, metric.hardwareStepDuration, ['step']), '{{step}}']),
      panel('What the kernel tells', 'reqps', [promql`sum by (kind) (rate(${metric.hardwareEvents}[5m]))`, '{{kind}}']),
      panel('CNI calls', 'reqps', [promql`sum by (command, outcome) (rate(${metric.cniRequests}[5m]))`, '{{command}} {{outcome}}']),
      panel('Namespaces that are not seen', 'short', [promql`sum by (node) (${metric.unknownSandboxes})`, '{{node}}']),
      panel('Duration of CNI calls, p99', 's', [quantile(0.99, metric.cniDuration, ['command']), '{{command}}']),
    ],
  },
  {
    title: 'Processes',
    panels: [
      panel('Requests to the API server', 'reqps', [promql`sum by (job, verb, resource, code) (rate(${metric.apiRequests}[5m]))`, '{{job}} {{verb}} {{resource}} {{code}}']),
      panel('Duration of requests, p99', 's', [quantile(0.99, metric.apiRequestDuration, ['verb', 'resource']), '{{verb}} {{resource}}']),
      panel('Memory', 'bytes', [promql`max by (job) (${metric.residentMemory})`, '{{job}}']),
      panel('Processor', 'percentunit', [promql`max by (job) (rate(${metric.cpuSeconds}[5m]))`, '{{job}}']),
      panel('Event loop', 'percentunit', [promql`max by (job) (${metric.eventLoopUtilization})`, '{{job}}']),
      panel('Versions', 'short', [promql`count by (job, version) (${metric.buildInfo})`, '{{job}} {{version}}']),
      panel('Started', 'dateTimeFromNow', [promql`max by (job) (${metric.startTime}) * 1000`, '{{job}}']),
      panel('Metrics that are missing', 'short', [promql`sum by (collector) (increase(${metric.collectorFailures}[1h]))`, '{{collector}}'], [promql`sum by (metric) (increase(${metric.droppedSeries}[1h]))`, '{{metric}}']),
    ],
  },
];

const COLUMNS = 24;
const [WIDTH, HEIGHT] = [8, 8];

/** A dashboard as Grafana 10 and newer import it (schema 39). Its data source is chosen where it is imported. */
export function grafanaDashboard(): object {
  let [y, id] = [0, 0];
  const panels: object[] = [];
  for (const row of dashboardRows) {
    panels.push({ id: ++id, type: 'row', title: row.title, collapsed: false, panels: [], gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 } });
    for (const [index, one] of row.panels.entries()) {
      panels.push(panelObject(++id, one, { x: (index * WIDTH) % COLUMNS, y: y + Math.floor((index * WIDTH) / COLUMNS) * HEIGHT, w: WIDTH, h: HEIGHT }));
    }
    y += Math.ceil((row.panels.length * WIDTH) / COLUMNS) * HEIGHT;
  }
  return {
    uid: 'vfleet', title: 'vfleet', tags: ['vfleet', 'sr-iov'], schemaVersion: 39, version: 1, editable: true, timezone: 'browser', refresh: '30s', time: { from: 'now-3h', to: 'now' },
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source', hide: 0 }] }, annotations: { list: [] }, panels,
  };
}

function panelObject(id: number, { title, unit, queries }: Panel, gridPos: object): object {
  const datasource = { type: 'prometheus', uid: '${datasource}' };
  return {
    id, type: 'timeseries', title, datasource, gridPos,
    fieldConfig: { defaults: { unit, custom: { fillOpacity: 10, showPoints: 'never' } }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom', showLegend: true }, tooltip: { mode: 'multi', sort: 'desc' } },
    targets: queries.map(({ expression, legend }, index) => ({ refId: String.fromCharCode('A'.charCodeAt(0) + index), datasource, expr: expression.promql, legendFormat: legend, range: true })),
  };
}
