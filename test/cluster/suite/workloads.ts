// Deployments, ReplicaSets, DaemonSets and Jobs: defaults, validation, what may change.
import type { JsonValue } from '@vfleet/core';
import { create, get, group, mergePatch, prepare, strategicPatch } from '../case.ts';
import type { Case, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const template = (more: Fields = {}, labels: Fields = { a: 'b' }): JsonValue => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }], ...more } });
const selector = { matchLabels: { a: 'b' } };

interface Kind {
  readonly path: string;
  readonly spec: Fields;
}
const kinds = {
  Deployment: { path: group('apps/v1', 'deployments'), spec: { selector, template: template() } },
  ReplicaSet: { path: group('apps/v1', 'replicasets'), spec: { selector, template: template() } },
  DaemonSet: { path: group('apps/v1', 'daemonsets'), spec: { selector, template: template() } },
  Job: { path: group('batch/v1', 'jobs'), spec: { template: template({ restartPolicy: 'Never' }) } },
} satisfies Readonly<Record<string, Kind>>;

const make = (kind: Kind, spec: Fields, metadata: Fields = {}) => create(kind.path, { metadata: { name: 'w', ...metadata }, spec: { ...kind.spec, ...spec } });
const made = (kind: keyof typeof kinds, name: string, spec: Fields): Case => ({ name: `${kind}: ${name}`, steps: [make(kinds[kind], spec)] });
const changed = (kind: keyof typeof kinds, name: string, patch: JsonValue, spec: Fields = {}): Case => ({ name: `${kind}: ${name}`, steps: [prepare(make(kinds[kind], spec)), mergePatch(`${kinds[kind].path}/w`, patch)] });

const everywhere = (['Deployment', 'ReplicaSet', 'DaemonSet'] as const).flatMap((kind): readonly Case[] => [
  made(kind, 'a selector that its template lacks', { template: template({}, { x: 'y' }) }),
  made(kind, 'an empty selector', { selector: {} }),
  { name: `${kind}: no selector`, steps: [create(kinds[kind].path, { metadata: { name: 'w' }, spec: { template: template() } })] },
  { name: `${kind}: no template`, steps: [create(kinds[kind].path, { metadata: { name: 'w' }, spec: { selector } })] },
  made(kind, 'a template that restarts never', { template: template({ restartPolicy: 'Never' }) }),
  made(kind, 'a template with a wrong container', { template: template({ containers: [{ name: 'C' }] }) }),
  changed(kind, 'the selector cannot change', { spec: { selector: { matchLabels: { a: 'c' } }, template: { metadata: { labels: { a: 'c' } } } } }),
  changed(kind, 'the template changes', { spec: { template: { spec: { containers: [{ name: 'c', image: 'i:2' }], nodeSelector: { disk: 'fast' } } } } }),
]);

export const workloads: Theme = {
  name: 'workloads',
  cases: [
    ...everywhere,
    made('Deployment', 'negative numbers', { replicas: -1, minReadySeconds: -1, revisionHistoryLimit: -1, progressDeadlineSeconds: -1 }),
    made('Deployment', 'a deadline below the ready time', { minReadySeconds: 30, progressDeadlineSeconds: 10 }),
    made('Deployment', 'Recreate', { strategy: { type: 'Recreate' } }),
    made('Deployment', 'Recreate with a rolling update', { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } }),
    made('Deployment', 'an unknown strategy', { strategy: { type: 'Magic' } }),
    made('Deployment', 'a rolling update of nothing', { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
    made('Deployment', 'a rolling update in percent', { strategy: { rollingUpdate: { maxSurge: '50%', maxUnavailable: '120%' } } }),
    made('Deployment', 'a rolling update of words', { strategy: { rollingUpdate: { maxSurge: 'many' } } }),
    made('Deployment', 'zero replicas', { replicas: 0, paused: true }),
    { name: 'Deployment: rollout restart', steps: [prepare(make(kinds.Deployment, {})), strategicPatch(`${kinds.Deployment.path}/w`, { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2024-01-02T03:04:05Z' } } } } }), get(kinds.Deployment.path, { only: ['items[*].metadata.generation'] })] },
    made('ReplicaSet', 'zero replicas', { replicas: 0 }),
    made('ReplicaSet', 'a negative number', { replicas: -1 }),
    made('DaemonSet', 'OnDelete', { updateStrategy: { type: 'OnDelete' } }),
    made('DaemonSet', 'a rolling update with surge', { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }),
    made('DaemonSet', 'a rolling update with both', { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }),
    made('DaemonSet', 'an unknown strategy', { updateStrategy: { type: 'Magic' } }),
    made('DaemonSet', 'a deadline', { template: template({ activeDeadlineSeconds: 5 }) }),
    made('DaemonSet', 'tolerations and host paths as node agents have them', { template: template({ hostNetwork: true, tolerations: [{ operator: 'Exists' }], volumes: [{ name: 'host', hostPath: { path: '/' } }], containers: [{ name: 'c', image: 'i', securityContext: { privileged: true }, volumeMounts: [{ name: 'host', mountPath: '/host', mountPropagation: 'HostToContainer' }], env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }], resources: { requests: { cpu: '100m', memory: '100Mi' } } }] }) }),
    changed('DaemonSet', 'generation of the template', { spec: { template: { metadata: { annotations: { a: 'b' } } } } }),
    made('Job', 'defaults', {}),
    { name: 'Job: a restart policy of Always', steps: [create(kinds.Job.path, { metadata: { name: 'w' }, spec: { template: { spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Always' } } } })] },
    { name: 'Job: no restart policy', steps: [create(kinds.Job.path, { metadata: { name: 'w' }, spec: { template: { spec: { containers: [{ name: 'c', image: 'i' }] } } } })] },
    made('Job', 'negative numbers', { parallelism: -1, completions: -1, backoffLimit: -1, activeDeadlineSeconds: -1, ttlSecondsAfterFinished: -1 }),
    made('Job', 'indexed', { completionMode: 'Indexed', completions: 3, parallelism: 2 }),
    made('Job', 'indexed without a number', { completionMode: 'Indexed' }),
    made('Job', 'a selector of its own', { selector: { matchLabels: { x: 'y' } } }),
    made('Job', 'a manual selector', { manualSelector: true, selector: { matchLabels: { a: 'b' } } }),
    made('Job', 'suspended', { suspend: true, ttlSecondsAfterFinished: 0 }),
    made('Job', 'a pod failure policy', { backoffLimit: 2, podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] } }),
    made('Job', 'an unknown completion mode', { completionMode: 'Magic' }),
    made('Job', 'a name of 64 characters for its pods', { template: template({ restartPolicy: 'Never', containers: [{ name: 'c'.repeat(64), image: 'i' }] }) }),
    changed('Job', 'parallelism changes', { spec: { parallelism: 3 } }),
    changed('Job', 'completions cannot change', { spec: { completions: 3 } }),
    changed('Job', 'the template cannot change', { spec: { template: { spec: { containers: [{ name: 'c', image: 'i:2' }] } } } }),
    changed('Job', 'a suspended job that never started may change', { spec: { suspend: true } }),
  ],
};
