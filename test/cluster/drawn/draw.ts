import { SeededRandom } from '@vfleet/core';
import type { JsonValue } from '@vfleet/core';
import { clusterGroup, create, events, get, mergePatch, prepare, watch } from '../case.ts';
import type { Case, RequestStep, Step, Theme } from '../case.ts';
import { chance, drawnKinds, drawnLabels, pick, widgetGroup, widgetSchema } from './domain.ts';
import type { DrawnKind, Fields } from './domain.ts';

const definitions = clusterGroup('apiextensions.k8s.io/v1', 'customresourcedefinitions');

/** What drawn sequences need on a server. Its cases are drawn by {@link drawSequence}. */
export const drawnTheme: Theme = {
  name: 'drawn',
  setup: [
    create(definitions, {
      metadata: { name: `widgets.${widgetGroup}` },
      spec: { group: widgetGroup, scope: 'Namespaced', names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: widgetSchema }, subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } } }] },
    }),
    { ...get(`/apis/${widgetGroup}/v1/namespaces/default/widgets`), until: { status: 200 } },
  ],
  cases: [],
};

/** One thing that one client does. */
export type Operation = RequestStep;

/** Several clients' requests, in one order, drawn from a seed. */
export interface Sequence {
  readonly seed: string;
  /** The kinds that this sequence is about: few, so that its clients meet. */
  readonly kinds: readonly DrawnKind[];
  readonly operations: readonly Operation[];
  readonly watches: readonly { readonly kind: DrawnKind; readonly labelSelector?: string; readonly initial: 'list' | 'stream' | 'none' }[];
}

const clients = ['ann', 'bob', 'cid'] as const;
const names = ['a', 'b'] as const;

export function drawSequence(seed: string): Sequence {
  const random = new SeededRandom(seed);
  const kinds = [...new Set([pick(random, [...drawnKinds]), pick(random, [...drawnKinds])])];
  const [firstKind = drawnKinds[0], ...otherKinds] = kinds;
  const length = 6 + random.integer(12);
  // Without them most requests would find nothing.
  const first = [firstKind, ...otherKinds].flatMap((kind) => names.filter(() => chance(random, 60)).map((name) => drawFirst(random, kind, pick(random, clients), name)));
  return {
    seed,
    kinds,
    operations: [...first, ...Array.from({ length }, () => drawOperation(random, pick(random, [firstKind, ...otherKinds])))],
    watches: Array.from({ length: random.integer(3) }, () => ({ kind: pick(random, [firstKind, ...otherKinds]), ...(chance(random, 50) ? { labelSelector: 'side=left' } : {}), initial: pick(random, ['list', 'stream', 'none']) })),
  };
}

/** The case to play: the watches are opened first, the clients act, then each watch is read up to an object made for that. */
export function sequenceCase(sequence: Sequence, name: string): Case {
  const opened = sequence.watches.flatMap(({ kind, labelSelector, initial }, index): readonly Step[] => {
    const selector = labelSelector === undefined ? {} : { labelSelector };
    if (initial === 'list') return [get(kind.collection, { prepares: true, keep: { [`from${index}`]: 'metadata.resourceVersion' } }), watch(`w${index}`, kind.collection, { ...selector, resourceVersion: `{{from${index}}}` })];
    return [watch(`w${index}`, kind.collection, { ...selector, ...(initial === 'stream' ? { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan' } : {}) })];
  });
  const fenceContent: Readonly<Record<string, Fields>> = { Deployment: { spec: { selector: { matchLabels: { app: 'a' } }, template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'one', image: 'i:1' }] } } } }, Pod: { spec: { containers: [{ name: 'one', image: 'i:1' }] } } };
  const fences = sequence.kinds.map((kind) => prepare(create(kind.collection, { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: 'zz-fence', labels: { side: 'left' } }, ...fenceContent[kind.kind] })));
  return {
    name,
    needs: ['serviceAccount'],
    causesInAnyOrder: true,
    steps: [
      ...opened, ...sequence.operations, ...sequence.kinds.map((kind) => get(kind.collection)), ...fences,
      ...sequence.watches.map((_, index) => events(`w${index}`, { untilName: 'zz-fence' })),
    ],
  };
}

function drawFirst(random: SeededRandom, kind: DrawnKind, client: string, name: string): Operation {
  const drawn = chance(random, 50) ? drawCreate(random, kind, client, name) : drawApply(random, kind, client, name);
  return { ...drawn, headers: { 'user-agent': `${client}/1.0`, ...drawn.headers } };
}

function drawOperation(random: SeededRandom, kind: DrawnKind): Operation {
  const client = pick(random, clients);
  const drawn = drawRequest(random, kind, client, pick(random, names));
  const isWrite = drawn.method !== 'GET' && drawn.method !== 'DELETE';
  return {
    ...drawn,
    headers: { 'user-agent': `${client}/1.0`, ...drawn.headers },
    query: { ...drawn.query, ...(drawn.method !== 'GET' && chance(random, 5) ? { dryRun: 'All' } : {}), ...(isWrite && chance(random, 8) ? { fieldValidation: pick(random, ['Strict', 'Ignore']) } : {}) },
  };
}

type Draw = (random: SeededRandom, kind: DrawnKind, client: string, name: string) => RequestStep;

function drawRequest(random: SeededRandom, kind: DrawnKind, client: string, name: string): RequestStep {
  let left = random.integer(weighted.reduce((sum, [weight]) => sum + weight, 0));
  const [, draw] = weighted.find(([weight]) => (left -= weight) < 0) ?? [0, drawGet];
  return draw(random, kind, client, name);
}

/** Where a client remembers the object as it saw it last. */
const memory = (client: string, kind: DrawnKind, name: string) => `${client}_${kind.plural}_${name}`;
const remember = (client: string, kind: DrawnKind, name: string) => ({ keep: { [memory(client, kind, name)]: '', [`${memory(client, kind, name)}_version`]: 'metadata.resourceVersion' } });
const path = (kind: DrawnKind, name: string, subresource?: string) => `${kind.collection}/${name}${subresource === undefined ? '' : `/${subresource}`}`;

function whole(random: SeededRandom, kind: DrawnKind, name: string, content: Fields = kind.content(random)): Fields {
  const finalizers = chance(random, 12) ? { finalizers: ['example.com/hold'] } : {};
  return { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, labels: drawnLabels(random), ...finalizers }, ...content };
}

const drawCreate: Draw = (random, kind, client, name) => create(kind.collection, whole(random, kind, name), remember(client, kind, name));
const drawGet: Draw = (_random, kind, client, name) => get(path(kind, name), remember(client, kind, name));

const drawList: Draw = (random, kind) => get(kind.collection, {
  query: pick<Readonly<Record<string, string>>>(random, [{}, { labelSelector: 'side=left' }, { labelSelector: 'side!=left,tier' }, { limit: '1' }, { fieldSelector: 'metadata.name!=a' }, { labelSelector: 'side in (' }]),
});

/** From what the client saw last, which may be stale by now; or without any version. */
const drawUpdate: Draw = (random, kind, client, name) => chance(random, 25)
  ? { method: 'PUT', path: path(kind, name), body: whole(random, kind, name), ...remember(client, kind, name) }
  : { method: 'PUT', path: path(kind, name), from: memory(client, kind, name), orElse: whole(random, kind, name), body: { ...kind.change(random), metadata: { labels: drawnLabels(random) } }, ...remember(client, kind, name) };

function drawnPatch(random: SeededRandom, kind: DrawnKind): JsonValue {
  const metadata = pick<Fields>(random, [{}, {}, { labels: { side: pick<JsonValue>(random, ['left', 'right', null]) } }, { annotations: { note: pick(random, ['m', 'n']) } }, { finalizers: null }, { finalizers: ['example.com/hold'] }]);
  return { ...(chance(random, 70) ? kind.change(random) : {}), ...(Object.keys(metadata).length === 0 ? {} : { metadata }) };
}

const drawMerge: Draw = (random, kind, client, name) => mergePatch(path(kind, name), drawnPatch(random, kind), remember(client, kind, name));

const drawStrategic: Draw = (random, kind, client, name) => ({
  ...mergePatch(path(kind, name), drawnPatch(random, kind), remember(client, kind, name)), headers: { 'content-type': 'application/strategic-merge-patch+json' },
});

const drawJsonPatch: Draw = (random, kind, client, name) => ({
  ...mergePatch(path(kind, name), pick<JsonValue>(random, [
    [{ op: 'add', path: '/metadata/annotations', value: { note: 'json' } }],
    [{ op: 'remove', path: '/metadata/labels/side' }],
    [{ op: 'test', path: '/metadata/resourceVersion', value: `{{${memory(client, kind, name)}_version|1}}` }, { op: 'add', path: '/metadata/labels', value: { side: 'left' } }],
    [{ op: 'replace', path: '/metadata/labels/side', value: 'right' }],
    [{ op: 'remove', path: '/metadata/finalizers' }],
  ])), headers: { 'content-type': 'application/json-patch+json' },
});

const drawApply: Draw = (random, kind, client, name) => ({
  method: 'PATCH', path: path(kind, name), headers: { 'content-type': 'application/apply-patch+yaml' }, query: { fieldManager: client, ...(chance(random, 30) ? { force: 'true' } : {}) },
  body: chance(random, 50) ? whole(random, kind, name) : { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name }, ...(chance(random, 70) ? kind.content(random) : {}) },
  ...remember(client, kind, name),
});

const drawStatus: Draw = (random, kind, client, name) => kind.status === undefined
  ? drawMerge(random, kind, client, name)
  : mergePatch(path(kind, name, 'status'), { status: kind.status(random), ...(chance(random, 20) ? { metadata: { labels: { side: 'left' } } } : {}) }, remember(client, kind, name));

const drawSubresource: Draw = (random, kind, client, name) => {
  if (kind.scale) return mergePatch(path(kind, name, 'scale'), { spec: { replicas: random.integer(5) - 1 } });
  if (kind.kind !== 'Pod') return drawGet(random, kind, client, name);
  return chance(random, 60)
    ? create(path(kind, name, 'binding'), { metadata: { name }, target: { kind: 'Node', name: pick(random, ['n1', 'n2']) } })
    : create(path(kind, name, 'eviction'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } });
};

const drawDelete: Draw = (random, kind, client, name) => ({
  method: 'DELETE', path: path(kind, name),
  body: pick<Fields>(random, [{}, {}, { propagationPolicy: 'Foreground' }, { propagationPolicy: 'Orphan' }, { gracePeriodSeconds: 0 }, { gracePeriodSeconds: 3 }, { preconditions: { resourceVersion: `{{${memory(client, kind, name)}_version|1}}` } }]),
});

const drawDeleteCollection: Draw = (random, kind) => ({ method: 'DELETE', path: kind.collection, query: pick<Readonly<Record<string, string>>>(random, [{}, { labelSelector: 'side=left' }]) });

const drawFinalize: Draw = (_random, kind, client, name) => mergePatch(path(kind, name), { metadata: { finalizers: null } }, remember(client, kind, name));

const weighted: readonly (readonly [number, Draw])[] = [
  [8, drawCreate], [2, drawGet], [3, drawList], [7, drawUpdate], [6, drawMerge], [3, drawJsonPatch], [10, drawApply], [4, drawStatus], [4, drawSubresource], [4, drawDelete], [1, drawDeleteCollection], [2, drawFinalize], [4, drawStrategic],
];
