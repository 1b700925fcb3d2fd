import { DEFAULT_OPERATOR_NAMESPACE } from '@vfleet/core';
import type { MetricDefinition } from '@vfleet/controllers/observability/metric-definition.ts';
import { metricTable } from '@vfleet/controllers/observability/metric-table.ts';
import { alertRules } from '@vfleet/controllers/observability/monitoring/alert-rules.ts';
import { monitoringObjects } from '@vfleet/controllers/observability/monitoring/monitoring-objects.ts';
import { grafanaDashboard } from '@vfleet/controllers/observability/monitoring/dashboard.ts';
import { ports } from '@vfleet/controllers/installation/workloads.ts';
import type { Generator } from './generator.ts';
import { documents } from './install-manifest.ts';

const HEADER = '# Written by `npm run generate` from packages/controllers/src/observability: change it there.\n';

/** deploy/monitoring.yaml, the dashboard on its own, and docs/metrics.md: from the table of metrics, the rules and the panels. */
export const monitoring: Generator = {
  name: 'monitoring',
  outputs: () => new Map([
    ['deploy/monitoring.yaml', HEADER + documents(monitoringObjects(DEFAULT_OPERATOR_NAMESPACE))],
    ['deploy/grafana-dashboard.json', `${JSON.stringify(grafanaDashboard(), null, 1)}\n`],
    ['docs/metrics.md', guide()],
  ]),
};

function guide(): string {
  return [
    '<!-- Written by `npm run generate` from packages/controllers/src/observability: change it there. -->',
    '# Metrics and health',
    '',
    'Operator and node show both where `--status-port PORT` says, on the loopback interface unless `--status-address` names another; without it, nowhere.',
    `\`deploy/install.yaml\` starts the operator with port ${ports.operatorStatus} on the pod's address, and the daemon with port ${ports.nodeStatus} on the node's (it is in the host's network namespace): both are plain HTTP,`,
    'read only, and tell names of nodes, pods and resources to whoever reaches them.',
    '',
    '| path | answers |',
    '|---|---|',
    '| `/metrics` | the metrics below, in Prometheus\' text format 0.0.4 |',
    '| `/healthz`, `/livez` | 200 while the process should live; 503 when only a restart helps |',
    '| `/readyz` | 200 while it can do its work; 503, with what is wrong, while it cannot |',
    '| `/readyz?verbose` | every check with its state; `[~]` marks what is told and counts for nothing |',
    '',
    '| process | check | fails |',
    '|---|---|---|',
    '| operator | `leadership` | while this replica neither leads nor knows who does |',
    '| operator | `caches` | of the leader: while nodes, policies, pools, node states or configurations have not been listed; a standby lists nothing |',
    '| operator | `network-caches` | told: while networks have not been listed; in a cluster without NetworkAttachmentDefinitions for ever |',
    '| operator | `webhook-certificates` | while there is none, or when one has ended |',
    '| operator | `webhooks` | while admission lists the cluster, or the webhook configurations are not up to date |',
    '| node | `kubelet` | while the kubelet does not know the plugin of a resource that there is |',
    '| node | `hardware-monitor` | when the kernel\'s news of NICs do not arrive any more; also `/healthz`, because only a restart mends it |',
    '| node | `config-daemon` | until the daemon has read its state and looked at the NICs |',
    '| node | `cni-socket` | while CNI calls are not served |',
    '',
    'For the Prometheus operator and Grafana there is `deploy/monitoring.yaml` (ServiceMonitors, a PrometheusRule, the dashboard as a ConfigMap for Grafana\'s sidecar), and',
    '`deploy/grafana-dashboard.json` to import by hand. They are made of the same table as what the processes emit.',
    '',
    '## Metrics',
    '',
    'Names of controller-runtime, client-go and the SR-IOV network metrics exporter are kept where they mean the same, so that rules and dashboards for these go on. The exporter\'s',
    '`sriov_vf_tx_errors` is not among them: the kernel\'s own counters of VFs have no such number. A metric keeps 1,000 series at most, those of VFs 2,048; what would be more is dropped and counted.',
    '',
    'Counters of VFs come from rtnetlink (`IFLA_VF_STATS`), and so from the PF: also those of VFs inside pods and of VFs that a program drives. A driver that implements no counters shows 0, and so do simulated NICs.',
    'The kernel tells of all VFs of a PF in one attribute of 64 KiB at most, which some two hundred VFs with counters fill: where it does not fit, the collector `vf-statistics` fails, and is counted.',
    '',
    ...(['operator', 'node'] as const).flatMap((process) => [
      `### ${process === 'operator' ? 'Operator' : 'Node'}`, '',
      '| name | type | labels | what |', '|---|---|---|---|',
      ...Object.values<MetricDefinition>(metricTable).filter((definition) => definition.processes.length === 1 && definition.processes[0] === process).map(row), '',
    ]),
    '### Both', '', '| name | type | labels | what |', '|---|---|---|---|',
    ...Object.values<MetricDefinition>(metricTable).filter((definition) => definition.processes.length > 1).map(row),
    '',
    '## Alerts', '', '| alert | severity | for | what | what to do |', '|---|---|---|---|---|',
    ...alertRules.map(({ alert, severity, for: duration, summary, remedy }) => `| \`${alert}\` | ${severity} | ${duration} | ${summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, '*$1*').replaceAll('{{ $value }}', '*value*')} | ${escaped(remedy)} |`),
    '',
  ].join('\n');
}

function row({ name, type, labels, help }: MetricDefinition): string {
  return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${escaped(help)} |`;
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}
