// Subresources status and scale, metadata.generation, and nodes: cordon, taints, capacity, conditions.
import type { JsonValue } from '@vfleet/core';
import { clusterCore, core, create, get, group, jsonPatch, mergePatch, prepare, sendBack, strategicPatch, update } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const one = (name: string, ...steps: readonly RequestStep[]): Case => ({ name, needs: ['serviceAccount'], steps });
const deployments = group('apps/v1', 'deployments');
const deployment = `${deployments}/d`;
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const make = (spec: Fields = {}) => create(deployments, { metadata: { name: 'd' }, spec: { replicas: 2, selector: { matchLabels: { a: 'b' } }, template, ...spec } });
const generation = ['metadata.generation', 'spec.replicas', 'status'];
const scale = (body: Fields, extra: Parameters<typeof update>[2] = {}) => update(`${deployment}/scale`, { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd', namespace: '{{ns}}' }, ...body }, extra);

const nodes = clusterCore('nodes');
const node = `${nodes}/{{id}}`;
const makeNode = (spec: Fields = {}, more: Fields = {}) => create(nodes, { metadata: { name: '{{id}}' }, spec, ...more });
const replicaSets = group('apps/v1', 'replicasets');

export const subresources: Theme = {
  name: 'subresources',
  cases: [
    one('generation follows the spec only', make(), mergePatch(deployment, { metadata: { labels: { x: 'y' } } }, { only: generation }), mergePatch(deployment, { spec: { replicas: 3 } }, { only: generation }), mergePatch(deployment, { spec: { replicas: 3 } }, { only: generation }), mergePatch(deployment, { metadata: { generation: 77 } }, { only: generation }), mergePatch(`${deployment}/status`, { status: { replicas: 1 } }, { only: generation })),
    one('status is left out of create and update', create(deployments, { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template }, status: { replicas: 7 } }), mergePatch(deployment, { status: { replicas: 7 } }), get(`${deployment}/status`)),
    one('spec is left out of status', prepare(make()), mergePatch(`${deployment}/status`, { spec: { replicas: 9 }, status: { replicas: 1, observedGeneration: 1 } }), get(deployment)),
    one('labels are left out of status', prepare(make()), mergePatch(`${deployment}/status`, { metadata: { labels: { x: 'y' }, annotations: { a: 'b' }, finalizers: ['example.com/f'] } })),
    one('status by PUT', make(), get(deployment, { keep: { now: '' } }), sendBack(`${deployment}/status`, 'now', { status: { replicas: 1, unavailableReplicas: 1, observedGeneration: 1 } }), sendBack(`${deployment}/status`, 'now', { status: { replicas: 2 } })),
    one('a wrong status', prepare(make()), mergePatch(`${deployment}/status`, { status: { replicas: -1, readyReplicas: 5, availableReplicas: 9 } })),
    one('status of what is not there', mergePatch(`${deployment}/status`, { status: { replicas: 1 } })),
    one('status of a ReplicaSet', prepare(create(replicaSets, { metadata: { name: 'r' }, spec: { selector: { matchLabels: { a: 'b' } }, template } })), mergePatch(`${replicaSets}/r/status`, { status: { replicas: 1, fullyLabeledReplicas: 2, readyReplicas: 3 } }), mergePatch(`${replicaSets}/r/status`, { status: { replicas: 3, fullyLabeledReplicas: 2, readyReplicas: 1, availableReplicas: 1, observedGeneration: 1 } })),
    one('status of a DaemonSet', prepare(create(group('apps/v1', 'daemonsets'), { metadata: { name: 's' }, spec: { selector: { matchLabels: { a: 'b' } }, template } })), mergePatch(group('apps/v1', 'daemonsets', 's', 'status'), { status: { currentNumberScheduled: 1, desiredNumberScheduled: 1, numberMisscheduled: 0, numberReady: 1, observedGeneration: 1 } }), mergePatch(group('apps/v1', 'daemonsets', 's', 'status'), { status: { numberReady: -1 } })),
    one('status of a Job', prepare(create(group('batch/v1', 'jobs'), { metadata: { name: 'j' }, spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } })), mergePatch(group('batch/v1', 'jobs', 'j', 'status'), { status: { active: 1, startTime: '2024-01-02T03:04:05Z' } }), mergePatch(group('batch/v1', 'jobs', 'j', 'status'), { status: { active: 0, succeeded: 1, completionTime: '2024-01-02T03:05:05Z', conditions: [{ type: 'Complete', status: 'True' }] } })),
    one('status of a Namespace', mergePatch('/api/v1/namespaces/{{ns}}/status', { status: { phase: 'Terminating', conditions: [{ type: 'Odd', status: 'True' }] } })),

    one('scale: get', prepare(make()), get(`${deployment}/scale`)),
    one('scale: put', prepare(make()), scale({ spec: { replicas: 5 } }), get(deployment)),
    one('scale: patch', prepare(make()), mergePatch(`${deployment}/scale`, { spec: { replicas: 0 } }), get(deployment, { only: generation })),
    one('scale: to what it is', prepare(make()), mergePatch(`${deployment}/scale`, { spec: { replicas: 2 } }), get(deployment, { only: generation })),
    one('scale: negative', prepare(make()), mergePatch(`${deployment}/scale`, { spec: { replicas: -1 } })),
    one('scale: without a number', prepare(make()), scale({ spec: {} })),
    one('scale: stale', prepare(make()), scale({ metadata: { name: 'd', namespace: '{{ns}}', resourceVersion: '1' }, spec: { replicas: 5 } })),
    one('scale: another name', prepare(make()), scale({ metadata: { name: 'e', namespace: '{{ns}}' }, spec: { replicas: 5 } })),
    one('scale: another kind', prepare(make()), update(`${deployment}/scale`, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { replicas: 5 } })),
    one('scale: of what is not there', get(`${deployment}/scale`), scale({ spec: { replicas: 5 } })),
    one('scale: dry run', prepare(make()), mergePatch(`${deployment}/scale`, { spec: { replicas: 4 } }, { query: { dryRun: 'All' } }), get(deployment, { only: generation })),
    one('scale: of a ReplicaSet', prepare(create(replicaSets, { metadata: { name: 'r' }, spec: { selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b', 'c'] }] }, template } })), get(`${replicaSets}/r/scale`), mergePatch(`${replicaSets}/r/scale`, { spec: { replicas: 3 } })),
    one('scale: a patch of no type', prepare(make()), { method: 'PATCH', path: `${deployment}/scale`, text: '{"spec":{"replicas":3}}', headers: { 'content-type': 'application/json' } }),
    one('scale: a patch of an unknown type', prepare(make()), { method: 'PATCH', path: `${deployment}/scale`, text: '{}', headers: { 'content-type': 'application/magic' } }),
    one('scale: a strategic patch', prepare(make()), strategicPatch(`${deployment}/scale`, { spec: { replicas: 3 } })),
    one('scale: a JSON patch', prepare(make()), jsonPatch(`${deployment}/scale`, [{ op: 'test', path: '/spec/replicas', value: 2 }, { op: 'replace', path: '/spec/replicas', value: 3 }])),
    one('scale: a JSON patch that fails', prepare(make()), jsonPatch(`${deployment}/scale`, [{ op: 'test', path: '/spec/replicas', value: 9 }])),
    one('scale: by apply', prepare(make()), { method: 'PATCH', path: `${deployment}/scale`, query: { fieldManager: 'm', force: 'true' }, text: JSON.stringify({ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas: 4 } }), headers: { 'content-type': 'application/apply-patch+yaml' } }),
    one('scale: in YAML', prepare(make()), { method: 'PUT', path: `${deployment}/scale`, text: 'apiVersion: autoscaling/v1\nkind: Scale\nmetadata:\n  name: d\n  namespace: {{ns}}\nspec:\n  replicas: 6\n', headers: { 'content-type': 'application/yaml' } }),
    one('scale: unknown fields, Strict', prepare(make()), scale({ spec: { replicas: 3 }, colour: 'red' }, { query: { fieldValidation: 'Strict' } }), strategicPatch(`${deployment}/scale`, { colour: 'red' }, { query: { fieldValidation: 'Strict' } }), mergePatch(`${deployment}/scale`, { colour: 'red' })),
    one('scale: a text for a number', prepare(make()), strategicPatch(`${deployment}/scale`, { spec: { replicas: 'x' } }), scale({ spec: { replicas: 'x' } })),
    one('scale: no body', prepare(make()), { method: 'PUT', path: `${deployment}/scale`, text: '', headers: { 'content-type': 'application/json' } }),
    one('scale: create', prepare(make()), create(`${deployment}/scale`, { spec: { replicas: 3 } })),
    one('status: a patch of an unknown type', prepare(make()), { method: 'PATCH', path: `${deployment}/status`, text: '{}', headers: { 'content-type': 'application/magic' } }),
    one('status: in YAML, with a key twice', prepare(make()), { method: 'PUT', path: `${deployment}/status`, query: { fieldValidation: 'Strict' }, text: 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d\nspec:\n  selector: {}\nstatus:\n  replicas: 1\n  replicas: 2\n', headers: { 'content-type': 'application/yaml' } }),
    one('status: a strategic patch of the wrong type', prepare(make()), strategicPatch(`${deployment}/status`, { status: { replicas: 'x', conditions: {} } })),
    one('status: delete', prepare(make()), { method: 'DELETE', path: `${deployment}/status` }),
    one('binding: an unknown field, Strict', prepare(create(core('pods'), { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } })), create(core('pods', 'p', 'binding'), { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' }, colour: 'red' }, { query: { fieldValidation: 'Strict' } }), create(core('pods', 'p', 'binding'), { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' }, colour: 'red' })),
    one('binding: of the wrong type', prepare(create(core('pods'), { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } })), create(core('pods', 'p', 'binding'), { metadata: { name: 'p' }, target: 'n' })),
    one('binding: another kind', prepare(create(core('pods'), { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } })), create(core('pods', 'p', 'binding'), { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } })),
    one('binding: get and delete', get(core('pods', 'p', 'binding')), { method: 'DELETE', path: core('pods', 'p', 'binding') }, get(core('bindings'))),
    one('eviction: an unknown field, Strict', prepare(create(core('pods'), { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } })), create(core('pods', 'p', 'eviction'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' }, colour: 'red' }, { query: { fieldValidation: 'Strict' } }), create(core('pods', 'p', 'eviction'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' }, colour: 'red' })),
    one('eviction: of the wrong type', prepare(create(core('pods'), { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } })), create(core('pods', 'p', 'eviction'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' }, deleteOptions: { gracePeriodSeconds: 'x' } })),
    one('eviction: no body', prepare(create(core('pods'), { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } })), { method: 'POST', path: core('pods', 'p', 'eviction'), text: '', headers: { 'content-type': 'application/json' } }),
    one('scale: delete', prepare(make()), { method: 'DELETE', path: `${deployment}/scale` }),

    one('node: empty', create(nodes, { metadata: { name: '{{id}}' } })),
    one('node: cordon and uncordon', prepare(makeNode()), strategicPatch(node, { spec: { unschedulable: true } }), strategicPatch(node, { spec: { unschedulable: null } }), strategicPatch(node, { spec: { unschedulable: false } })),
    one('node: taints', prepare(makeNode()), mergePatch(node, { spec: { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }, { key: 'a', effect: 'NoExecute', timeAdded: '2024-01-02T03:04:05Z' }] } }), mergePatch(node, { spec: { taints: null } })),
    one('node: wrong taints', prepare(makeNode()), mergePatch(node, { spec: { taints: [{ key: 'a b', effect: 'NoSchedule' }, { key: 'c', effect: 'Maybe' }, { key: 'd' }, { key: 'e', value: 'x y', effect: 'NoExecute' }, { key: 'e', effect: 'NoExecute' }] } })),
    one('node: the address range is set once', prepare(makeNode()), mergePatch(node, { spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] } }), mergePatch(node, { spec: { podCIDR: '10.0.1.0/24', podCIDRs: ['10.0.1.0/24'] } })),
    one('node: a wrong address range', makeNode({ podCIDR: '10.0.0.0' }), makeNode({ podCIDRs: ['10.0.0.0/24', '10.0.1.0/24'] })),
    one('node: the provider id is set once', prepare(makeNode({ providerID: 'a' })), mergePatch(node, { spec: { providerID: 'b' } })),
    one('node: a status in a new node', makeNode({}, { status: { capacity: { cpu: '4', memory: '8Gi', pods: '110', 'example.com/vf': '8' } } })),
    one('node: status', prepare(makeNode()), strategicPatch(`${node}/status`, { status: { capacity: { cpu: '4', memory: '8388608Ki', pods: '110', 'openshift.io/mlxnics': '8' }, allocatable: { cpu: '3500m', 'openshift.io/mlxnics': '8' }, addresses: [{ type: 'InternalIP', address: '10.0.0.1' }, { type: 'Hostname', address: 'h' }], conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'm', lastHeartbeatTime: '2024-01-02T03:04:05Z', lastTransitionTime: '2024-01-02T03:04:05Z' }], nodeInfo: { machineID: 'm', kubeletVersion: 'v1.34.0' }, daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } } } }), get(node)),
    one('node: allocatable follows capacity', makeNode({}, { status: { capacity: { cpu: '4' } } }), mergePatch(`${node}/status`, { status: { allocatable: null } })),
    one('node: a resource of no domain', prepare(makeNode()), mergePatch(`${node}/status`, { status: { capacity: { vf: '8' } } })),
    one('node: a fraction of an extended resource', prepare(makeNode()), mergePatch(`${node}/status`, { status: { capacity: { 'example.com/vf': '500m' } } })),
    one('node: a negative capacity', prepare(makeNode()), mergePatch(`${node}/status`, { status: { capacity: { cpu: '-1' } } })),
    one('node: the same address twice', prepare(makeNode()), mergePatch(`${node}/status`, { status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }, { type: 'InternalIP', address: '10.0.0.1' }] } })),
    one('node: JSON patch of one resource', prepare(makeNode({}, { status: { capacity: { cpu: '4' } } })), jsonPatch(`${node}/status`, [{ op: 'add', path: '/status/capacity/example.com~1vf', value: '8' }])),
    one('node: the spec is left out of status', prepare(makeNode()), mergePatch(`${node}/status`, { spec: { unschedulable: true }, metadata: { labels: { x: 'y' }, annotations: { a: 'b' } }, status: { phase: 'Running' } })),
    one('node: the status is left out of the spec', prepare(makeNode()), mergePatch(node, { status: { capacity: { cpu: '9' } } })),
    one('node: generation', makeNode({}, {}), mergePatch(node, { spec: { unschedulable: true } }, { only: ['metadata.generation'] })),
    one('node: labels that kubelets set', create(nodes, { metadata: { name: '{{id}}', labels: { 'kubernetes.io/hostname': '{{id}}', 'node-role.kubernetes.io/worker': '', 'feature.node.kubernetes.io/network-sriov.capable': 'true' }, annotations: { 'node.alpha.kubernetes.io/ttl': '0' } } })),
    one('pod status by PUT of a stale object', create(core('pods'), { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'n' } }), get(core('pods', 'p'), { keep: { now: '' } }), prepare(mergePatch(core('pods', 'p'), { metadata: { labels: { x: 'y' } } })), sendBack(core('pods', 'p', 'status'), 'now', { status: { phase: 'Running' } })),
  ],
};
