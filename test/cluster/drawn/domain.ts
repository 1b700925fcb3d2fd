import type { JsonValue, SeededRandom } from '@vfleet/core';
import { group } from '../case.ts';

export type Fields = { readonly [key: string]: JsonValue };

/** A kind that drawn sequences work on. All values come from domains so small that clients meet. */
export interface DrawnKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  /** Path of its collection, with `{{ns}}` for the namespace. */
  readonly collection: string;
  /** What an object holds beside its metadata; now and then something that is refused. */
  content(random: SeededRandom): Fields;
  /** For a patch: part of the content, with nulls. */
  change(random: SeededRandom): Fields;
  /** A patch of its status, where it has one. */
  status?(random: SeededRandom): Fields;
  /** Whether strategic merge patch is for it. */
  readonly strategic: boolean;
  readonly scale: boolean;
}

export function pick<T>(random: SeededRandom, values: readonly [T, ...T[]]): T {
  return values[random.integer(values.length)] ?? values[0];
}

export function chance(random: SeededRandom, percent: number): boolean {
  return random.integer(100) < percent;
}

/** Some of the members. */
function some(random: SeededRandom, members: Fields, percent = 50): Fields {
  return Object.fromEntries(Object.entries(members).filter(() => chance(random, percent)));
}

/** The members, some of them null: that deletes, in a merge patch. */
function someNull(random: SeededRandom, members: Fields): Fields {
  return Object.fromEntries(Object.entries(some(random, members, 60)).map(([name, value]) => [name, chance(random, 25) ? null : value]));
}

export function drawnLabels(random: SeededRandom): Fields {
  return some(random, { side: pick(random, ['left', 'right']), tier: pick(random, ['1', '2']) }, 70);
}

const word = (random: SeededRandom) => pick(random, ['x', 'y', 'z']);
const configData = (random: SeededRandom): Fields => ({ k1: word(random), k2: word(random), k3: chance(random, 5) ? 7 : word(random) });

const configMaps: DrawnKind = {
  apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', collection: '/api/v1/namespaces/{{ns}}/configmaps', strategic: true, scale: false,
  content: (random) => ({ data: some(random, configData(random)), ...(chance(random, 4) ? { immutable: true } : {}) }),
  change: (random) => ({ data: someNull(random, configData(random)) }),
};

const leaseSpec = (random: SeededRandom): Fields => ({ holderIdentity: pick(random, ['a', 'b']), leaseDurationSeconds: pick(random, [10, 15, 0]), leaseTransitions: random.integer(3), renewTime: pick(random, ['2024-01-02T03:04:05.000006Z', '2024-01-02T03:04:06.500000Z']) });
const leases: DrawnKind = {
  apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases', collection: group('coordination.k8s.io/v1', 'leases'), strategic: true, scale: false,
  content: (random) => ({ spec: some(random, leaseSpec(random), 60) }),
  change: (random) => ({ spec: someNull(random, leaseSpec(random)) }),
};

const container = (random: SeededRandom): JsonValue => ({
  name: pick(random, ['one', 'two']),
  ...some(random, { image: pick(random, ['i:1', 'i:2']), args: [word(random)], env: [{ name: pick(random, ['A', 'B']), value: word(random) }], ports: [{ containerPort: pick(random, [80, 81]) }], resources: { requests: { cpu: pick(random, ['100m', '0.5', '1']) } } }, 60),
});
const containers = (random: SeededRandom): readonly JsonValue[] => Array.from({ length: 1 + random.integer(2) }, () => container(random));
const deployments: DrawnKind = {
  apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', collection: group('apps/v1', 'deployments'), strategic: true, scale: true,
  content: (random) => ({ spec: { ...some(random, { replicas: random.integer(4), minReadySeconds: 5, paused: true }), selector: { matchLabels: { app: 'a' } }, template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'one', image: 'i:1' }, ...(chance(random, 30) ? [{ ...(container(random) as Fields), name: 'two' }] : [])] } } } }),
  change: (random) => pick<() => Fields>(random, [
    () => ({ spec: { replicas: random.integer(5) - 1 } }),
    () => ({ spec: { template: { spec: { containers: containers(random) } } } }),
    () => ({ spec: { strategy: pick<Fields>(random, [{ type: 'Recreate', rollingUpdate: null }, { type: 'RollingUpdate' }, { rollingUpdate: { maxSurge: '50%' } }]) } }),
    () => ({ spec: { template: { spec: { nodeSelector: someNull(random, { disk: word(random), zone: word(random) }) } } } }),
  ])(),
  status: (random) => ({ observedGeneration: random.integer(3), replicas: random.integer(3), readyReplicas: random.integer(3) }),
};

const pods: DrawnKind = {
  apiVersion: 'v1', kind: 'Pod', plural: 'pods', collection: '/api/v1/namespaces/{{ns}}/pods', strategic: true, scale: false,
  content: (random) => ({ spec: { containers: [{ name: 'one', image: pick(random, ['i:1', 'i:2']) }], ...some(random, { nodeName: pick(random, ['n1', 'n2']), restartPolicy: 'Never', terminationGracePeriodSeconds: pick(random, [0, 5]) }, 30) } }),
  change: (random) => ({ spec: pick<Fields>(random, [{ containers: [{ name: 'one', image: pick(random, ['i:2', 'i:3']) }] }, { tolerations: [{ key: word(random), operator: 'Exists' }] }, { activeDeadlineSeconds: pick(random, [100, 50]) }, { nodeName: 'n3' }]) }),
  status: (random) => ({ phase: pick(random, ['Pending', 'Running', 'Succeeded', 'Failed']), conditions: [{ type: pick(random, ['Ready', 'Initialized']), status: pick(random, ['True', 'False']) }] }),
};

/** At most one mistake at a time: which of several the real server names depends on the order of a Go map. */
const widgetMistakes: readonly [Fields, ...Fields[]] = [{ size: 11 }, { size: 'x' }, { colour: 'green' }, { tags: ['b', 'b'] }, { parts: [{ name: 'q' }, { name: 'q' }] }, { parts: [{ weight: 1 }] }, { unknown: 1 }];
const widgetSpec = (random: SeededRandom): Fields => ({
  size: pick(random, [1, 5, 10]), colour: pick(random, ['red', 'blue']), tags: pick<JsonValue>(random, [['a'], ['a', 'b'], ['b', 'a'], []]),
  parts: pick<JsonValue>(random, [[{ name: 'p', weight: random.integer(3) }], [{ name: 'q' }, { name: 'p', notes: word(random) }]]), extra: some(random, { a: word(random), b: word(random) }),
  ...(chance(random, 20) ? pick(random, widgetMistakes) : {}),
});
export const widgetGroup = 'drawn.example.com';
const widgets: DrawnKind = {
  apiVersion: `${widgetGroup}/v1`, kind: 'Widget', plural: 'widgets', collection: group(`${widgetGroup}/v1`, 'widgets'), strategic: false, scale: true,
  content: (random) => ({ spec: some(random, widgetSpec(random), 40) }),
  change: (random) => ({ spec: someNull(random, widgetSpec(random)) }),
  status: (random) => ({ phase: word(random), replicas: random.integer(3) }),
};

export const drawnKinds: readonly [DrawnKind, ...DrawnKind[]] = [configMaps, leases, deployments, pods, widgets];

/** The schema of the custom kind: defaults, an enumeration, bounds, a set and a list map. */
export const widgetSchema: JsonValue = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        size: { type: 'integer', minimum: 1, maximum: 10, default: 3 }, colour: { type: 'string', enum: ['red', 'blue'] }, replicas: { type: 'integer' }, extra: { type: 'object', additionalProperties: { type: 'string' } },
        tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
        parts: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, weight: { type: 'integer', default: 1 }, notes: { type: 'string' } } } },
      },
    },
    status: { type: 'object', properties: { phase: { type: 'string' }, replicas: { type: 'integer' } } },
  },
};
