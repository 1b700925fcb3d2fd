import { podLabels, webhookNames } from '@vfleet/core';
import { appArmorAnnotations, hostNamespacesGiven, securityContextOf, volumeMountsOf, volumesGiven } from './node-rights.ts';
import { componentNames } from './roles.ts';

/** What an installation may choose. */
export interface InstallationSettings {
  readonly namespace: string;
  /** An image whose entry point is the `vfleet` executable. */
  readonly image: string;
}

/** Ports of the processes: webhooks, and metrics with health. The node's is that of the SR-IOV network metrics exporter. */
export const ports = { webhooks: 9443, operatorStatus: 8080, nodeStatus: 9808 } as const;

/**
 * Of the operator's Node.js. What requests and answers leave behind is short-lived: a young generation of 4 MiB a half instead of 16 takes a third off the
 * memory of an operator of 1,000 nodes, for a tenth more processor time.
 */
export const operatorNodeOptions = '--max-semi-space-size=4';

/** Labels by which Services and monitors find the pods of a component. */
export function podLabelsOf(component: 'operator' | 'node'): Readonly<Record<string, string>> {
  return { 'app.kubernetes.io/part-of': 'vfleet', 'app.kubernetes.io/name': componentNames[component] };
}

/** Of our own pods: where no operator runs, nobody answers the injector's webhook, and without these the API server would refuse the operator's own pods for good. */
function ownPodLabels(component: 'operator' | 'node'): Readonly<Record<string, string>> {
  return { ...podLabelsOf(component), [podLabels.injectResources]: 'false' };
}

/** Two replicas, of which one leads; both answer admission. */
export function operatorDeployment({ namespace, image }: InstallationSettings): object {
  const [name, labels] = [componentNames.operator, podLabelsOf('operator')];
  return {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace, labels },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } },
      template: {
        metadata: { labels: ownPodLabels('operator') },
        spec: {
          serviceAccountName: name,
          priorityClassName: 'system-cluster-critical',
          securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
          topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: labels } }],
          // Nodes that are not ready, or that it drains itself, are where an operator is needed.
          tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }],
          containers: [{
            name: 'operator', image,
            args: ['operator', `--namespace=${namespace}`, `--webhook-port=${ports.webhooks}`, `--status-port=${ports.operatorStatus}`, '--status-address=0.0.0.0'],
            env: [fieldEnvironment('POD_NAME', 'metadata.name'), { name: 'NODE_OPTIONS', value: operatorNodeOptions }],
            ports: [{ name: 'webhooks', containerPort: ports.webhooks }, { name: 'status', containerPort: ports.operatorStatus }],
            ...probes(ports.operatorStatus),
            resources: { requests: { cpu: '50m', memory: '160Mi' }, limits: { memory: '512Mi' } },
            securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          }],
          terminationGracePeriodSeconds: 30,
        },
      },
    },
  };
}

/** One heap of the C library for all threads instead of one for each (mallopt(3)): it waits for the kernel most of its time, and memory counts on every node. */
export const nodeEnvironment = { MALLOC_ARENA_MAX: '1' } as const;

/** On every Linux node: which of them it configures is said by their node states. */
export function nodeDaemonSet({ namespace, image }: InstallationSettings): object {
  const [name, labels] = [componentNames.node, podLabelsOf('node')];
  return {
    apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name, namespace, labels },
    spec: {
      selector: { matchLabels: labels },
      // The new one takes over from the old one while that still runs: no call of CNI goes unanswered, and the kubelet is without devices for
      // the second at most in which it changes plugins. Until the new one has its place the old one answers for it on the port that they
      // share; ten seconds are longer than that takes.
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '33%' } },
      minReadySeconds: 10,
      template: {
        metadata: { labels: ownPodLabels('node'), annotations: { ...appArmorAnnotations } },
        spec: {
          serviceAccountName: name,
          priorityClassName: 'system-node-critical',
          ...hostNamespacesGiven(), dnsPolicy: 'ClusterFirstWithHostNet',
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          tolerations: [{ operator: 'Exists' }],
          initContainers: [cniInstaller(image)],
          containers: [{
            name: 'node', image,
            args: [
              'node', `--namespace=${namespace}`, '--root=/host', '--kubelet-folder=/var/lib/kubelet', '--cni-socket=/run/vfleet/cni.sock',
              `--status-port=${ports.nodeStatus}`, '--status-address=$(NODE_ADDRESS)',
            ],
            env: [fieldEnvironment('NODE_NAME', 'spec.nodeName'), fieldEnvironment('NODE_ADDRESS', 'status.hostIP'), ...Object.entries(nodeEnvironment).map(([name, value]) => ({ name, value }))],
            ...probes(ports.nodeStatus),
            resources: { requests: { cpu: '50m', memory: '160Mi' }, limits: { memory: '512Mi' } },
            securityContext: securityContextOf('node'),
            volumeMounts: volumeMountsOf('node', 'always'),
          }],
          terminationGracePeriodSeconds: 60,
          volumes: volumesGiven('always'),
        },
      },
    },
  };
}

/** Of the DaemonSet that takes everything off a node again: files in folders of the host, whosever they are. */
const hostFolderWriter = { ...securityContextOf('cni'), allowPrivilegeEscalation: false };
const smallResources = { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } } as const;

/** Puts the CNI executable on the node, before the daemon that it calls. */
function cniInstaller(image: string): object {
  return {
    name: 'cni', image, args: ['cni', 'install'], resources: smallResources, volumeMounts: volumeMountsOf('cni', 'always'),
    securityContext: { ...securityContextOf('cni'), allowPrivilegeEscalation: false },
  };
}

/** The other way round, when the daemons have gone: on every node, until it is deleted. Its pods are ready when their node is done. */
export function nodeRemoval(image: string): object {
  const [name, labels] = ['vfleet-node-removal', { 'app.kubernetes.io/part-of': 'vfleet', 'app.kubernetes.io/name': 'vfleet-node-removal' }];
  const container = (role: string, ...more: readonly string[]) => ({
    name: role, image, args: ['cni', 'remove', '--root=/host', ...more], resources: smallResources, securityContext: hostFolderWriter, volumeMounts: [{ name: 'host', mountPath: '/host', mountPropagation: 'HostToContainer' }],
  });
  return {
    apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name, namespace: 'kube-system', labels },
    spec: {
      selector: { matchLabels: labels },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } },
      template: {
        metadata: { labels },
        spec: {
          // It must start where no pod gets a network any more, and asks nobody anything.
          hostNetwork: true, automountServiceAccountToken: false, priorityClassName: 'system-node-critical', nodeSelector: { 'kubernetes.io/os': 'linux' }, tolerations: [{ operator: 'Exists' }],
          initContainers: [container('remove')], containers: [container('stay', '--stay')], terminationGracePeriodSeconds: 5,
          volumes: [{ name: 'host', hostPath: { path: '/', type: 'Directory' } }],
        },
      },
    },
  };
}

/** What API servers call webhooks by, and what Prometheus finds the processes by. */
export function services({ namespace }: InstallationSettings): readonly object[] {
  const webhook = (name: string) => service(name, namespace, 'operator', { ports: [{ name: 'webhooks', port: 443, targetPort: 'webhooks' }] });
  return [
    webhook(webhookNames.operatorService), webhook(webhookNames.injectorService),
    service(`${componentNames.operator}-metrics`, namespace, 'operator', { clusterIP: 'None', ports: [{ name: 'status', port: ports.operatorStatus, targetPort: 'status' }] }),
    // By number: a port that a pod of the host's network names is the node's, and of two pods only one could be there.
    service(`${componentNames.node}-metrics`, namespace, 'node', { clusterIP: 'None', ports: [{ name: 'status', port: ports.nodeStatus, targetPort: ports.nodeStatus }] }),
  ];
}

function service(name: string, namespace: string, component: 'operator' | 'node', spec: object): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace, labels: podLabelsOf(component) }, spec: { selector: podLabelsOf(component), ...spec } };
}

function fieldEnvironment(name: string, fieldPath: string): object {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** A process that is not ready for long is left alone: only what a restart mends ends it. */
function probes(port: number): object {
  const probe = (path: string, more: object) => ({ httpGet: { path, port }, timeoutSeconds: 5, ...more });
  return { startupProbe: probe('/healthz', { periodSeconds: 2, failureThreshold: 30 }), livenessProbe: probe('/healthz', { periodSeconds: 20, failureThreshold: 3 }), readinessProbe: probe('/readyz', { periodSeconds: 5 }) };
}
