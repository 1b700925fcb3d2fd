// Pods after their creation: updates, status, binding, eviction with and without budgets, ephemeral containers.
import type { JsonValue } from '@vfleet/core';
import { clusterCore, core, create, get, group, jsonPatch, mergePatch, prepare, remove, strategicPatch } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

type Fields = { readonly [key: string]: JsonValue };
const pods = core('pods');
const pod = core('pods', 'p');
const make = (spec: Fields = {}, metadata: Fields = {}, name = 'p') => create(pods, { metadata: { name, ...metadata }, spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec } });
const one = (name: string, ...steps: readonly RequestStep[]): Case => ({ name, needs: ['serviceAccount'], steps });
const change = (name: string, patch: JsonValue): Case => one(`update: ${name}`, prepare(make({ nodeName: 'n', tolerations: [{ key: 'a', operator: 'Exists' }], activeDeadlineSeconds: 100 }, { labels: { x: '1' } })), strategicPatch(pod, patch));
const binding = (body: Fields, name = 'p') => create(core('pods', name, 'binding'), { metadata: { name }, ...body });
const toNode = { target: { kind: 'Node', name: 'n' } };
const eviction = (fields: Fields = {}, name = 'p') => create(core('pods', name, 'eviction'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, ...fields });
const budgets = group('policy/v1', 'poddisruptionbudgets');
const budget = (name: string, spec: Fields = { minAvailable: 1 }) => create(budgets, { metadata: { name }, spec: { selector: { matchLabels: { app: 'a' } }, ...spec } });
const budgetStatus = (name: string, status: Fields) => mergePatch(`${budgets}/${name}/status`, { status: { observedGeneration: 1, expectedPods: 2, currentHealthy: 2, desiredHealthy: 1, ...status } });
const running = (name = 'p', ready = 'True') => mergePatch(core('pods', name, 'status'), { status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] } });
const labelled = { labels: { app: 'a' } };
const status = (name: string, patch: JsonValue): Case => one(`status: ${name}`, prepare(make({ nodeName: 'n' })), strategicPatch(`${pod}/status`, patch));

export const podLife: Theme = {
  name: 'pod-life',
  cases: [
    change('labels and annotations', { metadata: { labels: { x: '2', y: '3' }, annotations: { a: 'b' } } }),
    change('an image', { spec: { containers: [{ name: 'c', image: 'i:2' }] } }),
    change('an empty image', { spec: { containers: [{ name: 'c', image: '' }] } }),
    change('a command', { spec: { containers: [{ name: 'c', command: ['x'] }] } }),
    change('resources', { spec: { containers: [{ name: 'c', resources: { limits: { cpu: '1' } } }] } }),
    change('another container', { spec: { containers: [{ name: 'd', image: 'i' }] } }),
    change('the node', { spec: { nodeName: 'm' } }),
    change('a toleration more', { spec: { tolerations: [{ key: 'a', operator: 'Exists' }, { key: 'b', operator: 'Exists' }] } }),
    change('a toleration less', { spec: { tolerations: [] } }),
    change('a shorter deadline', { spec: { activeDeadlineSeconds: 50 } }),
    change('a longer deadline', { spec: { activeDeadlineSeconds: 500 } }),
    change('no deadline', { spec: { activeDeadlineSeconds: null } }),
    change('the restart policy', { spec: { restartPolicy: 'Never' } }),
    change('the service account', { spec: { serviceAccountName: 'other' } }),
    change('the node selector', { spec: { nodeSelector: { a: 'b' } } }),
    change('the status by the pod itself', { status: { phase: 'Running' } }),
    one('update: the node selector of a gated pod', prepare(make({ schedulingGates: [{ name: 'example.com/g' }] })), strategicPatch(pod, { spec: { nodeSelector: { a: 'b' } } }), strategicPatch(pod, { spec: { schedulingGates: [{ name: 'example.com/g', $patch: 'delete' }] } }), strategicPatch(pod, { spec: { schedulingGates: [{ name: 'example.com/h' }] } })),
    status('running', { status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], hostIP: '10.1.0.1', hostIPs: [{ ip: '10.1.0.1' }], startTime: '2024-01-02T03:04:05Z', conditions: [{ type: 'Ready', status: 'True', lastProbeTime: null, lastTransitionTime: '2024-01-02T03:04:05Z' }], containerStatuses: [{ name: 'c', image: 'i:1', imageID: '', ready: true, restartCount: 0, started: true, state: { running: { startedAt: '2024-01-02T03:04:05Z' } }, lastState: {} }] } }),
    status('an address alone', { status: { podIP: '10.0.0.1' } }),
    status('an address that is none', { status: { podIP: 'x', podIPs: [{ ip: 'x' }] } }),
    status('an unknown phase', { status: { phase: 'Odd' } }),
    status('a terminated container of no name', { status: { containerStatuses: [{ name: '', image: 'i', imageID: '', ready: false, restartCount: 1, state: { terminated: { exitCode: 1 } } }] } }),
    status('the observed generation', { status: { observedGeneration: 1 } }),
    status('a negative generation', { status: { observedGeneration: -1 } }),
    status('spec and labels stay', { metadata: { labels: { x: 'y' }, annotations: { a: 'b' } }, spec: { nodeName: 'm' }, status: { phase: 'Failed', reason: 'Evicted', message: 'm' } }),
    status('a node may not be un-set', { spec: { nodeName: '' }, status: { nominatedNodeName: 'm' } }),
    one('status: back from a final phase', prepare(make({ nodeName: 'n', restartPolicy: 'Never' })), prepare(mergePatch(`${pod}/status`, { status: { phase: 'Succeeded', containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode: 0 } } }] } })), mergePatch(`${pod}/status`, { status: { phase: 'Running', containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready: true, restartCount: 0, state: { running: {} } }] } })),
    one('status: get', prepare(make()), get(`${pod}/status`)),

    one('binding', prepare(make()), binding(toNode), get(pod)),
    one('binding of a bound pod', prepare(make({ nodeName: 'm' })), binding(toNode)),
    one('binding of a missing pod', binding(toNode)),
    one('binding to nothing', prepare(make()), binding({ target: { kind: 'Node', name: '' } })),
    one('binding to another kind', prepare(make()), binding({ target: { kind: 'Zoo', name: 'n' } })),
    one('binding without a target', prepare(make()), binding({})),
    one('binding under another name', prepare(make()), create(core('pods', 'p', 'binding'), { metadata: { name: 'q' }, ...toNode })),
    one('binding without a name', prepare(make()), create(core('pods', 'p', 'binding'), toNode)),
    one('binding with annotations', prepare(make()), binding({ metadata: { name: 'p', annotations: { 'example.com/a': 'b' }, labels: { 'example.com/l': 'm' } }, ...toNode }), get(pod)),
    one('binding of a gated pod', prepare(make({ schedulingGates: [{ name: 'example.com/g' }] })), binding(toNode)),
    one('binding of a pod being deleted', prepare(make({}, { finalizers: ['example.com/f'] })), prepare(remove(pod)), binding(toNode)),
    one('binding of another uid', prepare(make()), create(core('pods', 'p', 'binding'), { metadata: { name: 'p', uid: '00000000-0000-4000-8000-000000000000' }, ...toNode })),
    one('binding, the old way', prepare(make()), create(core('bindings'), { metadata: { name: 'p' }, ...toNode }), get(pod)),
    one('binding, dry run', prepare(make()), { ...binding(toNode), query: { dryRun: 'All' } }, get(pod)),
    one('binding copies topology labels', prepare(create(clusterCore('nodes'), { metadata: { name: '{{id}}', labels: { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r' } } })), prepare(make()), binding({ target: { kind: 'Node', name: '{{id}}' } }), get(pod)),

    one('eviction without a budget', prepare(make({ nodeName: 'n' })), prepare(running()), eviction(), get(pod)),
    one('eviction of a missing pod', eviction()),
    one('eviction of a pod that was not scheduled', prepare(make()), eviction(), get(pod)),
    one('eviction that a budget allows', prepare(make({ nodeName: 'n' }, labelled)), prepare(running()), prepare(budget('b')), prepare(budgetStatus('b', { disruptionsAllowed: 1 })), eviction(), get(`${budgets}/b`), get(pod)),
    one('eviction that a budget does not allow', prepare(make({ nodeName: 'n' }, labelled)), prepare(running()), prepare(budget('b')), prepare(budgetStatus('b', { disruptionsAllowed: 0 })), eviction(), get(pod)),
    one('eviction under a budget of which nothing is known yet', prepare(make({ nodeName: 'n' }, labelled)), prepare(running()), prepare(budget('b')), eviction()),
    one('eviction under a budget seen in an older generation', prepare(make({ nodeName: 'n' }, labelled)), prepare(running()), prepare(budget('b')), prepare(budgetStatus('b', { disruptionsAllowed: 1 })), prepare(mergePatch(`${budgets}/b`, { spec: { minAvailable: 2 } })), eviction()),
    one('eviction under two budgets', prepare(make({ nodeName: 'n' }, labelled)), prepare(running()), prepare(budget('b')), prepare(budget('c')), eviction()),
    one('eviction of a pod that is not ready', prepare(make({ nodeName: 'n' }, labelled)), prepare(running('p', 'False')), prepare(budget('b')), prepare(budgetStatus('b', { disruptionsAllowed: 0 })), eviction()),
    one('eviction of an unready pod under an unhealthy application', prepare(make({ nodeName: 'n' }, labelled)), prepare(running('p', 'False')), prepare(budget('b')), prepare(budgetStatus('b', { disruptionsAllowed: 0, currentHealthy: 0 })), eviction()),
    one('eviction of an unready pod that is always allowed', prepare(make({ nodeName: 'n' }, labelled)), prepare(running('p', 'False')), prepare(budget('b', { minAvailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' })), prepare(budgetStatus('b', { disruptionsAllowed: 0, currentHealthy: 0 })), eviction()),
    one('eviction of a pending pod under a budget', prepare(make({ nodeName: 'n' }, labelled)), prepare(budget('b')), eviction(), get(pod)),
    one('eviction of a finished pod under a budget', prepare(make({ nodeName: 'n' }, labelled)), prepare(mergePatch(`${pod}/status`, { status: { phase: 'Succeeded' } })), prepare(budget('b')), eviction(), get(pod)),
    one('eviction twice', prepare(make({ nodeName: 'n' }, labelled)), prepare(running()), prepare(budget('b')), prepare(budgetStatus('b', { disruptionsAllowed: 1 })), eviction(), eviction(), get(`${budgets}/b`, { only: ['status.disruptionsAllowed'] })),
    one('eviction, dry run', prepare(make({ nodeName: 'n' }, labelled)), prepare(running()), prepare(budget('b')), prepare(budgetStatus('b', { disruptionsAllowed: 1 })), eviction({ deleteOptions: { dryRun: ['All'] } }), get(`${budgets}/b`, { only: ['status.disruptionsAllowed', 'status.disruptedPods'] }), get(pod, { only: ['metadata.deletionTimestamp'] })),
    one('eviction, dry run in the query', prepare(make({ nodeName: 'n' }, labelled)), prepare(running()), { ...eviction(), query: { dryRun: 'All' } }, get(pod, { only: ['metadata.deletionTimestamp'] })),
    one('eviction with another uid', prepare(make({ nodeName: 'n' })), prepare(running()), eviction({ deleteOptions: { preconditions: { uid: '00000000-0000-4000-8000-000000000000' } } })),
    one('eviction with a grace period', prepare(make({ nodeName: 'n' })), prepare(running()), eviction({ deleteOptions: { gracePeriodSeconds: 3 } }), get(pod, { only: ['metadata.deletionGracePeriodSeconds', 'status.conditions'] })),
    one('eviction under another name', prepare(make()), create(core('pods', 'p', 'eviction'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'q' } })),
    one('eviction without a kind', prepare(make({ nodeName: 'n' })), create(core('pods', 'p', 'eviction'), { metadata: { name: 'p' } })),
    one('eviction in v1beta1', prepare(make({ nodeName: 'n' })), create(core('pods', 'p', 'eviction'), { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name: 'p' } })),
    one('eviction of a pod with a finalizer', prepare(make({ nodeName: 'n' }, { finalizers: ['example.com/f'] })), prepare(running()), eviction(), get(pod)),

    one('an ephemeral container', prepare(make({ nodeName: 'n' })), strategicPatch(`${pod}/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] } }), get(pod, { only: ['spec.ephemeralContainers'] })),
    one('an ephemeral container changes', prepare(make({ nodeName: 'n' })), prepare(strategicPatch(`${pod}/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] } })), strategicPatch(`${pod}/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'debug', image: 'other' }] } })),
    one('an ephemeral container through the pod', prepare(make({ nodeName: 'n' })), strategicPatch(pod, { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] } })),
    one('resize', prepare(make({ nodeName: 'n', containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' }, limits: { cpu: '2' } } }] })), strategicPatch(`${pod}/resize`, { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1500m' } } }] } })),
    one('logs of a pod that is on no node', prepare(make()), get(`${pod}/log`)),
    one('logs of a missing pod', get(`${pod}/log`)),
    one('logs of a container that is not there', prepare(make({ nodeName: 'n' })), get(`${pod}/log`, { query: { container: 'none' } })),
    one('logs of a pod of two containers', prepare(make({ nodeName: 'n', containers: [{ name: 'a', image: 'i' }, { name: 'b', image: 'i' }] })), get(`${pod}/log`)),
    one('JSON patch of a pod that another client changed', prepare(make()), get(pod, { keep: { version: 'metadata.resourceVersion' } }), prepare(mergePatch(pod, { metadata: { labels: { x: 'y' } } })), jsonPatch(pod, [{ op: 'test', path: '/metadata/resourceVersion', value: '{{version}}' }, { op: 'add', path: '/metadata/annotations', value: { a: 'b' } }])),
  ],
};
