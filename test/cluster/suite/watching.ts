// Watches: which events come, from where, for which selection, and how they end.
import { clusterCore, core, create, events, get, group, mergePatch, pause, prepare, remove, watch } from '../case.ts';
import type { Case, Step, Theme } from '../case.ts';

const configmaps = core('configmaps');
const make = (name: string, labels: Readonly<Record<string, string>> = {}) => create(configmaps, { metadata: { name, labels }, data: { a: '1' } });
const start = get(configmaps, { keep: { version: 'metadata.resourceVersion' } });
const label = (name: string, value: string | null) => mergePatch(`${configmaps}/${name}`, { metadata: { labels: { side: value } } });
const one = (name: string, ...steps: readonly Step[]): Case => ({ name, steps });
const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
const partial = { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json' };

export const watching: Theme = {
  name: 'watching',
  cases: [
    one('from a version', start, watch('w', configmaps, { resourceVersion: '{{version}}' }), make('a'), mergePatch(`${configmaps}/a`, { data: { a: '2' } }), remove(`${configmaps}/a`), events('w', 3)),
    one('from a version of before', start, make('a'), mergePatch(`${configmaps}/a`, { data: { a: '2' } }), watch('w', configmaps, { resourceVersion: '{{version}}' }), remove(`${configmaps}/a`), events('w', 3)),
    one('from now, with what is there', prepare(make('a')), prepare(make('b')), watch('w', configmaps), events('w', 2), make('c'), events('w', 1)),
    one('from any version', prepare(make('a')), pause(60), watch('w', configmaps, { resourceVersion: '0' }), events('w', 1), make('b'), events('w', 1)),
    one('a change of nothing makes no event', prepare(make('a')), start, watch('w', configmaps, { resourceVersion: '{{version}}' }), mergePatch(`${configmaps}/a`, { data: { a: '1' } }), make('b'), events('w', 1)),
    one('by name', start, watch('w', configmaps, { resourceVersion: '{{version}}', fieldSelector: 'metadata.name=b' }), make('a'), make('b'), remove(`${configmaps}/a`), remove(`${configmaps}/b`), events('w', 2)),
    one('by label: entering and leaving the selection', start, watch('w', configmaps, { resourceVersion: '{{version}}', labelSelector: 'side=left' }), make('a'), label('a', 'left'), mergePatch(`${configmaps}/a`, { data: { a: '3' } }), label('a', 'right'), label('a', 'left'), remove(`${configmaps}/a`), events('w', 5)),
    one('by label: delete of what is not selected', start, watch('w', configmaps, { resourceVersion: '{{version}}', labelSelector: 'side=left' }), make('a', { side: 'right' }), remove(`${configmaps}/a`), make('b', { side: 'left' }), events('w', 1)),
    one('by label, from a version of before', start, make('a'), label('a', 'left'), label('a', 'right'), watch('w', configmaps, { resourceVersion: '{{version}}', labelSelector: 'side=left' }), events('w', 2)),
    {
      name: 'pods by node, bound while watching', needs: ['serviceAccount'], steps: [
        get(core('pods'), { keep: { version: 'metadata.resourceVersion' } }), watch('w', core('pods'), { resourceVersion: '{{version}}', fieldSelector: 'spec.nodeName=n1' }), create(core('pods'), { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
        create(core('pods', 'p', 'binding'), { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n1' } }), mergePatch(core('pods', 'p', 'status'), { status: { phase: 'Running' } }), remove(core('pods', 'p'), { query: { gracePeriodSeconds: '0' } }), events('w', 3),
      ],
    },
    {
      name: 'pods by phase', needs: ['serviceAccount'], steps: [
        watch('w', core('pods'), { fieldSelector: 'status.phase=Running' }), create(core('pods'), { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
        mergePatch(core('pods', 'p', 'status'), { status: { phase: 'Running' } }), mergePatch(core('pods', 'p', 'status'), { status: { phase: 'Succeeded' } }), events('w', 2),
      ],
    },
    one('over all namespaces', watch('w', clusterCore('configmaps'), { labelSelector: 'all={{ns}}' }), create(configmaps, { metadata: { name: 'a', labels: { all: '{{ns}}' } } }), events('w', 1)),
    one('the old path of watches', watch('w', '/api/v1/watch/namespaces/{{ns}}/configmaps'), make('a'), events('w', 1)),
    one('the old path of one object', prepare(make('a')), watch('w', '/api/v1/watch/namespaces/{{ns}}/configmaps/a'), events('w', 1)),
    one('a watch of one object by its path', prepare(make('a')), watch('w', `${configmaps}/a`), events('w', 1)),
    one('a version of long ago', watch('w', configmaps, { resourceVersion: '1', timeoutSeconds: '2' }), events('w', 'all')),
    one('a version of the future', watch('w', configmaps, { resourceVersion: '999999999', timeoutSeconds: '1' }), events('w', 'all')),
    one('a version that is none', watch('w', configmaps, { resourceVersion: 'x' }), events('w', 'all')),
    one('timeoutSeconds ends it', watch('w', configmaps, { timeoutSeconds: '1' }), make('a'), events('w', 'all')),
    one('a bookmark before the end', start, watch('w', configmaps, { resourceVersion: '{{version}}', allowWatchBookmarks: 'true', timeoutSeconds: '4' }), make('a'), events('w', 'all')),
    one('streaming list', prepare(make('a')), prepare(make('b')), watch('w', configmaps, { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan', timeoutSeconds: '8' }), events('w', 3), make('c'), events('w', 1)),
    one('streaming list of nothing', watch('w', configmaps, { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan', resourceVersion: '', timeoutSeconds: '8' }), events('w', 1)),
    ...[core('pods'), group('coordination.k8s.io/v1', 'leases'), group('apps/v1', 'deployments'), group('policy/v1', 'poddisruptionbudgets')].map((path) =>
      one(`streaming list of no ${path.split('/').at(-1) ?? ''}`, watch('w', path, { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan', timeoutSeconds: '8' }), events('w', 1))),
    one('streaming list from any version', prepare(make('a')), pause(60), watch('w', configmaps, { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan', resourceVersion: '0', timeoutSeconds: '8' }), events('w', 2)),
    one('streaming list from a version', prepare(make('a')), start, watch('w', configmaps, { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan', resourceVersion: '{{version}}', timeoutSeconds: '8' }), events('w', 2)),
    one('streaming list of a selection', prepare(make('a', { side: 'left' })), prepare(make('b')), watch('w', configmaps, { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan', labelSelector: 'side=left', timeoutSeconds: '8' }), events('w', 2)),
    one('streaming list without bookmarks', prepare(make('a')), watch('w', configmaps, { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', timeoutSeconds: '2' }), events('w', 1)),
    one('streaming list without resourceVersionMatch', watch('w', configmaps, { sendInitialEvents: 'true', allowWatchBookmarks: 'true' }), events('w', 'all')),
    one('streaming list with another match', watch('w', configmaps, { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'Exact', resourceVersion: '5' }), events('w', 'all')),
    one('resourceVersionMatch in a plain watch', watch('w', configmaps, { resourceVersionMatch: 'NotOlderThan', resourceVersion: '0' }), events('w', 'all')),
    one('no initial events asked for', prepare(make('a')), watch('w', configmaps, { sendInitialEvents: 'false', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true', timeoutSeconds: '8' }), make('b'), events('w', 1)),
    one('sendInitialEvents in a plain list', get(configmaps, { query: { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' } })),
    one('continue in a watch', watch('w', configmaps, { continue: 'x' }), events('w', 0)),
    one('a bad label selector', watch('w', configmaps, { labelSelector: 'a in (' }), events('w', 'all')),
    one('a bad field selector', watch('w', configmaps, { fieldSelector: 'data.a=1' }), events('w', 'all')),
    one('a name in the path against the selector', watch('w', `${configmaps}/a`, { fieldSelector: 'metadata.name=b' }), events('w', 'all')),
    one('as a Table', prepare(make('a')), watch('w', configmaps, { timeoutSeconds: '8' }, table), events('w', 1), make('b'), mergePatch(`${configmaps}/b`, { data: { c: '2' } }), remove(`${configmaps}/b`), events('w', 3)),
    one('as PartialObjectMetadata', prepare(make('a')), watch('w', configmaps, {}, partial), events('w', 1), make('b'), events('w', 1)),
    one('as a Table with bookmarks', prepare(make('a')), watch('w', configmaps, { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan', timeoutSeconds: '8' }, table), events('w', 2)),
    one('as JSON;stream=watch', prepare(make('a')), watch('w', configmaps, {}, { accept: 'application/json;stream=watch' }), events('w', 1)),
    one('as text', watch('w', configmaps, {}, { accept: 'text/plain' }), events('w', 'all')),
    one('of a resource that cannot be watched', watch('w', core('bindings')), events('w', 'all')),
    one('finalizers delay DELETED', start, watch('w', configmaps, { resourceVersion: '{{version}}' }), create(configmaps, { metadata: { name: 'a', finalizers: ['example.com/f'] } }), remove(`${configmaps}/a`), mergePatch(`${configmaps}/a`, { metadata: { finalizers: null } }), events('w', 3)),
    one('deletecollection', prepare(make('a')), prepare(make('b')), start, watch('w', configmaps, { resourceVersion: '{{version}}' }), { method: 'DELETE', path: configmaps, only: ['kind', 'items[*].metadata.name'] }, events('w', 2)),
    one('a status update', prepare(create(group('policy/v1', 'poddisruptionbudgets'), { metadata: { name: 'p' }, spec: { minAvailable: 1 } })), watch('w', group('policy/v1', 'poddisruptionbudgets')), events('w', 1), mergePatch(group('policy/v1', 'poddisruptionbudgets', 'p', 'status'), { status: { expectedPods: 2 } }), events('w', 1)),
    one('events seen through the newer group', watch('w', group('events.k8s.io/v1', 'events')), create(core('events'), { metadata: { name: 'e' }, involvedObject: { kind: 'Pod', namespace: '{{ns}}', name: 'p' }, reason: 'R', message: 'm', type: 'Normal', count: 2, firstTimestamp: '2024-01-02T03:04:05Z', lastTimestamp: '2024-01-02T03:04:06Z', source: { component: 'c', host: 'h' } }), events('w', 1)),
    one('two watches at once', watch('left', configmaps, { labelSelector: 'side=left' }), watch('right', configmaps, { labelSelector: 'side=right' }), make('a', { side: 'left' }), label('a', 'right'), pause(50), events('left', 2), events('right', 1)),
    one('of a namespace that is not there', watch('w', '/api/v1/namespaces/nowhere/configmaps', { timeoutSeconds: '1' }), events('w', 'all')),
  ],
};
