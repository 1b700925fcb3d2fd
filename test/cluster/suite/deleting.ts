// Deletion: finalizers, grace periods, preconditions, propagation, whole collections, terminating namespaces.
import type { JsonValue } from '@vfleet/core';
import { clusterCore, core, create, get, group, mergePatch, prepare, remove, sendBack, update } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

const configmaps = core('configmaps');
const object = `${configmaps}/a`;
const make = (metadata: { readonly [key: string]: JsonValue } = {}, name = 'a') => create(configmaps, { metadata: { name, ...metadata } });
const options = (body: { readonly [key: string]: JsonValue }): JsonValue => ({ apiVersion: 'v1', kind: 'DeleteOptions', ...body });
const one = (name: string, ...steps: readonly RequestStep[]): Case => ({ name, steps });
const pod = (name: string, ...steps: readonly RequestStep[]): Case => ({ name, needs: ['serviceAccount'], steps });
const pods = core('pods');
const makePod = (spec: { readonly [key: string]: JsonValue } = {}, metadata: { readonly [key: string]: JsonValue } = {}) => create(pods, { metadata: { name: 'p', ...metadata }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });
const job = { metadata: { name: 'j' }, spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } };
const deployment = { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } };
const collection = (query: Readonly<Record<string, string>>, body?: JsonValue): RequestStep => ({ method: 'DELETE', path: configmaps, query, ...(body === undefined ? {} : { body }) });
const nodes = clusterCore('nodes');

export const deleting: Theme = {
  name: 'deleting',
  cases: [
    one('a plain object', prepare(make()), remove(object)),
    one('with options in the body', prepare(make()), remove(object, { body: options({ propagationPolicy: 'Background' }) })),
    one('with options of another version', prepare(make()), remove(object, { body: { apiVersion: 'meta.k8s.io/v1', kind: 'DeleteOptions' } })),
    one('with an empty body', prepare(make()), remove(object, { body: {} })),
    one('with an unknown option', prepare(make()), remove(object, { body: options({ colour: 'red' }) })),
    one('with options in the query', prepare(make()), remove(object, { query: { propagationPolicy: 'Background', gracePeriodSeconds: '0' } })),
    one('the right uid and version', make({}, 'a'), get(object, { keep: { uid: 'metadata.uid', version: 'metadata.resourceVersion' } }), remove(object, { body: options({ preconditions: { uid: '{{uid}}', resourceVersion: '{{version}}' } }) })),
    one('dry run', prepare(make()), remove(object, { query: { dryRun: 'All' } }), get(object)),
    one('dry run in the body', prepare(make()), remove(object, { body: options({ dryRun: ['All'] }) }), get(object)),
    one('dry run with a finalizer', prepare(make({ finalizers: ['example.com/f'] })), remove(object, { query: { dryRun: 'All' } }), get(object)),

    one('a finalizer holds it', prepare(make({ finalizers: ['example.com/f'] })), remove(object), get(object), remove(object), mergePatch(object, { metadata: { finalizers: null } }), get(object)),
    one('finalizers go one by one', prepare(make({ finalizers: ['example.com/f', 'example.com/g'] })), remove(object), mergePatch(object, { metadata: { finalizers: ['example.com/g'] } }), mergePatch(object, { metadata: { finalizers: [] } }), get(object)),
    one('no new finalizer while deleting', prepare(make({ finalizers: ['example.com/f'] })), remove(object), mergePatch(object, { metadata: { finalizers: ['example.com/f', 'example.com/new'] } })),
    one('other fields change while deleting', prepare(make({ finalizers: ['example.com/f'] })), remove(object), mergePatch(object, { data: { x: 'y' } })),
    one('deletionTimestamp cannot be changed', prepare(make({ finalizers: ['example.com/f'] })), remove(object), mergePatch(object, { metadata: { deletionTimestamp: null } }), mergePatch(object, { metadata: { deletionTimestamp: '2024-01-02T03:04:05Z' } }), mergePatch(object, { metadata: { deletionGracePeriodSeconds: 7 } })),
    one('deletionTimestamp cannot be set', prepare(make()), mergePatch(object, { metadata: { deletionTimestamp: '2024-01-02T03:04:05Z' } })),
    one('create beside what is being deleted', prepare(make({ finalizers: ['example.com/f'] })), remove(object), make()),
    one('an update that removes the last finalizer', make({ finalizers: ['example.com/f'] }), remove(object), get(object, { keep: { now: '' } }), sendBack(object, 'now', { metadata: { finalizers: null }, data: { last: 'words' } }), get(object)),
    one('a stale removal of finalizers', make({ finalizers: ['example.com/f'] }), get(object, { keep: { now: '' } }), mergePatch(object, { data: { a: '1' } }), remove(object), sendBack(object, 'now', { metadata: { finalizers: null } })),
    one('orphan', prepare(make()), remove(object, { query: { propagationPolicy: 'Orphan' } }), get(object)),
    one('foreground', prepare(make()), remove(object, { query: { propagationPolicy: 'Foreground' } }), get(object)),
    one('foreground, then background', prepare(make()), remove(object, { query: { propagationPolicy: 'Foreground' } }), remove(object, { query: { propagationPolicy: 'Background' } }), get(object)),
    one('foreground, then orphan', prepare(make()), remove(object, { query: { propagationPolicy: 'Foreground' } }), remove(object, { query: { propagationPolicy: 'Orphan' } }), get(object)),
    one('orphanDependents as of old', prepare(make()), remove(object, { query: { orphanDependents: 'true' } }), get(object)),
    one('a Deployment by default', prepare(create(group('apps/v1', 'deployments'), deployment)), remove(group('apps/v1', 'deployments', 'd')), get(group('apps/v1', 'deployments', 'd'))),
    one('a Deployment in the foreground', prepare(create(group('apps/v1', 'deployments'), deployment)), remove(group('apps/v1', 'deployments', 'd'), { query: { propagationPolicy: 'Foreground' } })),
    one('a Job by default', prepare(create(group('batch/v1', 'jobs'), job)), remove(group('batch/v1', 'jobs', 'j'))),
    one('a Job in the background', prepare(create(group('batch/v1', 'jobs'), job)), remove(group('batch/v1', 'jobs', 'j'), { query: { propagationPolicy: 'Background' } })),
    one('with a grace period where there is none', prepare(make()), remove(object, { query: { gracePeriodSeconds: '30' } }), get(object)),

    pod('a pod that was never scheduled', prepare(makePod()), remove(core('pods', 'p')), get(core('pods', 'p'))),
    pod('a pod on a node', prepare(makePod({ nodeName: 'n' })), remove(core('pods', 'p')), get(core('pods', 'p')), remove(core('pods', 'p')), remove(core('pods', 'p'), { query: { gracePeriodSeconds: '0' } }), get(core('pods', 'p'))),
    pod('a pod with its own grace period', prepare(makePod({ nodeName: 'n', terminationGracePeriodSeconds: 5 })), remove(core('pods', 'p'))),
    pod('a pod with another grace period', prepare(makePod({ nodeName: 'n' })), remove(core('pods', 'p'), { query: { gracePeriodSeconds: '7' } }), remove(core('pods', 'p'), { query: { gracePeriodSeconds: '3' } }), remove(core('pods', 'p'), { query: { gracePeriodSeconds: '60' } })),
    pod('a pod with a grace period in the body', prepare(makePod({ nodeName: 'n' })), remove(core('pods', 'p'), { body: options({ gracePeriodSeconds: 2 }) })),
    pod('a pod by force', prepare(makePod({ nodeName: 'n' })), remove(core('pods', 'p'), { query: { gracePeriodSeconds: '0' } }), get(core('pods', 'p'))),
    pod('a finished pod', prepare(makePod({ nodeName: 'n' })), prepare(mergePatch(core('pods', 'p', 'status'), { status: { phase: 'Succeeded' } })), remove(core('pods', 'p')), get(core('pods', 'p'))),
    pod('a pod with a finalizer', prepare(makePod({ nodeName: 'n' }, { finalizers: ['example.com/f'] })), remove(core('pods', 'p'), { query: { gracePeriodSeconds: '0' } }), get(core('pods', 'p')), mergePatch(core('pods', 'p'), { metadata: { finalizers: null } }), get(core('pods', 'p'))),
    pod('a graceful pod with a finalizer', prepare(makePod({ nodeName: 'n' }, { finalizers: ['example.com/f'] })), remove(core('pods', 'p')), mergePatch(core('pods', 'p'), { metadata: { finalizers: null } }), get(core('pods', 'p'))),
    pod('a negative grace period', prepare(makePod({ nodeName: 'n' })), remove(core('pods', 'p'), { query: { gracePeriodSeconds: '-1' } })),
    pod('a pod that a kubelet reports gone', prepare(makePod({ nodeName: 'n' })), remove(core('pods', 'p')), mergePatch(core('pods', 'p', 'status'), { status: { phase: 'Failed' } }), remove(core('pods', 'p'), { body: options({ gracePeriodSeconds: 0 }) })),
    pod('all pods', prepare(makePod({ nodeName: 'n' })), prepare(create(pods, { metadata: { name: 'q' }, spec: { containers: [{ name: 'c', image: 'i' }] } })), { method: 'DELETE', path: pods }, get(pods)),

    one('a collection', prepare(make()), prepare(make({}, 'b')), collection({}), get(configmaps)),
    one('a collection by label', prepare(make({ labels: { x: '1' } })), prepare(make({}, 'b')), collection({ labelSelector: 'x=1' }), get(configmaps)),
    one('a collection by field', prepare(make()), prepare(make({}, 'b')), collection({ fieldSelector: 'metadata.name=b' }), get(configmaps)),
    one('an empty collection', collection({})),
    one('a collection with finalizers', prepare(make({ finalizers: ['example.com/f'] })), prepare(make({}, 'b')), collection({}), get(configmaps)),
    one('a collection, dry run', prepare(make()), collection({ dryRun: 'All' }), get(configmaps)),
    one('a collection with a limit', prepare(make()), prepare(make({}, 'b')), collection({ limit: '1' }), get(configmaps)),
    one('a collection with options', prepare(make()), collection({}, options({ propagationPolicy: 'Foreground' })), get(configmaps)),
    one('a collection with a bad selector', collection({ labelSelector: 'a in (' })),
    one('a collection with a uid', prepare(make()), collection({}, options({ preconditions: { uid: '00000000-0000-4000-8000-000000000000' } }))),

    one('a namespace', create(clusterCore('namespaces'), { metadata: { name: '{{id}}-x' } }), prepare(create('/api/v1/namespaces/{{id}}-x/configmaps', { metadata: { name: 'a' } })), remove(`${clusterCore('namespaces')}/{{id}}-x`), get(`${clusterCore('namespaces')}/{{id}}-x`), create('/api/v1/namespaces/{{id}}-x/configmaps', { metadata: { name: 'b' } }),
      update('/api/v1/namespaces/{{id}}-x/configmaps/a', { metadata: { name: 'a' }, data: { a: '1' } }), mergePatch('/api/v1/namespaces/{{id}}-x/configmaps/a', { data: { a: '2' } }), remove('/api/v1/namespaces/{{id}}-x/configmaps/a'), remove(`${clusterCore('namespaces')}/{{id}}-x`)),
    one('a namespace is finalized', create(clusterCore('namespaces'), { metadata: { name: '{{id}}-x' } }), remove(`${clusterCore('namespaces')}/{{id}}-x`), update(`${clusterCore('namespaces')}/{{id}}-x/finalize`, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: '{{id}}-x' }, spec: { finalizers: [] } }), get(`${clusterCore('namespaces')}/{{id}}-x`)),
    one('spec.finalizers change by finalize only', create(clusterCore('namespaces'), { metadata: { name: '{{id}}-x' } }), mergePatch(`${clusterCore('namespaces')}/{{id}}-x`, { spec: { finalizers: [] } }), update(`${clusterCore('namespaces')}/{{id}}-x/finalize`, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: '{{id}}-x' }, spec: { finalizers: ['kubernetes', 'example.com/f'] } })),
    one('the default namespace', remove(`${clusterCore('namespaces')}/default`)),
    one('the kube-system namespace', remove(`${clusterCore('namespaces')}/kube-system`, { query: { dryRun: 'All' } })),
    one('a node', prepare(create(nodes, { metadata: { name: '{{id}}' } })), remove(`${nodes}/{{id}}`), get(`${nodes}/{{id}}`)),
    one('a node with a finalizer', prepare(create(nodes, { metadata: { name: '{{id}}', finalizers: ['example.com/f'] } })), remove(`${nodes}/{{id}}`), mergePatch(`${nodes}/{{id}}`, { metadata: { finalizers: null } })),
    one('an owner with dependents, in the foreground', make(), get(object, { keep: { uid: 'metadata.uid' } }), prepare(make({ ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: '{{uid}}', blockOwnerDeletion: true }] }, 'child')), remove(object, { query: { propagationPolicy: 'Foreground' } }), get(object)),
  ],
};
