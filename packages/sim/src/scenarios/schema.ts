import { schema as s } from '@vfleet/core';

const ACTIONS = ['apply', 'patch', 'delete', 'reboot', 'powerCycle', 'restartKubelet', 'cordon', 'uncordon', 'removeNode', 'addNode', 'restart', 'outage', 'flapLinks'] as const;

/** What each action needs beside `do`. */
export const ACTION_FIELDS: Readonly<Record<(typeof ACTIONS)[number], readonly string[]>> = {
  apply: ['objects'], patch: ['kind', 'name', 'patch'], delete: ['kind', 'name'], reboot: ['node'], powerCycle: ['node'], restartKubelet: ['node'], cordon: ['node'], uncordon: ['node'],
  removeNode: ['node'], addNode: ['node'], restart: ['component'], outage: ['forMs'], flapLinks: ['downMs'],
};

const workloadSchema = s.object({
  name: s.string({ pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', maxLength: 50, description: 'Name of the pods, followed by a number, and value of their label app.' }),
  namespace: s.string({ maxLength: 63 }),
  count: s.integer({ minimum: 0, maximum: 100_000, description: 'Pods that are kept.' }),
  resource: s.string({ maxLength: 317, description: 'Extended resource, one a pod: openshift.io/fast.' }),
  networks: s.string({ maxLength: 4096, description: 'Value of the annotation k8s.v1.cni.cncf.io/networks.' }),
});

const expectationSchema = s.object({
  expect: s.oneOf(['vfs', 'running', 'allocatable', 'nodes']),
  nodes: s.optional(s.string({ description: 'Beginning of the names of the nodes that are meant.' })),
  node: s.optional(s.string()),
  pf: s.optional(s.string({ description: 'PCI address.' })),
  workload: s.optional(s.string()),
  resource: s.optional(s.string()),
  mode: s.optional(s.oneOf(['legacy', 'switchdev'])),
  count: s.integer({ minimum: 0, maximum: 1_000_000 }),
});

/** A scenario file without its free parts: the fleet is checked as a fleet file, objects and patches by the API server. */
export const scenarioSchema = s.object({
  name: s.string({ pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', maxLength: 63 }),
  summary: s.string({ maxLength: 1000, description: 'The story in one sentence.' }),
  operatorReplicas: s.optional(s.integer({ minimum: 1, maximum: 9, default: 1 })),
  hardwareDelayFactor: s.optional(s.integer({ minimum: 0, maximum: 100, default: 1 })),
  workloads: s.optional(s.array(workloadSchema, { maxItems: 100 })),
  steps: s.optional(s.array(s.object({ atMs: s.integer({ minimum: 0, maximum: 86_400_000, description: 'Virtual milliseconds after the world has started.' }), do: s.oneOf(ACTIONS) }), { maxItems: 1000 })),
  faults: s.object({
    forMs: s.integer({ minimum: 0, maximum: 86_400_000, description: 'How long faults strike.' }),
    allow: s.optional(s.array(s.string(), { description: 'Families or faults; everything when left out.' })),
    deny: s.optional(s.array(s.string(), { description: 'Faults.' })),
  }),
  convergeWithinMs: s.integer({ minimum: 1000, maximum: 864_000_000 }),
  quietMs: s.integer({ minimum: 0, maximum: 864_000_000 }),
  expectations: s.optional(s.array(expectationSchema, { maxItems: 1000 })),
  scale: s.optional(s.boolean()),
});
