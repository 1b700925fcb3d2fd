import { customResourceDefinitions } from '@vfleet/kube';
import { componentNames, roleObjects } from './roles.ts';
import type { InstallationSettings } from './workloads.ts';
import { nodeDaemonSet, operatorDeployment, services } from './workloads.ts';

/**
 * Everything that an administrator applies, in an order in which each object finds what it needs. The operator makes the rest itself: its
 * configuration, its certificates, and the webhook configurations, which need an authority to trust.
 */
export function installationObjects(settings: InstallationSettings): readonly object[] {
  const { namespace } = settings;
  const account = (name: string) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
  return [
    // The daemon is in namespaces of the host, and has folders of it.
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'privileged', 'pod-security.kubernetes.io/warn': 'privileged' } } },
    ...customResourceDefinitions(),
    ...Object.values(componentNames).map(account), ...roleObjects('operator', namespace), ...roleObjects('node', namespace),
    ...services(settings), operatorDeployment(settings), nodeDaemonSet(settings),
  ];
}
