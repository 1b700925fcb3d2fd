// Tables and bare metadata: what kubectl prints comes from the server's columns.
import type { JsonValue } from '@vfleet/core';
import { clusterCore, clusterGroup, core, create, get, group, mergePatch, prepare, remove } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const as = (what: string, group = 'meta.k8s.io', version = 'v1') => ({ accept: `application/json;as=${what};v=${version};g=${group},application/json` });
const table = (path: string, query: Readonly<Record<string, string>> = {}): RequestStep => get(path, { headers: as('Table'), query });
const one = (name: string, ...steps: readonly RequestStep[]): Case => ({ name, needs: ['serviceAccount'], steps });
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i:1' }, { name: 'd', image: 'j:2' }] } };
const selector = { matchLabels: { a: 'b' } };
const pods = core('pods');
const pod = (name: string, spec: Fields = {}) => prepare(create(pods, { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }, { name: 'd', image: 'j' }], nodeName: 'n', ...spec } }));
const podStatus = (name: string, status: Fields) => prepare(mergePatch(core('pods', name, 'status'), { status }));
const container = (name: string, state: Fields, more: Fields = {}): JsonValue => ({ name, image: 'i', imageID: '', ready: false, restartCount: 0, state, ...more });
const printed = (name: string, path: string, ...bodies: readonly Fields[]): Case => one(`a table of ${name}`, ...bodies.map((body) => prepare(create(path, body))), table(path, path.includes('{{ns}}') ? {} : { fieldSelector: 'metadata.name={{id}}' }));

export const printing: Theme = {
  name: 'printing',
  cases: [
    printed('ConfigMaps', core('configmaps'), { metadata: { name: 'a' }, data: { a: '1', b: '2' }, binaryData: { c: 'AA==' } }, { metadata: { name: 'b' } }),
    printed('Secrets', core('secrets'), { metadata: { name: 'a' }, stringData: { a: '1' } }, { metadata: { name: 'b' }, type: 'example.com/t' }),
    printed('Services', core('services'), { metadata: { name: 'a' }, spec: { clusterIP: 'None', selector: { a: 'b' }, ports: [{ port: 80, name: 'a' }, { port: 53, protocol: 'UDP', name: 'b' }] } }, { metadata: { name: 'b' }, spec: { type: 'ExternalName', externalName: 'example.com' } }),
    printed('ServiceAccounts', core('serviceaccounts'), { metadata: { name: 'a' } }),
    printed('Leases', group('coordination.k8s.io/v1', 'leases'), { metadata: { name: 'a' }, spec: { holderIdentity: 'h' } }, { metadata: { name: 'b' } }),
    printed('budgets', group('policy/v1', 'poddisruptionbudgets'), { metadata: { name: 'a' }, spec: { minAvailable: 1, selector } }, { metadata: { name: 'b' }, spec: { maxUnavailable: '50%', selector } }),
    printed('Deployments', group('apps/v1', 'deployments'), { metadata: { name: 'd' }, spec: { replicas: 3, selector, template } }),
    printed('ReplicaSets', group('apps/v1', 'replicasets'), { metadata: { name: 'r' }, spec: { replicas: 3, selector, template } }),
    printed('DaemonSets', group('apps/v1', 'daemonsets'), { metadata: { name: 's' }, spec: { selector, template: { ...template, spec: { ...template.spec, nodeSelector: { disk: 'fast', zone: 'a' } } } } }),
    printed('Jobs', group('batch/v1', 'jobs'), { metadata: { name: 'j' }, spec: { completions: 3, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } }, { metadata: { name: 'k' }, spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } }),
    printed('Roles', group('rbac.authorization.k8s.io/v1', 'roles'), { metadata: { name: 'a' }, rules: [] }),
    printed('RoleBindings', group('rbac.authorization.k8s.io/v1', 'rolebindings'), { metadata: { name: 'a' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }, subjects: [{ kind: 'User', name: 'u' }, { kind: 'Group', name: 'g' }, { kind: 'ServiceAccount', name: 's', namespace: 'n' }] }),
    printed('ClusterRoles', clusterGroup('rbac.authorization.k8s.io/v1', 'clusterroles'), { metadata: { name: '{{id}}' }, rules: [] }),
    printed('ClusterRoleBindings', clusterGroup('rbac.authorization.k8s.io/v1', 'clusterrolebindings'), { metadata: { name: '{{id}}' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'r' } }),
    printed('Nodes', clusterCore('nodes'), { metadata: { name: '{{id}}', labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'other' } } }),
    one('a table of Namespaces', table('/api/v1/namespaces', { fieldSelector: 'metadata.name={{ns}}' })),
    one('a table of Events', prepare(create(core('events'), { metadata: { name: 'e' }, involvedObject: { kind: 'Pod', namespace: '{{ns}}', name: 'p', fieldPath: 'spec.containers{c}' }, reason: 'R', message: 'm', type: 'Warning', count: 3, source: { component: 'c', host: 'h' } })), prepare(create(core('events'), { metadata: { name: 'f' }, involvedObject: { kind: 'Pod', namespace: '{{ns}}', name: 'q' }, reason: 'S', message: 'n\n', type: 'Normal' })), table(core('events')), table(group('events.k8s.io/v1', 'events'))),
    one('a table of Pods', pod('fresh'), pod('p'), podStatus('p', { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [container('c', { running: {} }, { ready: true, restartCount: 2 }), container('d', { running: {} }, { ready: true })] }), table(pods)),
    one('a table of Pods in trouble',
      pod('waiting'), podStatus('waiting', { phase: 'Pending', containerStatuses: [container('c', { waiting: { reason: 'ImagePullBackOff' } }), container('d', { waiting: { reason: 'ContainerCreating' } })] }),
      pod('failed'), podStatus('failed', { phase: 'Failed', containerStatuses: [container('c', { terminated: { exitCode: 1, reason: 'Error' } }), container('d', { terminated: { exitCode: 0, reason: 'Completed' } })] }),
      pod('exited'), podStatus('exited', { phase: 'Running', containerStatuses: [container('c', { terminated: { exitCode: 3 } }), container('d', { running: {} }, { ready: true })] }),
      pod('done', { restartPolicy: 'Never' }), podStatus('done', { phase: 'Succeeded', containerStatuses: [container('c', { terminated: { exitCode: 0, reason: 'Completed' } }), container('d', { terminated: { exitCode: 0, reason: 'Completed' } })] }),
      pod('evicted'), podStatus('evicted', { phase: 'Failed', reason: 'Evicted' }),
      pod('killed'), podStatus('killed', { phase: 'Running', containerStatuses: [container('c', { terminated: { exitCode: 0, signal: 9 } })] }),
      table(pods)),
    one('a table of Pods with init containers', pod('p', { initContainers: [{ name: 'x', image: 'i' }, { name: 'y', image: 'i' }] }), podStatus('p', { phase: 'Pending', initContainerStatuses: [container('x', { terminated: { exitCode: 0 } }), container('y', { running: {} })] }), pod('q', { initContainers: [{ name: 'x', image: 'i' }] }), podStatus('q', { phase: 'Pending', initContainerStatuses: [container('x', { waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 4 })] }), table(pods)),
    one('a table of Pods being deleted', pod('p'), prepare(remove(core('pods', 'p'))), pod('gated', { nodeName: null, schedulingGates: [{ name: 'example.com/g' }] }), table(pods)),
    one('a table of Nodes with a status', prepare(create(clusterCore('nodes'), { metadata: { name: '{{id}}' }, spec: { unschedulable: true } })), prepare(mergePatch(`${clusterCore('nodes')}/{{id}}/status`, { status: { conditions: [{ type: 'Ready', status: 'True' }], addresses: [{ type: 'InternalIP', address: '10.0.0.1' }, { type: 'ExternalIP', address: '192.0.2.1' }], nodeInfo: { kubeletVersion: 'v1.34.0', osImage: 'Linux', kernelVersion: '6.1', containerRuntimeVersion: 'sim://1' } } })), table(clusterCore('nodes'), { fieldSelector: 'metadata.name={{id}}' }), prepare(mergePatch(`${clusterCore('nodes')}/{{id}}/status`, { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } })), table(`${clusterCore('nodes')}/{{id}}`)),
    one('a table of Deployments with a status', prepare(create(group('apps/v1', 'deployments'), { metadata: { name: 'd' }, spec: { replicas: 3, selector, template } })), prepare(mergePatch(group('apps/v1', 'deployments', 'd', 'status'), { status: { replicas: 3, readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2, observedGeneration: 1 } })), table(group('apps/v1', 'deployments'))),

    one('a table of one object', prepare(create(core('configmaps'), { metadata: { name: 'a' } })), table(core('configmaps', 'a'))),
    one('a table of nothing', table(core('configmaps'))),
    one('a table with whole objects', prepare(create(core('configmaps'), { metadata: { name: 'a' } })), table(core('configmaps'), { includeObject: 'Object' })),
    one('a table without objects', prepare(create(core('configmaps'), { metadata: { name: 'a' } })), table(core('configmaps'), { includeObject: 'None' })),
    one('a table with an unknown includeObject', table(core('configmaps'), { includeObject: 'Some' })),
    one('a table in pages', ...['a', 'b', 'c'].map((name) => prepare(create(core('configmaps'), { metadata: { name } }))), table(core('configmaps'), { limit: '2' })),
    one('a table of a missing object', table(core('configmaps', 'none'))),
    one('a table of a new object', create(core('configmaps'), { metadata: { name: 'a' } }, { headers: as('Table') })),
    one('a table in v1beta1', get(core('configmaps'), { headers: as('Table', 'meta.k8s.io', 'v1beta1') })),
    one('a table, and nothing else', get(core('configmaps'), { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } })),
    one('as kubectl asks', prepare(create(core('configmaps'), { metadata: { name: 'a' } })), get(core('configmaps'), { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json' }, query: { limit: '500' } })),
    one('bare metadata of one object', prepare(create(core('configmaps'), { metadata: { name: 'a', labels: { x: 'y' } }, data: { a: '1' } })), get(core('configmaps', 'a'), { headers: as('PartialObjectMetadata') })),
    one('bare metadata of a list', prepare(create(core('configmaps'), { metadata: { name: 'a' }, data: { a: '1' } })), get(core('configmaps'), { headers: as('PartialObjectMetadataList') })),
    one('a list asked for as one object', get(core('configmaps'), { headers: as('PartialObjectMetadata') })),
    one('an object asked for as a list', prepare(create(core('configmaps'), { metadata: { name: 'a' } })), get(core('configmaps', 'a'), { headers: as('PartialObjectMetadataList') })),
    one('bare metadata of a patched object', prepare(create(core('configmaps'), { metadata: { name: 'a' } })), mergePatch(core('configmaps', 'a'), { data: { x: 'y' } }, { headers: as('PartialObjectMetadata') })),
    one('bare metadata of a deleted object', prepare(create(core('configmaps'), { metadata: { name: 'a' } })), remove(core('configmaps', 'a'), { headers: as('PartialObjectMetadata') })),
    one('a deleted pod as a table', pod('p'), remove(core('pods', 'p'), { headers: as('Table') })),
    one('a table of a Scale', prepare(create(group('apps/v1', 'deployments'), { metadata: { name: 'd' }, spec: { replicas: 2, selector, template } })), table(`${group('apps/v1', 'deployments')}/d/scale`)),
    one('something unknown', get(core('configmaps'), { headers: as('Poem') })),
    one('pretty', get(core('configmaps', 'none'), { query: { pretty: 'true' } })),
  ],
};
