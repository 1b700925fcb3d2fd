// JSON patch (RFC 6902), JSON merge patch (RFC 7386) and strategic merge patch with its merge keys and directives.
import type { JsonValue } from '@vfleet/core';
import { clusterCore, core, create, get, group, jsonPatch, mergePatch, prepare, strategicPatch } from '../case.ts';
import type { Case, RequestStep, Theme } from '../case.ts';

const object = `${core('configmaps')}/a`;
const given = prepare(create(core('configmaps'), { metadata: { name: 'a', labels: { x: '1', y: '2' }, finalizers: ['example.com/f', 'example.com/g'] }, data: { a: '1', b: '2' } }));
const onConfigMap = (name: string, ...steps: readonly RequestStep[]): Case => ({ name, steps: [given, ...steps] });
const json = (name: string, ...operations: readonly JsonValue[]): Case => onConfigMap(`JSON patch: ${name}`, jsonPatch(object, operations));
const merge = (name: string, patch: JsonValue): Case => onConfigMap(`merge patch: ${name}`, mergePatch(object, patch));
const rawPatch = (name: string, type: string, text: string): Case => onConfigMap(name, { method: 'PATCH', path: object, text, headers: { 'content-type': type } });

const deployments = group('apps/v1', 'deployments');
const deployment: JsonValue = {
  metadata: { name: 'd' },
  spec: {
    replicas: 2, selector: { matchLabels: { a: 'b' } },
    template: {
      metadata: { labels: { a: 'b' } },
      spec: {
        containers: [
          { name: 'one', image: 'one:1', args: ['x', 'y'], env: [{ name: 'A', value: '1' }, { name: 'B', value: '2' }], ports: [{ containerPort: 80, name: 'http' }, { containerPort: 81, protocol: 'UDP' }], resources: { limits: { cpu: '1' } } },
          { name: 'two', image: 'two:1', volumeMounts: [{ name: 'v', mountPath: '/v' }] },
        ],
        volumes: [{ name: 'v', emptyDir: {} }],
        tolerations: [{ key: 'k', operator: 'Exists' }],
        imagePullSecrets: [{ name: 's' }],
        hostAliases: [{ ip: '10.0.0.1', hostnames: ['h'] }],
        nodeSelector: { disk: 'fast' },
      },
    },
  },
};
const inPod = (spec: JsonValue): JsonValue => ({ spec: { template: { spec } } });
const strategic = (name: string, ...patches: readonly JsonValue[]): Case => ({
  name: `strategic patch: ${name}`, steps: [prepare(create(deployments, deployment)), ...patches.map((patch) => strategicPatch(`${deployments}/d`, patch))],
});

const pod = core('pods', 'p');
const podGiven = prepare(create(core('pods'), { metadata: { name: 'p', finalizers: ['example.com/a', 'example.com/b'] }, spec: { containers: [{ name: 'one', image: 'one:1' }] } }));
const strategicOnPod = (name: string, path: string, ...patches: readonly JsonValue[]): Case => ({
  name: `strategic patch: ${name}`, needs: ['serviceAccount'], steps: [podGiven, ...patches.map((patch) => strategicPatch(path, patch))],
});

export const patches: Theme = {
  name: 'patches',
  cases: [
    json('add, replace, remove', { op: 'add', path: '/data/c', value: '3' }, { op: 'replace', path: '/data/a', value: '9' }, { op: 'remove', path: '/data/b' }),
    json('move and copy', { op: 'move', from: '/data/a', path: '/data/z' }, { op: 'copy', from: '/data/b', path: '/data/y' }),
    json('a test that passes', { op: 'test', path: '/data/a', value: '1' }, { op: 'replace', path: '/data/a', value: '2' }),
    json('a test that fails', { op: 'test', path: '/data/a', value: '7' }, { op: 'replace', path: '/data/a', value: '2' }),
    json('a test of what is not there', { op: 'test', path: '/data/none', value: '7' }),
    json('a test of null where nothing is', { op: 'test', path: '/data/none', value: null }),
    json('remove what is not there', { op: 'remove', path: '/data/none' }),
    json('replace what is not there', { op: 'replace', path: '/data/none', value: 'x' }),
    json('add below what is not there', { op: 'add', path: '/immutable/none', value: 'x' }),
    json('an index beyond the end', { op: 'add', path: '/metadata/finalizers/9', value: 'example.com/x' }),
    json('an index at the end', { op: 'add', path: '/metadata/finalizers/-', value: 'example.com/x' }),
    json('an index inside', { op: 'add', path: '/metadata/finalizers/0', value: 'example.com/x' }),
    json('remove by index', { op: 'remove', path: '/metadata/finalizers/0' }),
    json('an escaped key', { op: 'add', path: '/metadata/annotations', value: {} }, { op: 'add', path: '/metadata/annotations/example.com~1x', value: 'y' }),
    json('the whole object', { op: 'replace', path: '', value: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } } }),
    json('an unknown operation', { op: 'think', path: '/data/a' }),
    json('an operation without a path', { op: 'remove' }),
    json('an operation without a value', { op: 'add', path: '/data/c' }),
    json('a path without its slash', { op: 'remove', path: 'data' }),
    json('nothing'),
    json('a value of the wrong type', { op: 'add', path: '/data/c', value: 3 }),
    json('immutable metadata', { op: 'replace', path: '/metadata/name', value: 'b' }),
    json('the resourceVersion of long ago', { op: 'replace', path: '/metadata/resourceVersion', value: '1' }),
    json('managedFields emptied', { op: 'replace', path: '/metadata/managedFields', value: [{}] }),
    json('a key that pollutes prototypes', { op: 'add', path: '/__proto__/polluted', value: 'x' }),
    onConfigMap('JSON patch: an object and no array', jsonPatch(object, { op: 'remove', path: '/data' })),
    onConfigMap('JSON patch: more than 10,000 operations', jsonPatch(object, Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/data/a', value: '1' })))),

    merge('add, replace, delete', { data: { c: '3', a: '9', b: null } }),
    merge('delete a whole map', { data: null }),
    merge('delete what is not there', { data: { none: null }, binaryData: null }),
    merge('a list is replaced', { metadata: { finalizers: ['example.com/h'] } }),
    merge('a list is deleted', { metadata: { finalizers: null } }),
    merge('nothing', {}),
    merge('what is already so', { data: { a: '1' } }),
    merge('a value of the wrong type', { data: { a: 1 } }),
    merge('an array where an object belongs', { data: ['a'] }),
    merge('another kind', { kind: 'Secret' }),
    merge('another version', { apiVersion: 'v2' }),
    merge('an array', ['a']),
    merge('a string', 'a'),
    merge('null', null),
    merge('an empty name', { metadata: { name: null } }),
    merge('status of what has none', { status: { a: 'b' } }),
    rawPatch('a merge patch that is no JSON', 'application/merge-patch+json', '{'),
    rawPatch('a merge patch that is empty', 'application/merge-patch+json', ''),
    rawPatch('a JSON patch that is no JSON', 'application/json-patch+json', '['),
    rawPatch('a strategic patch that is no JSON', 'application/strategic-merge-patch+json', '{'),
    rawPatch('a patch of no type', 'application/json', '{"data":{"c":"3"}}'),
    rawPatch('a patch of an unknown type', 'application/magic', '{}'),
    rawPatch('a patch without a content type', '', '{}'),
    rawPatch('a merge patch with a charset', 'application/merge-patch+json; charset=utf-8', '{"data":{"c":"3"}}'),
    rawPatch('a merge patch in YAML', 'application/merge-patch+json', 'data:\n  c: "3"\n'),
    onConfigMap('two merge patches in turn', mergePatch(object, { data: { c: '3' } }), mergePatch(object, { data: { c: '4' } }), get(object)),
    onConfigMap('a merge patch by another manager', mergePatch(object, { data: { c: '3' } }, { query: { fieldManager: 'other' } }), mergePatch(object, { data: { a: null } }, { query: { fieldManager: 'third' } })),
    onConfigMap('force belongs to apply', mergePatch(object, { data: { c: '3' } }, { query: { force: 'true' } })),

    strategic('a field', { spec: { replicas: 3 } }),
    strategic('a container by its name', inPod({ containers: [{ name: 'two', image: 'two:2' }] })),
    strategic('a new container goes first', inPod({ containers: [{ name: 'three', image: 'three:1' }] })),
    strategic('delete a container', inPod({ containers: [{ name: 'one', $patch: 'delete' }] })),
    strategic('delete a container that is not there', inPod({ containers: [{ name: 'none', $patch: 'delete' }] })),
    strategic('replace all containers', inPod({ containers: [{ $patch: 'replace' }, { name: 'three', image: 'three:1' }] })),
    strategic('a container without its merge key', inPod({ containers: [{ image: 'x' }] })),
    strategic('environment by name', inPod({ containers: [{ name: 'one', env: [{ name: 'A', value: '9' }, { name: 'C', value: '3' }, { name: 'B', $patch: 'delete' }] }] })),
    strategic('ports by number', inPod({ containers: [{ name: 'one', ports: [{ containerPort: 80, name: 'web' }, { containerPort: 82 }] }] })),
    strategic('arguments are replaced', inPod({ containers: [{ name: 'one', args: ['z'] }] })),
    strategic('tolerations are replaced', inPod({ tolerations: [{ key: 'other', operator: 'Exists' }] })),
    strategic('a volume becomes another', inPod({ volumes: [{ name: 'v', emptyDir: null, configMap: { name: 'c' } }] })),
    strategic('a volume becomes another by retainKeys', inPod({ volumes: [{ name: 'v', $retainKeys: ['name', 'configMap'], configMap: { name: 'c' } }] })),
    strategic('two sources for a volume', inPod({ volumes: [{ name: 'v', configMap: { name: 'c' } }] })),
    strategic('the order of containers', inPod({ $setElementOrder: 'ignored' })),
    strategic('setElementOrder', inPod({ '$setElementOrder/containers': [{ name: 'two' }, { name: 'one' }], containers: [{ name: 'two', image: 'two:3' }] })),
    strategic('setElementOrder that lacks an element of the patch', inPod({ '$setElementOrder/containers': [{ name: 'one' }], containers: [{ name: 'two', image: 'two:3' }] })),
    strategic('a map is replaced', inPod({ nodeSelector: { $patch: 'replace', zone: 'a' } })),
    strategic('a map is deleted', inPod({ nodeSelector: { $patch: 'delete' } })),
    strategic('a key of a map is deleted', inPod({ nodeSelector: { disk: null, zone: 'b' } })),
    strategic('an unknown directive', inPod({ nodeSelector: { $patch: 'think' } })),
    strategic('a directive of the wrong type', inPod({ nodeSelector: { $patch: 1 } })),
    strategic('an object where a list belongs', inPod({ containers: { name: 'x' } })),
    strategic('a list where an object belongs', { spec: ['x'] }),
    strategic('pull secrets by name', inPod({ imagePullSecrets: [{ name: 't' }] })),
    strategic('host aliases by address', inPod({ hostAliases: [{ ip: '10.0.0.1', hostnames: ['i'] }, { ip: '10.0.0.2', hostnames: ['j'] }] })),
    strategic('the rollout strategy by retainKeys', { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }),
    strategic('the rollout strategy without it', { spec: { strategy: { type: 'Recreate' } } }),
    strategic('an annotation as rollout restart sets it', { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2024-01-02T03:04:05Z' } } } } }),
    strategic('twice the same', { spec: { replicas: 4 } }, { spec: { replicas: 4 } }),
    strategicOnPod('finalizers are merged', pod, { metadata: { finalizers: ['example.com/c'] } }),
    strategicOnPod('finalizers are deleted from a list', pod, { metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a', 'example.com/none'] } }),
    strategicOnPod('finalizers in an order', pod, { metadata: { '$setElementOrder/finalizers': ['example.com/b', 'example.com/a'] } }),
    strategicOnPod('conditions by type', `${pod}/status`, { status: { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: '2024-01-02T03:04:05Z' }] } }, { status: { conditions: [{ type: 'Ready', status: 'True' }, { type: 'Other', status: 'Unknown' }] } }),
    strategicOnPod('container states', `${pod}/status`, { status: { phase: 'Running', containerStatuses: [{ name: 'one', ready: true, restartCount: 0, image: 'one:1', imageID: 'x', state: { running: { startedAt: '2024-01-02T03:04:05Z' } } }], podIPs: [{ ip: '10.0.0.1' }], podIP: '10.0.0.1' } }),
    {
      name: 'strategic patch: owners by uid', steps: [
        prepare(create(core('configmaps'), { metadata: { name: 'a', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: '00000000-0000-4000-8000-000000000001' }] } })),
        strategicPatch(object, { metadata: { ownerReferences: [{ uid: '00000000-0000-4000-8000-000000000002', apiVersion: 'v1', kind: 'ConfigMap', name: 'y' }] } }),
        strategicPatch(object, { metadata: { ownerReferences: [{ uid: '00000000-0000-4000-8000-000000000001', $patch: 'delete' }] } }),
      ],
    },
    {
      name: 'strategic patch: node taints', steps: [
        prepare(create(clusterCore('nodes'), { metadata: { name: '{{id}}' }, spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } })),
        strategicPatch(`${clusterCore('nodes')}/{{id}}`, { spec: { taints: [{ key: 'b', effect: 'NoExecute' }] } }),
        strategicPatch(`${clusterCore('nodes')}/{{id}}/status`, { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'R', lastHeartbeatTime: '2024-01-02T03:04:05Z' }], capacity: { cpu: '4', memory: '8Gi' }, addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] } }),
        strategicPatch(`${clusterCore('nodes')}/{{id}}/status`, { status: { conditions: [{ type: 'Ready', status: 'False' }], capacity: { 'example.com/vf': '8' }, addresses: [{ type: 'Hostname', address: 'h' }] } }),
      ],
    },
    {
      name: 'strategic patch: service ports', steps: [
        prepare(create(core('services'), { metadata: { name: 's' }, spec: { clusterIP: 'None', ports: [{ port: 80, name: 'a' }] } })),
        strategicPatch(`${core('services')}/s`, { spec: { ports: [{ port: 80, targetPort: 8080 }, { port: 81, name: 'b' }] } }),
      ],
    },
  ],
};
