// Server-side apply: who owns which field, conflicts, force, removal of what is no longer applied, managedFields.
import type { JsonValue } from '@vfleet/core';
import { apply, clusterCore, core, create, get, group, jsonPatch, mergePatch, prepare, sendBack, strategicPatch, update } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

const object = `${core('configmaps')}/a`;
const config = (data: JsonValue, metadata: { readonly [key: string]: JsonValue } = {}): JsonValue => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', ...metadata }, ...(data === null ? {} : { data }) });
const one = (name: string, ...steps: readonly RequestStep[]): Case => ({ name, steps });
const force = { query: { force: 'true' } };

const deployments = group('apps/v1', 'deployments');
const deployment = (containers: JsonValue, more: { readonly [key: string]: JsonValue } = {}): JsonValue => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' },
  spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers, ...more } } },
});
const raw = (name: string, text: string, query: Readonly<Record<string, string>>): Case => one(name, { method: 'PATCH', path: object, query, text, headers: { 'content-type': 'application/apply-patch+yaml' } });

export const applying: Theme = {
  name: 'applying',
  cases: [
    one('creates', apply(object, 'a', config({ a: '1' })), get(object)),
    one('creates nothing but itself', apply(object, 'a', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } })),
    one('again, the same', apply(object, 'a', config({ a: '1' })), apply(object, 'a', config({ a: '1' })), get(object)),
    one('changes what it owns', apply(object, 'a', config({ a: '1' })), apply(object, 'a', config({ a: '2' }))),
    one('removes what it no longer says', apply(object, 'a', config({ a: '1', b: '2' }, { labels: { x: 'y' }, annotations: { m: 'n' } })), apply(object, 'a', config({ a: '1' })), get(object)),
    one('removes the last of a map', apply(object, 'a', config({ a: '1' })), apply(object, 'a', config(null)), get(object)),
    one('two managers of different fields', apply(object, 'a', config({ a: '1' })), apply(object, 'b', config({ b: '2' }))),
    one('two managers of the same value', apply(object, 'a', config({ a: '1' })), apply(object, 'b', config({ a: '1' }))),
    one('shared, then given up by one', apply(object, 'a', config({ a: '1' })), apply(object, 'b', config({ a: '1', b: '2' })), apply(object, 'a', config(null)), get(object)),
    one('shared, then given up by both', apply(object, 'a', config({ a: '1' })), apply(object, 'b', config({ a: '1' })), apply(object, 'a', config(null)), apply(object, 'b', config(null)), get(object)),
    one('a conflict', apply(object, 'a', config({ a: '1' })), apply(object, 'b', config({ a: '2' })), get(object)),
    { ...one('conflicts on several fields with several managers', apply(object, 'a', config({ a: '1' })), apply(object, 'b', config({ b: '1' })), apply(object, 'c', config({ a: '2', b: '2' }, { labels: { x: 'y' } }))), causesInAnyOrder: true },
    one('a conflict, forced', apply(object, 'a', config({ a: '1' })), apply(object, 'b', config({ a: '2' }), force), get(object)),
    one('a conflict with an update', prepare(create(core('configmaps'), config({ a: '1' }))), apply(object, 'b', config({ a: '2' }))),
    one('no conflict with an update of the same value', prepare(create(core('configmaps'), config({ a: '1' }))), apply(object, 'b', config({ a: '1' }))),
    one('forced over an update', prepare(create(core('configmaps'), config({ a: '1' }))), apply(object, 'b', config({ a: '2' }), force)),
    one('a merge patch takes over', apply(object, 'a', config({ a: '1' })), mergePatch(object, { data: { a: '2' } }), apply(object, 'a', config({ a: '1' }))),
    one('an update takes over', apply(object, 'a', config({ a: '1', b: '1' }), { keep: { made: '' } }), sendBack(object, 'made', { data: { a: '2' } }, { query: { fieldManager: 'u' } })),
    one('an update that changes nothing', apply(object, 'a', config({ a: '1' }), { keep: { made: '' } }), sendBack(object, 'made', {}, { query: { fieldManager: 'u' } })),
    one('an update that removes', apply(object, 'a', config({ a: '1', b: '1' }), { keep: { made: '' } }), sendBack(object, 'made', { data: { a: null } }, { query: { fieldManager: 'u' } })),
    one('a removed field is applied again', apply(object, 'a', config({ a: '1', b: '1' })), mergePatch(object, { data: { a: null } }), apply(object, 'a', config({ a: '1', b: '1' }))),
    one('with the right resourceVersion', apply(object, 'a', config({ a: '1' }), { keep: { version: 'metadata.resourceVersion' } }), apply(object, 'a', config({ a: '2' }, { resourceVersion: '{{version}}' }))),
    one('with a stale resourceVersion', apply(object, 'a', config({ a: '1' })), apply(object, 'a', config({ a: '2' }, { resourceVersion: '1' }))),
    one('with a resourceVersion on what is not there', apply(object, 'a', config({ a: '2' }, { resourceVersion: '1' }))),
    one('with a uid on what is not there', apply(object, 'a', config({ a: '2' }, { uid: '00000000-0000-4000-8000-000000000000' }))),
    one('with another uid', apply(object, 'a', config({ a: '1' })), apply(object, 'a', config({ a: '2' }, { uid: '00000000-0000-4000-8000-000000000000' }))),
    one('with managedFields', apply(object, 'a', config({ a: '1' }, { managedFields: [{ manager: 'x' }] }))),
    one('what was read, without managedFields', apply(object, 'a', config({ a: '1' })), apply(object, 'b', config({ a: '1' }, { managedFields: null, creationTimestamp: null }))),
    one('without a manager', { ...apply(object, '', config({ a: '1' })), query: {} }),
    one('without a kind', apply(object, 'a', { apiVersion: 'v1', metadata: { name: 'a' } })),
    one('without a version', apply(object, 'a', { kind: 'ConfigMap', metadata: { name: 'a' } })),
    one('another kind', apply(object, 'a', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } })),
    one('another version', apply(object, 'a', { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'a' } })),
    one('another name', apply(object, 'a', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } })),
    one('no name', apply(object, 'a', { apiVersion: 'v1', kind: 'ConfigMap' })),
    one('another namespace', apply(object, 'a', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } })),
    one('a type that does not fit', apply(object, 'a', config({ a: 1 }))),
    one('a null value', apply(object, 'a', config({ a: null, b: '1' }))),
    one('generateName', apply(object, 'a', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'x-' } })),
    one('an invalid object', apply(`${core('configmaps')}/A`, 'a', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'A' } })),
    raw('YAML', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: "1"\n', { fieldManager: 'a' }),
    raw('YAML that is none', 'a: [', { fieldManager: 'a' }),
    ...['y', 'Y', 'yes', 'on', 'No', 'true', '~', 'null', '1_000', '0o17', '017', '0x1F', '0b101', '1e3', '.5', '.inf', '.NaN', '-0', '+12', '1:30', '190:20:30', '2001-01-02', '2001-01-02T03:04:05Z', '12345678901234567890', '1.0', '!!str 1', '!!binary AA==', '=', '<<', '"\\x41"', "'it''s'", '|\n    text\n', '>-\n    a\n    b\n', '[a, b]', '{a: b}', '*none', '@x', '%x', '`x', '? x', '- x', 'a: b', '"\\q"', '!odd x', '&a x'].map((scalar, index): Case => raw(`YAML scalar ${index + 1}, ${scalar.replaceAll('\n', ' ')}`, `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: ${scalar}\n`, { fieldManager: 'a' })),
    raw('an empty body', '', { fieldManager: 'a' }),
    raw('an array', '[]', { fieldManager: 'a' }),
    raw('force that is no boolean', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n', { fieldManager: 'a', force: 'maybe' }),
    one('a namespace that is not there', apply('/api/v1/namespaces/nowhere/configmaps/a', 'a', config({ a: '1' }))),
    one('dry run', apply(object, 'a', config({ a: '1' }), { query: { dryRun: 'All' } }), get(object)),
    one('CBOR by name only', { method: 'PATCH', path: object, query: { fieldManager: 'a' }, text: 'x', headers: { 'content-type': 'application/apply-patch+cbor' } }),

    one('containers of two managers', apply(`${deployments}/d`, 'a', deployment([{ name: 'one', image: 'one:1', env: [{ name: 'A', value: '1' }] }])), apply(`${deployments}/d`, 'b', deployment([{ name: 'two', image: 'two:1' }, { name: 'one', env: [{ name: 'B', value: '2' }] }])), get(`${deployments}/d`)),
    one('one container given up', apply(`${deployments}/d`, 'a', deployment([{ name: 'one', image: 'one:1' }])), apply(`${deployments}/d`, 'b', deployment([{ name: 'two', image: 'two:1' }])), apply(`${deployments}/d`, 'b', deployment([])), get(`${deployments}/d`)),
    one('an image in conflict', apply(`${deployments}/d`, 'a', deployment([{ name: 'one', image: 'one:1' }])), apply(`${deployments}/d`, 'b', deployment([{ name: 'one', image: 'one:2' }]))),
    one('the same container twice', apply(`${deployments}/d`, 'a', deployment([{ name: 'one', image: 'one:1' }, { name: 'one', image: 'one:2' }]))),
    one('a container without a name', apply(`${deployments}/d`, 'a', deployment([{ image: 'one:1' }]))),
    one('ports by number and protocol', apply(`${deployments}/d`, 'a', deployment([{ name: 'one', image: 'one:1', ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }] }])), apply(`${deployments}/d`, 'b', deployment([{ name: 'one', ports: [{ containerPort: 80, protocol: 'UDP', name: 'dns' }, { containerPort: 81, protocol: 'TCP' }] }]))),
    one('atomic lists', apply(`${deployments}/d`, 'a', deployment([{ name: 'one', image: 'one:1', args: ['x'] }], { tolerations: [{ key: 'k', operator: 'Exists' }] })), apply(`${deployments}/d`, 'b', deployment([{ name: 'one', args: ['x', 'y'] }]))),
    one('replicas given to an autoscaler', apply(`${deployments}/d`, 'a', { ...(deployment([{ name: 'one', image: 'one:1' }]) as object), spec: { replicas: 3, ...((deployment([{ name: 'one', image: 'one:1' }]) as { spec: object }).spec) } } as JsonValue), mergePatch(`${deployments}/d/scale`, { spec: { replicas: 5 } }, { query: { fieldManager: 'scaler' } }), apply(`${deployments}/d`, 'a', deployment([{ name: 'one', image: 'one:1' }])), get(`${deployments}/d`)),
    one('a status by apply', apply(`${deployments}/d`, 'a', deployment([{ name: 'one', image: 'one:1' }])), apply(`${deployments}/d/status`, 'controller', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, status: { observedGeneration: 1, conditions: [{ type: 'Available', status: 'True', lastUpdateTime: '2024-01-02T03:04:05Z', lastTransitionTime: '2024-01-02T03:04:05Z', reason: 'R', message: 'm' }] } })),
    one('node taints of two managers', apply(`${clusterCore('nodes')}/{{id}}`, 'a', { apiVersion: 'v1', kind: 'Node', metadata: { name: '{{id}}' }, spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }), apply(`${clusterCore('nodes')}/{{id}}`, 'b', { apiVersion: 'v1', kind: 'Node', metadata: { name: '{{id}}', labels: { x: 'y' } } })),
    one('finalizers as a set', apply(object, 'a', config(null, { finalizers: ['example.com/a'] })), apply(object, 'b', config(null, { finalizers: ['example.com/b'] })), apply(object, 'a', config(null, {})), get(object)),
    one('owners by uid', apply(object, 'a', config(null, { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: '00000000-0000-4000-8000-000000000001' }] })), apply(object, 'b', config(null, { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'p', uid: '00000000-0000-4000-8000-000000000002' }] }))),
    one('a Secret with stringData', apply(`${core('secrets')}/s`, 'a', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { a: 'x' } }), apply(`${core('secrets')}/s`, 'a', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { a: 'y' } })),
    one('a Lease of one holder', apply(`${group('coordination.k8s.io/v1', 'leases')}/l`, 'a', { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: { holderIdentity: 'a', leaseDurationSeconds: 10 } }), apply(`${group('coordination.k8s.io/v1', 'leases')}/l`, 'b', { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: { holderIdentity: 'b' } })),
    one('managedFields emptied by an update', apply(object, 'a', config({ a: '1' }), { keep: { made: '' } }), sendBack(object, 'made', { metadata: { managedFields: [] } }), mergePatch(object, { metadata: { managedFields: [{}] } }), apply(object, 'b', config({ a: '2' }))),
    one('managedFields rewritten, as kubectl does to migrate', prepare(create(core('configmaps'), config({ a: '1' }), { query: { fieldManager: 'kubectl-client-side-apply' } })), jsonPatch(object, [{ op: 'replace', path: '/metadata/managedFields/0/operation', value: 'Apply' }, { op: 'replace', path: '/metadata/managedFields/0/manager', value: 'kubectl' }]), apply(object, 'kubectl', config({ b: '2' }))),
    one('managedFields broken by a patch', apply(object, 'a', config({ a: '1' })), jsonPatch(object, [{ op: 'replace', path: '/metadata/managedFields', value: [{ manager: 'x', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV9', fieldsV1: {} }] }])),
    one('a manager of the user agent', { method: 'POST', path: core('configmaps'), body: config({ a: '1' }), headers: { 'user-agent': 'tool/v1.2 (linux) other' } }, { method: 'PUT', path: object, body: config({ a: '2' }), headers: { 'user-agent': 'plain' } }, { method: 'PUT', path: object, body: config({ a: '3' }), headers: { 'user-agent': '/x' } }),
    one('subresources are managed apart', prepare(create(deployments, deployment([{ name: 'one', image: 'one:1' }]))), strategicPatch(`${deployments}/d/status`, { status: { observedGeneration: 1, replicas: 1 } }, { query: { fieldManager: 'c' } }), mergePatch(`${deployments}/d/status`, { status: { replicas: 2 } }, { query: { fieldManager: 'c' } }), update(`${deployments}/d`, deployment([{ name: 'one', image: 'one:2' }]), { query: { fieldManager: 'c' } })),
  ],
};
