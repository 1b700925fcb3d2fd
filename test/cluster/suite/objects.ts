// The life of an object of every kind the project uses: create, read, list, update, delete, and the answers to each.
import type { JsonValue } from '@vfleet/core';
import { clusterCore, clusterGroup, core, create, get, group, remove, sendBack, update } from '../case.ts';
import type { Case, Theme } from '../case.ts';

interface Kind {
  readonly kind: string;
  /** Path of the collection. */
  readonly collection: string;
  readonly clusterScoped?: true;
  readonly body: { readonly [key: string]: JsonValue };
  /** What a client changes. */
  readonly change: { readonly [key: string]: JsonValue };
  readonly needs?: Case['needs'];
}

const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'main', image: 'example.com/main:1' }] } };
const selector = { matchLabels: { app: 'a' } };

const kinds: readonly Kind[] = [
  { kind: 'ConfigMap', collection: core('configmaps'), body: { data: { a: '1' }, binaryData: { b: 'AAEC' } }, change: { data: { a: '2', c: '3' } } },
  { kind: 'Secret', collection: core('secrets'), body: { stringData: { password: 'x' }, data: { user: 'YWRtaW4=' } }, change: { data: { user: null, other: 'Yg==' } } },
  { kind: 'ServiceAccount', collection: core('serviceaccounts'), body: { automountServiceAccountToken: false }, change: { imagePullSecrets: [{ name: 'registry' }] } },
  {
    kind: 'Service', collection: core('services'), body: { spec: { clusterIP: 'None', selector: { app: 'a' }, ports: [{ port: 80, name: 'http' }, { port: 443, name: 'https', targetPort: 'tls' }] } },
    change: { spec: { selector: { app: 'b' } } },
  },
  { kind: 'Pod', collection: core('pods'), body: { spec: { containers: [{ name: 'main', image: 'example.com/main' }] } }, change: { metadata: { labels: { changed: 'yes' } } }, needs: ['serviceAccount'] },
  {
    kind: 'Event', collection: core('events'),
    body: { involvedObject: { kind: 'Pod', namespace: '{{ns}}', name: 'p', apiVersion: 'v1' }, reason: 'Tested', message: 'a test', type: 'Normal', source: { component: 'suite' }, firstTimestamp: '2024-01-02T03:04:05Z', lastTimestamp: '2024-01-02T03:04:05Z', count: 1 },
    change: { count: 2 },
  },
  { kind: 'Lease', collection: group('coordination.k8s.io/v1', 'leases'), body: { spec: { holderIdentity: 'a', leaseDurationSeconds: 15, acquireTime: '2024-01-02T03:04:05.000006Z', renewTime: '2024-01-02T03:04:05.123456Z', leaseTransitions: 0 } }, change: { spec: { holderIdentity: 'b', renewTime: '2024-01-02T03:04:15.100000Z' } } },
  { kind: 'PodDisruptionBudget', collection: group('policy/v1', 'poddisruptionbudgets'), body: { spec: { minAvailable: 1, selector } }, change: { spec: { minAvailable: '50%' } } },
  { kind: 'Deployment', collection: group('apps/v1', 'deployments'), body: { spec: { selector, template } }, change: { spec: { replicas: 3 } } },
  { kind: 'ReplicaSet', collection: group('apps/v1', 'replicasets'), body: { spec: { replicas: 2, selector, template } }, change: { spec: { replicas: 3, minReadySeconds: 5 } } },
  { kind: 'DaemonSet', collection: group('apps/v1', 'daemonsets'), body: { spec: { selector, template } }, change: { spec: { template: { spec: { nodeSelector: { disk: 'fast' } } } } } },
  { kind: 'Job', collection: group('batch/v1', 'jobs'), body: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } }, change: { spec: { parallelism: 2 } } },
  { kind: 'Role', collection: group('rbac.authorization.k8s.io/v1', 'roles'), body: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }] }, change: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] } },
  { kind: 'RoleBinding', collection: group('rbac.authorization.k8s.io/v1', 'rolebindings'), body: { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }, subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: '{{ns}}' }, { kind: 'User', name: 'u' }] }, change: { subjects: [{ kind: 'Group', name: 'g' }] } },
  { kind: 'ClusterRole', collection: clusterGroup('rbac.authorization.k8s.io/v1', 'clusterroles'), clusterScoped: true, body: { rules: [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }] }, change: { rules: [] } },
  { kind: 'ClusterRoleBinding', collection: clusterGroup('rbac.authorization.k8s.io/v1', 'clusterrolebindings'), clusterScoped: true, body: { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'r' }, subjects: [{ kind: 'User', name: 'u', apiGroup: 'rbac.authorization.k8s.io' }] }, change: { metadata: { labels: { a: 'b' } } } },
  { kind: 'Node', collection: clusterCore('nodes'), clusterScoped: true, body: { metadata: { labels: { disk: 'fast' } }, spec: { podCIDR: '10.1.0.0/24' } }, change: { spec: { unschedulable: true } } },
  { kind: 'Namespace', collection: clusterCore('namespaces'), clusterScoped: true, body: { metadata: { labels: { team: 'a' } } }, change: { metadata: { annotations: { note: 'changed' } } } },
];

/** A name that its own namespace does not have yet: the namespace's own name is taken for namespaces. */
const nameOf = (kind: Kind) => (kind.clusterScoped ? '{{id}}-x' : 'x');

function withName(kind: Kind): { readonly [key: string]: JsonValue } {
  const metadata = kind.body['metadata'] as { readonly [key: string]: JsonValue } | undefined;
  return { ...kind.body, metadata: { ...metadata, name: nameOf(kind) } };
}

function lifeOf(kind: Kind): Case {
  const object = `${kind.collection}/${nameOf(kind)}`;
  return {
    name: `life of a ${kind.kind}`,
    ...(kind.needs && { needs: kind.needs }),
    steps: [
      create(kind.collection, withName(kind), { keep: { made: '' } }),
      create(kind.collection, withName(kind)),
      get(object),
      get(kind.collection, { query: { fieldSelector: `metadata.name=${nameOf(kind)}` } }),
      sendBack(object, 'made', kind.change, { keep: { changed: '' } }),
      // Nothing changes: the same version comes back.
      sendBack(object, 'changed', {}),
      // From the first version: somebody was faster.
      sendBack(object, 'made', { metadata: { labels: { late: 'yes' } } }),
      remove(object),
      get(object),
      remove(object),
    ],
  };
}

function missing(kind: Kind): Case {
  return {
    name: `a ${kind.kind} that is not there`,
    steps: [
      get(`${kind.collection}/none`),
      update(`${kind.collection}/none`, { ...kind.body, metadata: { name: 'none' } }),
      { method: 'PATCH', path: `${kind.collection}/none`, headers: { 'content-type': 'application/merge-patch+json' }, body: { metadata: { labels: { a: 'b' } } } },
      remove(`${kind.collection}/none`),
    ],
  };
}

export const objects: Theme = { name: 'objects', cases: [...kinds.map(lifeOf), ...kinds.map(missing)] };
