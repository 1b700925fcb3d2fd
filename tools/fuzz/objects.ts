import type { Draw } from './draw.ts';

/** A resource to play with: few names, so that requests meet each other's objects. */
export interface Target {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly subresources: readonly string[];
  /** A body that the server takes. */
  readonly body: (draw: Draw) => object;
}

export const NAMES: readonly string[] = ['a', 'b', 'c', 'd', 'default', 'kube-system', 'widgets.fuzz.example.com'];

const container = (draw: Draw) => ({ name: draw.from(['main', 'side']), image: 'i:1', resources: { requests: { cpu: draw.from(['1', '100m', '1Gi', '']) } } });
const podSpec = (draw: Draw) => ({ containers: [container(draw)], ...(draw.once(3) ? { nodeName: 'a' } : {}), ...(draw.once(4) ? { tolerations: [{ operator: 'Exists' }] } : {}) });
const workload = (draw: Draw) => ({ spec: { ...(draw.once(2) ? { replicas: draw.integer(3) } : {}), selector: { matchLabels: { app: 'a' } }, template: { metadata: { labels: { app: 'a' } }, spec: podSpec(draw) } } });
const widgetSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object', 'x-kubernetes-validations': [{ rule: '!has(self.size) || self.size < 100' }, { rule: '!has(self.parts) || self.parts.all(p, p.name != "bad")' }],
      properties: {
        size: { type: 'integer' }, text: { type: 'string', maxLength: 20, default: 'x' }, port: { 'x-kubernetes-int-or-string': true },
        parts: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
    status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

/** The definition of `widgets`, which is made before the first request; requests may break it, and make it anew. */
export const widgetDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.fuzz.example.com' },
  spec: {
    group: 'fuzz.example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
    versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, selectableFields: [{ jsonPath: '.spec.text' }], additionalPrinterColumns: [{ name: 'S', type: 'integer', jsonPath: '.spec.size' }], schema: { openAPIV3Schema: widgetSchema } }],
  },
};

const kind = (group: string, version: string, plural: string, name: string, namespaced: boolean, subresources: readonly string[], body: (draw: Draw) => object): Target => ({ group, version, plural, kind: name, namespaced, subresources, body });

export const TARGETS: readonly Target[] = [
  kind('', 'v1', 'configmaps', 'ConfigMap', true, [], (draw) => ({ data: { x: draw.from(['1', '2']) } })),
  kind('', 'v1', 'secrets', 'Secret', true, [], () => ({ data: { x: 'YQ==' }, type: 'Opaque' })),
  kind('', 'v1', 'pods', 'Pod', true, ['status', 'binding', 'eviction', 'log', 'exec'], (draw) => ({ spec: podSpec(draw) })),
  kind('', 'v1', 'services', 'Service', true, ['status'], () => ({ spec: { ports: [{ port: 80 }], selector: { app: 'a' } } })),
  kind('', 'v1', 'namespaces', 'Namespace', false, ['status', 'finalize'], () => ({})),
  kind('', 'v1', 'nodes', 'Node', false, ['status'], () => ({ spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } })),
  kind('', 'v1', 'events', 'Event', true, [], () => ({ involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' }, reason: 'R', message: 'm', type: 'Normal' })),
  kind('apps', 'v1', 'deployments', 'Deployment', true, ['status', 'scale'], workload),
  kind('apps', 'v1', 'daemonsets', 'DaemonSet', true, ['status'], workload),
  kind('batch', 'v1', 'jobs', 'Job', true, ['status'], (draw) => ({ spec: { template: { spec: { ...podSpec(draw), restartPolicy: 'Never' } } } })),
  kind('coordination.k8s.io', 'v1', 'leases', 'Lease', true, [], () => ({ spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' } })),
  kind('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', true, ['status'], () => ({ spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } } })),
  kind('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', false, [], () => ({ rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] })),
  kind('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', false, ['status'], () => ({ spec: widgetDefinition.spec })),
  kind('admissionregistration.k8s.io', 'v1', 'validatingwebhookconfigurations', 'ValidatingWebhookConfiguration', false, [], () => ({
    webhooks: [{ name: 'a.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Ignore', clientConfig: { url: 'https://127.0.0.1:1/' }, rules: [{ apiGroups: ['coordination.k8s.io'], apiVersions: ['v1'], operations: ['*'], resources: ['*'] }], matchConditions: [{ name: 'c', expression: 'object.metadata.name == "a"' }] }],
  })),
  kind('fuzz.example.com', 'v1', 'widgets', 'Widget', true, ['status'], (draw) => ({ spec: { size: draw.integer(120), parts: [{ name: draw.from(['a', 'bad']) }] } })),
];
