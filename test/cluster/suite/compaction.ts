// After compaction: versions that are gone are answered with 410, and what a client does about it works.
import type { JsonValue } from '@vfleet/core';
import { clusterGroup, compact, create, events, get, group, mergePatch, pause, prepare, watch } from '../case.ts';
import type { Case, Step, Theme } from '../case.ts';

const groupName = 'compaction.example.com';
const definitions = clusterGroup('apiextensions.k8s.io/v1', 'customresourcedefinitions');
const relics = group(`${groupName}/v1`, 'relics');
const relic = (name: string): JsonValue => ({ apiVersion: `${groupName}/v1`, kind: 'Relic', metadata: { name } });
const one = (name: string, ...steps: readonly Step[]): Case => ({ name, steps });
const names = { only: ['items[*].metadata.name'] };
// Long before the definition: the real server reads such a version from etcd, not from its cache.
const old = { resourceVersion: '2' };

export const compaction: Theme = {
  name: 'compaction',
  alone: true,
  setup: [
    create(definitions, { metadata: { name: `relics.${groupName}` }, spec: { group: groupName, scope: 'Namespaced', names: { plural: 'relics', singular: 'relic', kind: 'Relic', listKind: 'RelicList' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] } }),
    { ...get(`/apis/${groupName}/v1/namespaces/default/relics`), until: { status: 200 } },
  ],
  cases: [
    one('an exact version that is gone', prepare(create(relics, relic('a'))), compact, get(relics, { query: { ...old, resourceVersionMatch: 'Exact' } })),
    one('a page of a version that is gone', prepare(create(relics, relic('a'))), compact, get(relics, { query: { ...old, resourceVersionMatch: 'Exact', limit: '1' } })),
    one('a watch from a version that is gone', prepare(create(relics, relic('a'))), compact, watch('w', relics, old), events('w', 'all')),
    one('not older than a version that is gone', prepare(create(relics, relic('a'))), compact, pause(60), get(relics, { query: { ...old, resourceVersionMatch: 'NotOlderThan' }, ...names })),
    one('list and watch again', prepare(create(relics, relic('a'))), compact, get(relics, { ...names, keep: { version: 'metadata.resourceVersion' } }), watch('w', relics, { resourceVersion: '{{version}}' }), mergePatch(`${relics}/a`, { x: 1 }, names), events('w', 1)),
    one('an open watch goes on', watch('w', relics), compact, create(relics, relic('a')), events('w', 1)),
    one('an object is still there', prepare(create(relics, relic('a'))), compact, get(`${relics}/a`), mergePatch(`${relics}/a`, { x: 2 })),
  ],
};
