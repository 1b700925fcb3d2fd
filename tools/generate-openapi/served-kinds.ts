/** The kinds whose schemas the embedded API server has built in, and the kinds their subresources take. */
const core = ['Binding', 'ConfigMap', 'Endpoints', 'Event', 'Namespace', 'Node', 'Pod', 'Secret', 'Service', 'ServiceAccount'];
const groups: Readonly<Record<string, readonly string[]>> = {
  'admissionregistration.k8s.io/v1': ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'],
  'apiextensions.k8s.io/v1': ['CustomResourceDefinition'],
  'apps/v1': ['DaemonSet', 'Deployment', 'ReplicaSet'],
  'authentication.k8s.io/v1': ['SelfSubjectReview', 'TokenReview'],
  'authorization.k8s.io/v1': ['LocalSubjectAccessReview', 'SelfSubjectAccessReview', 'SelfSubjectRulesReview', 'SubjectAccessReview'],
  'autoscaling/v1': ['Scale'],
  'batch/v1': ['Job'],
  'coordination.k8s.io/v1': ['Lease'],
  'events.k8s.io/v1': ['Event'],
  'policy/v1': ['Eviction', 'PodDisruptionBudget'],
  'rbac.authorization.k8s.io/v1': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
};

export const SERVED_KINDS: readonly { readonly group: string; readonly version: string; readonly kind: string }[] = [
  ...core.map((kind) => ({ group: '', version: 'v1', kind })),
  ...Object.entries(groups).flatMap(([groupVersion, kinds]) => {
    const [group, version] = groupVersion.split('/') as [string, string];
    return kinds.map((kind) => ({ group, version, kind }));
  }),
  // Options and answers that every group has.
  ...['DeleteOptions', 'Status', 'WatchEvent'].map((kind) => ({ group: '', version: 'v1', kind })),
];
