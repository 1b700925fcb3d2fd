// Names, labels, annotations, owners and finalizers: what is allowed, and what the server says otherwise.
import type { JsonValue } from '@vfleet/core';
import { clusterCore, core, create, get, group, mergePatch, prepare } from '../case.ts';
import type { Case, Theme } from '../case.ts';

const configmaps = core('configmaps');
const long = (length: number) => 'a'.repeat(length);

const names: Readonly<Record<string, string>> = {
  'upper case': 'A', underscore: 'a_b', 'a dash at the end': 'a-', 'a dot at the start': '.a', 'two dots': 'a..b', 'a space': 'a b', 'a slash': 'a/b', 'a percent sign': 'a%b',
  'one dot': '.', '254 characters': long(254), '253 characters': long(253), 'an accent': 'é', empty: '', 'only digits': '123', 'a dotted name': 'a.b-c.d9',
};

const nameCases = Object.entries(names).map(([what, name]): Case => ({ name: `name with ${what}`, steps: [create(configmaps, { metadata: { name } })] }));

/** Kinds whose names follow rules of their own. */
const strict: readonly (readonly [string, string, JsonValue, string])[] = [
  ['Namespace with a dot', clusterCore('namespaces'), {}, 'a.b'],
  ['Namespace with 64 characters', clusterCore('namespaces'), {}, long(64)],
  ['Service with a digit first', core('services'), { spec: { clusterIP: 'None', ports: [{ port: 80 }] } }, '1a'],
  ['Service with 64 characters', core('services'), { spec: { clusterIP: 'None', ports: [{ port: 80 }] } }, long(64)],
  ['Role with a colon', group('rbac.authorization.k8s.io/v1', 'roles'), { rules: [] }, 'system:a:b'],
  ['Role with a slash', group('rbac.authorization.k8s.io/v1', 'roles'), { rules: [] }, 'a/b'],
  ['Lease with upper case', group('coordination.k8s.io/v1', 'leases'), {}, 'A'],
  ['Node with an underscore', clusterCore('nodes'), {}, 'a_b'],
  ['ServiceAccount with upper case', core('serviceaccounts'), {}, 'A'],
  ['Pod with upper case and no containers', core('pods'), { spec: { containers: [] } }, 'A'],
];

const strictCases = strict.map(([what, path, body, name]): Case => ({
  name: what, needs: ['serviceAccount'], steps: [create(path, { ...(body as { readonly [key: string]: JsonValue }), metadata: { name } })],
}));

const metadata = (what: string, meta: { readonly [key: string]: JsonValue }): Case => ({ name: what, steps: [create(configmaps, { metadata: { name: 'a', ...meta } })] });

const uid = '00000000-0000-4000-8000-000000000000';
const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid };

export const metadataTheme: Theme = {
  name: 'metadata',
  cases: [
    ...nameCases,
    ...strictCases,
    metadata('labels that are fine', { labels: { a: 'b', 'example.com/name': 'v_1.2-x', empty: '', A: 'B' } }),
    metadata('a label key with a space', { labels: { 'a b': 'c' } }),
    metadata('a label key with two slashes', { labels: { 'a/b/c': 'd' } }),
    metadata('a label key with upper case in its prefix', { labels: { 'Example.com/a': 'd' } }),
    metadata('a label key that is only a prefix', { labels: { 'example.com/': 'd' } }),
    metadata('a label key of 64 characters', { labels: { [long(64)]: 'd' } }),
    metadata('a label value of 64 characters', { labels: { a: long(64) } }),
    metadata('a label value with a slash', { labels: { a: 'b/c' } }),
    { ...metadata('several wrong labels', { labels: { a: '-', b: '?', 'c d': 'e' } }), causesInAnyOrder: true },
    metadata('a label that is null', { labels: { a: null } }),
    metadata('a label that is a number', { labels: { a: 1 } }),
    metadata('annotations of any text', { annotations: { a: 'b c\n/é{}', 'example.com/x': '' } }),
    metadata('an annotation key with upper case in its prefix', { annotations: { 'Example.com/a': 'b' } }),
    metadata('an annotation key with a space', { annotations: { 'a b': 'c' } }),
    metadata('an owner', { ownerReferences: [owner] }),
    metadata('an owner without a uid', { ownerReferences: [{ ...owner, uid: '' }] }),
    metadata('an owner without a name', { ownerReferences: [{ ...owner, name: '' }] }),
    metadata('an owner without a kind', { ownerReferences: [{ ...owner, kind: '' }] }),
    metadata('an owner without a version', { ownerReferences: [{ ...owner, apiVersion: '' }] }),
    metadata('an owner that is an Event', { ownerReferences: [{ ...owner, kind: 'Event' }] }),
    metadata('two controllers', { ownerReferences: [{ ...owner, controller: true }, { ...owner, name: 'p', uid: uid.replace('0', '1'), controller: true }] }),
    metadata('the same owner twice', { ownerReferences: [owner, owner] }),
    metadata('an owner that blocks deletion', { ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }] }),
    metadata('finalizers', { finalizers: ['example.com/a', 'orphan', 'foregroundDeletion'].slice(0, 2) }),
    metadata('orphan and foreground at once', { finalizers: ['orphan', 'foregroundDeletion'] }),
    metadata('a finalizer without a domain', { finalizers: ['kubernetes.io'] }),
    metadata('a finalizer with a space', { finalizers: ['a b'] }),
    metadata('a finalizer of one word', { finalizers: ['cleanup'] }),
    metadata('a wrong generateName', { name: '', generateName: 'A_' }),
    metadata('managedFields of the client', { managedFields: [{ manager: 'me', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { 'f:x': {} } } }] }),
    metadata('managedFields of an unknown operation', { managedFields: [{ manager: 'me', operation: 'Think', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }] }),
    { name: 'generateName', steps: [create(configmaps, { metadata: { generateName: 'made-' } }), create(configmaps, { metadata: { generateName: 'made-' } }), get(configmaps, { only: ['items[0].metadata.generateName', 'items[1].metadata.generateName'] })] },
    { name: 'generateName beside a name', steps: [create(configmaps, { metadata: { generateName: 'made-', name: 'a' } }), create(configmaps, { metadata: { generateName: 'made-', name: 'a' } })] },
    { name: 'generateName of 250 characters', steps: [create(configmaps, { metadata: { generateName: long(250) } })] },
    { name: 'generateName in a dry run', steps: [create(configmaps, { metadata: { generateName: 'made-' } }, { query: { dryRun: 'All' } })] },
    { name: 'wrong labels in a patch', steps: [prepare(create(configmaps, { metadata: { name: 'a' } })), mergePatch(`${configmaps}/a`, { metadata: { labels: { 'a b': 'c' }, finalizers: ['x y'] } })] },
    { name: 'labels of many keys', steps: [create(configmaps, { metadata: { name: 'a', labels: Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`key-${index}`, `value-${index}`])) } })] },
    { name: 'the namespace label', steps: [get('/api/v1/namespaces/{{ns}}'), mergePatch('/api/v1/namespaces/{{ns}}', { metadata: { labels: { 'kubernetes.io/metadata.name': 'other' } } }), mergePatch('/api/v1/namespaces/{{ns}}', { metadata: { labels: null } })] },
  ],
};
