// ConfigMaps and Secrets: keys, types, immutability. Services, Leases, Events and service accounts: what is validated and defaulted.
import type { JsonValue } from '@vfleet/core';
import { core, create, get, group, mergePatch, prepare, update } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

const configmaps = core('configmaps');
const secrets = core('secrets');
const services = core('services');
const leases = group('coordination.k8s.io/v1', 'leases');
const budgets = group('policy/v1', 'poddisruptionbudgets');
const named = (body: { readonly [key: string]: JsonValue }): JsonValue => ({ metadata: { name: 'a' }, ...body });
const made = (name: string, path: string, body: { readonly [key: string]: JsonValue }): Case => ({ name, steps: [create(path, named(body))] });
const one = (name: string, ...steps: readonly RequestStep[]): Case => ({ name, steps });
const event = (more: { readonly [key: string]: JsonValue }) => ({ involvedObject: { kind: 'Pod', namespace: '{{ns}}', name: 'p' }, reason: 'R', message: 'm', type: 'Normal', ...more });
const rbac = (plural: string) => group('rbac.authorization.k8s.io/v1', plural);

export const config: Theme = {
  name: 'config',
  cases: [
    made('ConfigMap: a key with a slash', configmaps, { data: { 'a/b': '1' } }),
    made('ConfigMap: a key of dots', configmaps, { data: { '..': '1' } }),
    made('ConfigMap: keys of odd characters', configmaps, { data: { 'a.b_c-D': '1', '.x': '2' } }),
    made('ConfigMap: an empty key', configmaps, { data: { '': '1' } }),
    made('ConfigMap: a key of 254 characters', configmaps, { data: { ['k'.repeat(254)]: '1' } }),
    made('ConfigMap: one key in both maps', configmaps, { data: { a: '1' }, binaryData: { a: 'AA==' } }),
    made('ConfigMap: empty maps', configmaps, { data: {}, binaryData: {} }),
    made('ConfigMap: any text', configmaps, { data: { a: 'é\n\t"\\ \u0001 \u2028 😀', b: '' } }),
    made('ConfigMap: immutable', configmaps, { data: { a: '1' }, immutable: true }),
    one('ConfigMap: immutable data changes', prepare(create(configmaps, named({ data: { a: '1' }, immutable: true }))), mergePatch(`${configmaps}/a`, { data: { a: '2' } }), mergePatch(`${configmaps}/a`, { immutable: false }), mergePatch(`${configmaps}/a`, { immutable: null, binaryData: { b: 'AA==' } }), mergePatch(`${configmaps}/a`, { metadata: { labels: { x: 'y' } } })),
    one('ConfigMap: becomes immutable', prepare(create(configmaps, named({ data: { a: '1' } }))), mergePatch(`${configmaps}/a`, { immutable: true, data: { a: '2' } })),
    made('Secret: stringData over data', secrets, { data: { a: 'MQ==', b: 'Mg==' }, stringData: { a: 'x' } }),
    made('Secret: data that is no base64', secrets, { data: { a: '!' } }),
    made('Secret: a key with a space', secrets, { data: { 'a b': 'MQ==' } }),
    made('Secret: a type of its own', secrets, { type: 'example.com/token', stringData: { a: 'x' } }),
    made('Secret: TLS without its keys', secrets, { type: 'kubernetes.io/tls', stringData: { a: 'x' } }),
    made('Secret: basic-auth without its keys', secrets, { type: 'kubernetes.io/basic-auth', stringData: {} }),
    made('Secret: SSH without its key', secrets, { type: 'kubernetes.io/ssh-auth', stringData: {} }),
    made('Secret: dockerconfigjson that is no JSON', secrets, { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': 'x' } }),
    made('Secret: a service account token without its account', secrets, { type: 'kubernetes.io/service-account-token' }),
    one('Secret: the type cannot change', prepare(create(secrets, named({ type: 'a/b' }))), mergePatch(`${secrets}/a`, { type: 'c/d' })),
    one('Secret: immutable data changes', prepare(create(secrets, named({ stringData: { a: '1' }, immutable: true }))), mergePatch(`${secrets}/a`, { data: { a: 'eA==' } }), mergePatch(`${secrets}/a`, { stringData: { a: '2' } })),
    one('Secret: stringData in an update', prepare(create(secrets, named({ stringData: { a: '1' } }))), update(`${secrets}/a`, named({ stringData: { b: '2' } })), get(`${secrets}/a`)),

    made('Service: headless with defaults', services, { spec: { clusterIP: 'None', ports: [{ port: 80 }] } }),
    made('Service: no ports', services, { spec: { clusterIP: 'None' } }),
    made('Service: a port out of range', services, { spec: { clusterIP: 'None', ports: [{ port: 0 }, { port: 70_000, name: 'b' }] } }),
    made('Service: two ports without names', services, { spec: { clusterIP: 'None', ports: [{ port: 80 }, { port: 81 }] } }),
    made('Service: the same port twice', services, { spec: { clusterIP: 'None', ports: [{ port: 80, name: 'a' }, { port: 80, name: 'b' }] } }),
    made('Service: a port name of upper case', services, { spec: { clusterIP: 'None', ports: [{ port: 80, name: 'A' }] } }),
    made('Service: an unknown protocol', services, { spec: { clusterIP: 'None', ports: [{ port: 80, protocol: 'ICMP' }] } }),
    made('Service: an unknown type', services, { spec: { type: 'Magic', ports: [{ port: 80 }] } }),
    made('Service: ExternalName', services, { spec: { type: 'ExternalName', externalName: 'example.com' } }),
    made('Service: ExternalName without a name', services, { spec: { type: 'ExternalName' } }),
    made('Service: a wrong selector', services, { spec: { clusterIP: 'None', selector: { 'a b': 'c' }, ports: [{ port: 80 }] } }),
    made('Service: an address that is none', services, { spec: { clusterIP: 'x', ports: [{ port: 80 }] } }),
    made('Service: a target port that is no name', services, { spec: { clusterIP: 'None', ports: [{ port: 80, targetPort: 'A_B' }, { port: 81, name: 'b', targetPort: 0 }] } }),
    one('Service: clusterIP cannot change', prepare(create(services, named({ spec: { clusterIP: 'None', ports: [{ port: 80 }] } }))), mergePatch(`${services}/a`, { spec: { clusterIP: '10.96.1.1' } })),
    one('Service: its address is kept', create(services, named({ spec: { ports: [{ port: 80 }] } }), { only: ['spec.type', 'spec.ports', 'spec.ipFamilies', 'spec.ipFamilyPolicy', 'spec.internalTrafficPolicy', 'spec.sessionAffinity'], keep: { address: 'spec.clusterIP' } }), update(`${services}/a`, named({ spec: { ports: [{ port: 81 }] } }), { only: ['spec.ports'] }), mergePatch(`${services}/a`, { spec: { clusterIP: '{{address}}' } }, { only: ['spec.ports'] })),

    made('Lease: empty', leases, {}),
    made('Lease: a negative duration', leases, { spec: { leaseDurationSeconds: -1 } }),
    made('Lease: a duration of zero', leases, { spec: { leaseDurationSeconds: 0 } }),
    made('Lease: negative transitions', leases, { spec: { leaseTransitions: -1 } }),
    made('Lease: a time that is none', leases, { spec: { renewTime: 'yesterday' } }),
    made('Lease: a time of whole seconds', leases, { spec: { renewTime: '2024-01-02T03:04:05Z' } }),
    made('Lease: a time of nine digits', leases, { spec: { renewTime: '2024-01-02T03:04:05.123456789Z' } }),
    made('Lease: a time in another zone', leases, { spec: { renewTime: '2024-01-02T03:04:05.000000+02:00' } }),
    made('Lease: coordinated', leases, { spec: { strategy: 'OldestEmulationVersion', preferredHolder: 'x' } }),
    made('Lease: an empty holder', leases, { spec: { holderIdentity: '' } }),

    made('Event: with a series', core('events'), event({ eventTime: '2024-01-02T03:04:05.000006Z', reportingComponent: 'example.com/c', reportingInstance: 'i', action: 'A', series: { count: 2, lastObservedTime: '2024-01-02T03:04:06.000000Z' } })),
    made('Event: eventTime without its companions', core('events'), event({ eventTime: '2024-01-02T03:04:05.000006Z' })),
    made('Event: of another namespace', core('events'), event({ involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' } })),
    made('Event: of a node', core('events'), event({ involvedObject: { kind: 'Node', name: 'n' } })),
    made('Event: of nothing', core('events'), {}),
    made('Event: an unknown type', core('events'), event({ type: 'Odd' })),
    made('Event: through the newer group', group('events.k8s.io/v1', 'events'), { eventTime: '2024-01-02T03:04:05.000006Z', reportingController: 'example.com/c', reportingInstance: 'i', action: 'A', reason: 'R', type: 'Normal', note: 'n', regarding: { kind: 'Pod', namespace: '{{ns}}', name: 'p' } }),
    made('Event: through the newer group, incomplete', group('events.k8s.io/v1', 'events'), { regarding: { kind: 'Pod', namespace: '{{ns}}', name: 'p' }, type: 'Odd' }),
    one('Event: written new, read old', prepare(create(group('events.k8s.io/v1', 'events'), named({ eventTime: '2024-01-02T03:04:05.000006Z', reportingController: 'example.com/c', reportingInstance: 'i', action: 'A', reason: 'R', type: 'Normal', note: 'n', regarding: { kind: 'Pod', namespace: '{{ns}}', name: 'p' } }))), get(core('events', 'a'))),
    one('Event: updates of the newer group are narrow', prepare(create(group('events.k8s.io/v1', 'events'), named({ eventTime: '2024-01-02T03:04:05.000006Z', reportingController: 'example.com/c', reportingInstance: 'i', action: 'A', reason: 'R', type: 'Normal', regarding: { kind: 'Pod', namespace: '{{ns}}', name: 'p' } }))), mergePatch(group('events.k8s.io/v1', 'events', 'a'), { reason: 'S' }), mergePatch(group('events.k8s.io/v1', 'events', 'a'), { series: { count: 3, lastObservedTime: '2024-01-02T03:04:06.000000Z' } })),

    made('Budget: empty', budgets, {}),
    made('Budget: both numbers', budgets, { spec: { minAvailable: 1, maxUnavailable: 1 } }),
    made('Budget: a negative number', budgets, { spec: { minAvailable: -1 } }),
    made('Budget: more than all', budgets, { spec: { maxUnavailable: '120%' } }),
    made('Budget: not a percentage', budgets, { spec: { minAvailable: 'half' } }),
    made('Budget: an empty selector', budgets, { spec: { minAvailable: 1, selector: {} } }),
    made('Budget: a wrong selector', budgets, { spec: { minAvailable: 1, selector: { matchExpressions: [{ key: 'a', operator: 'In' }, { key: 'b', operator: 'Near', values: ['x'] }, { key: 'c', operator: 'Exists', values: ['x'] }] } } }),
    made('Budget: an eviction policy', budgets, { spec: { minAvailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' } }),
    made('Budget: an unknown eviction policy', budgets, { spec: { minAvailable: 1, unhealthyPodEvictionPolicy: 'Never' } }),
    one('Budget: generation', prepare(create(budgets, named({ spec: { minAvailable: 1 } }))), mergePatch(`${budgets}/a`, { metadata: { labels: { x: 'y' } } }), mergePatch(`${budgets}/a`, { spec: { minAvailable: 2 } }), mergePatch(`${budgets}/a`, { status: { disruptionsAllowed: 5 } }), mergePatch(`${budgets}/a/status`, { status: { disruptionsAllowed: 5 }, spec: { minAvailable: 9 } })),

    made('Role: without verbs', rbac('roles'), { rules: [{ apiGroups: [''], resources: ['pods'] }] }),
    made('Role: of URLs', rbac('roles'), { rules: [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }] }),
    made('Role: without groups', rbac('roles'), { rules: [{ resources: ['pods'], verbs: ['get'] }] }),
    made('Role: without resources', rbac('roles'), { rules: [{ apiGroups: [''], verbs: ['get'] }] }),
    made('RoleBinding: without its role', rbac('rolebindings'), {}),
    made('RoleBinding: of an unknown kind', rbac('rolebindings'), { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'r' } }),
    made('RoleBinding: of a subject of no kind', rbac('rolebindings'), { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }, subjects: [{ kind: 'Robot', name: 'x' }, { kind: 'ServiceAccount', name: 'y' }, { kind: 'User', name: '' }] }),
    one('RoleBinding: the role cannot change', prepare(create(rbac('rolebindings'), named({ roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' } }))), mergePatch(`${rbac('rolebindings')}/a`, { roleRef: { name: 's' } })),
    made('ServiceAccount: with secrets', core('serviceaccounts'), { secrets: [{ name: 's' }], imagePullSecrets: [{ name: 'p' }] }),
    made('Namespace: with a finalizer of its own', '/api/v1/namespaces', { metadata: { name: '{{id}}-x' }, spec: { finalizers: ['example.com/f'] } }),
    made('Namespace: with a wrong finalizer', '/api/v1/namespaces', { metadata: { name: '{{id}}-x' }, spec: { finalizers: ['f'] } }),
    made('Namespace: with a status', '/api/v1/namespaces', { metadata: { name: '{{id}}-x' }, status: { phase: 'Terminating' } }),
  ],
};
