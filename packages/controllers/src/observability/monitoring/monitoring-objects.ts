import { componentNames } from '../../installation/roles.ts';
import { podLabelsOf } from '../../installation/workloads.ts';
import { alertRules } from './alert-rules.ts';
import { grafanaDashboard } from './dashboard.ts';

/** Labels that a scrape adds to what the processes say: from the ServiceMonitors below, and by Prometheus itself. */
export const scrapeLabels: readonly string[] = ['job', 'instance', 'node', 'namespace', 'pod', 'container', 'endpoint', 'service'];

/** For a cluster with the Prometheus operator, and Grafana with its sidecar: applied after the installation. */
export function monitoringObjects(namespace: string): readonly object[] {
  const monitor = (component: 'operator' | 'node') => ({
    apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor', metadata: { name: componentNames[component], namespace, labels: podLabelsOf(component) },
    spec: {
      selector: { matchLabels: podLabelsOf(component) },
      namespaceSelector: { matchNames: [namespace] },
      endpoints: [{
        port: 'status', path: '/metrics', interval: '30s',
        // Namespace and pod in sriov_kubepoddevice are those that hold the device, not those of the daemon.
        ...(component === 'node' ? { honorLabels: true } : {}),
        relabelings: [{ sourceLabels: ['__meta_kubernetes_pod_node_name'], targetLabel: 'node' }],
      }],
    },
  });
  const rules = alertRules.map(({ alert, expression, for: duration, severity, summary, remedy }) => ({ alert, expr: expression.promql, for: duration, labels: { severity }, annotations: { summary, description: remedy } }));
  return [
    monitor('operator'), monitor('node'),
    { apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', metadata: { name: 'vfleet', namespace, labels: { 'app.kubernetes.io/part-of': 'vfleet' } }, spec: { groups: [{ name: 'vfleet', rules }] } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'vfleet-dashboard', namespace, labels: { grafana_dashboard: '1' } }, data: { 'vfleet.json': `${JSON.stringify(grafanaDashboard(), null, 1)}\n` } },
  ];
}
