// Goal: the in-process API server keeps the promises that controllers rely on: versions, watches, finalizers, subresources.
// Method: drive it through the Kube port under a SimClock and compare what comes back.
import { describe, expect, test } from 'vitest';
import { SeededRandom, SimClock, drainMicrotasks, isKubeError } from '@vfleet/core';
import type { Kube, KubeObject, Resource, WatchEvent } from '@vfleet/core';
import { createApiServer } from '@vfleet/kube-sim';
import type { ApiServer } from '@vfleet/kube-sim';

type Any = KubeObject & Record<string, any>;
const resource = (plural: string, kind: string, group = '', version = 'v1', namespaced = true): Resource<Any> => ({ group, version, plural, kind, namespaced });
const configMaps = resource('configmaps', 'ConfigMap');
const pods = resource('pods', 'Pod');
const namespaces = resource('namespaces', 'Namespace', '', 'v1', false);
const budgets = resource('poddisruptionbudgets', 'PodDisruptionBudget', 'policy');
const crds = resource('customresourcedefinitions', 'CustomResourceDefinition', 'apiextensions.k8s.io', 'v1', false);
const widgets = resource('widgets', 'Widget', 'example.com');

function start(): { server: ApiServer; kube: Kube; clock: SimClock } {
  const clock = new SimClock();
  const server = createApiServer({ clock, random: new SeededRandom(1) });
  return { server, kube: server.client(), clock };
}

const configMap = (name: string, more: object = {}): Any => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, ...more });
const pod = (name: string, spec: object = {}): Any => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

function record(kube: Kube, of: Resource<Any>, options: object = {}): { events: string[]; ended: unknown[]; stop(): void } {
  const events: string[] = [];
  const ended: unknown[] = [];
  const watch = kube.watch(of, options, {
    event: (event: WatchEvent<Any>) => events.push(event.type === 'BOOKMARK' ? `BOOKMARK ${event.resourceVersion}` : `${event.type} ${event.object.metadata.name}`),
    end: (error) => ended.push(error ?? 'end'),
  });
  return { events, ended, stop: () => watch.stop() };
}

async function reasonOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return isKubeError(error) ? `${error.code} ${error.reason}: ${error.message}` : String(error);
  }
}

describe('objects', () => {
  test('are stored frozen, versioned and apart from what was handed in', async () => {
    const { kube } = start();
    const mine = configMap('a', { data: { k: 'v' } });
    const stored = await kube.create(configMaps, mine);
    expect(stored.metadata).toMatchObject({ name: 'a', namespace: 'default', resourceVersion: expect.stringMatching(/^\d+$/), uid: expect.stringMatching(/^[0-9a-f-]{36}$/), creationTimestamp: '2026-01-01T00:00:00Z' });
    mine.data.k = 'changed';
    const read = await kube.get(configMaps, { namespace: 'default', name: 'a' });
    expect(read).toBe(stored);
    expect(read.data).toEqual({ k: 'v' });
    expect(Object.isFrozen(read.data)).toBe(true);
  });

  test('names are checked and generated', async () => {
    const { kube } = start();
    expect(await reasonOf(kube.create(configMaps, configMap('Bad_Name')))).toContain('422 Invalid: ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name"');
    const generated = await kube.create(configMaps, { ...configMap(''), metadata: { namespace: 'default', name: '', generateName: 'x-' } });
    expect(generated.metadata.name).toMatch(/^x-[a-z0-9]{5}$/);
    await kube.create(configMaps, configMap('a'));
    expect(await reasonOf(kube.create(configMaps, configMap('a')))).toBe('409 AlreadyExists: configmaps "a" already exists');
    expect(await reasonOf(kube.get(configMaps, { namespace: 'default', name: 'b' }))).toBe('404 NotFound: configmaps "b" not found');
  });

  test('a write to an older version conflicts; a write that changes nothing makes no version', async () => {
    const { kube } = start();
    const first = await kube.create(configMaps, configMap('a', { data: { k: '1' } }));
    const second = await kube.update(configMaps, { ...first, data: { k: '2' } });
    expect(await reasonOf(kube.update(configMaps, { ...first, data: { k: '3' } }))).toBe(
      '409 Conflict: Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again');
    expect(await kube.update(configMaps, { ...second, data: { k: '2' } })).toBe(second);
  });

  test('dry run checks and changes nothing', async () => {
    const { kube, server } = start();
    const before = server.resourceVersion;
    await kube.create(configMaps, configMap('a'), { dryRun: true });
    expect(server.resourceVersion).toBe(before);
    expect(await reasonOf(kube.get(configMaps, { namespace: 'default', name: 'a' }))).toContain('404');
  });
});

describe('patches', () => {
  test('of all three types apply, and conflict on a version they name', async () => {
    const { kube } = start();
    const key = { namespace: 'default', name: 'a' };
    const first = await kube.create(configMaps, configMap('a', { data: { a: '1', b: '2' } }));
    const merged = await kube.patch(configMaps, key, { type: 'merge', patch: { data: { a: null, c: '3' } } });
    expect(merged.data).toEqual({ b: '2', c: '3' });
    const json = await kube.patch(configMaps, key, { type: 'json', operations: [{ op: 'test', path: '/data/b', value: '2' }, { op: 'move', from: '/data/b', path: '/data/d' }] });
    expect(json.data).toEqual({ c: '3', d: '2' });
    expect(await reasonOf(kube.patch(configMaps, key, { type: 'json', operations: [{ op: 'remove', path: '/data/z' }] }))).toContain('422 Invalid: the server rejected our request');
    expect(await reasonOf(kube.patch(configMaps, key, { type: 'merge', patch: { metadata: { resourceVersion: first.metadata.resourceVersion } , data: { z: '1' } } }))).toContain('409 Conflict');
    expect((await kube.get(configMaps, key)).data).toEqual({ c: '3', d: '2' });
  });
});

describe('lists and watches', () => {
  test('pages come from one snapshot, and expire with the history', async () => {
    const { kube, server } = start();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await kube.create(configMaps, configMap(name));
    const first = await kube.list(configMaps, { limit: 2 });
    expect([first.items.map((item) => item.metadata.name), first.remainingItemCount]).toEqual([['a', 'b'], 3]);
    await kube.delete(configMaps, { namespace: 'default', name: 'd' });
    await kube.create(configMaps, configMap('bb'));
    const second = await kube.list(configMaps, { limit: 2, continue: first.continue! });
    const third = await kube.list(configMaps, { limit: 2, continue: second.continue! });
    expect([...second.items, ...third.items].map((item) => item.metadata.name)).toEqual(['c', 'd', 'e']);
    expect(third.resourceVersion).toBe(first.resourceVersion);
    server.compact();
    expect(await reasonOf(kube.list(configMaps, { limit: 2, continue: first.continue! }))).toContain('410 Expired');
  });

  test('a watch from a version gets every change once, in order, and never from inside a write', async () => {
    const { kube, server } = start();
    const { resourceVersion } = await kube.list(configMaps);
    await kube.create(configMaps, configMap('early'));
    const seen = record(kube, configMaps, { resourceVersion });
    expect(seen.events).toEqual([]);
    const a = await kube.create(configMaps, configMap('a'));
    await kube.update(configMaps, { ...a, data: { k: 'v' } });
    await kube.delete(configMaps, { namespace: 'default', name: 'a' });
    await drainMicrotasks();
    expect(seen.events).toEqual(['ADDED early', 'ADDED a', 'MODIFIED a', 'DELETED a']);
    seen.stop();
    await kube.create(configMaps, configMap('late'));
    await drainMicrotasks();
    expect(seen.events).toHaveLength(4);
    server.compact();
    const old = record(kube, configMaps, { resourceVersion });
    await drainMicrotasks();
    expect(old.ended[0]).toMatchObject({ reason: 'Expired', code: 410 });
  });

  test('an object that begins or ceases to match is ADDED or DELETED', async () => {
    const { kube } = start();
    const seen = record(kube, pods, { fieldSelector: 'spec.nodeName=n1' });
    const labelled = record(kube, pods, { labelSelector: 'app=a' });
    await kube.create(pods, pod('p'));
    await kube.bind({ namespace: 'default', name: 'p' }, 'n1');
    await kube.patch(pods, { namespace: 'default', name: 'p' }, { type: 'merge', patch: { metadata: { labels: { app: 'b' } } } });
    await drainMicrotasks();
    expect(seen.events).toEqual(['ADDED p', 'MODIFIED p']);
    expect(labelled.events).toEqual(['ADDED p', 'MODIFIED p', 'DELETED p']);
  });

  test('bookmarks come while there is news, a timeout ends the watch, and an idle server sets no timer', async () => {
    const { kube, clock } = start();
    const seen = record(kube, configMaps, { allowBookmarks: true, timeoutSeconds: 300 });
    await kube.create(pods, pod('other'));
    await clock.run();
    expect(seen.events.filter((event) => event.startsWith('BOOKMARK')).length).toBeGreaterThanOrEqual(2);
    expect(seen.ended).toEqual(['end']);
    expect(clock.pending).toBe(0);
  });
});

describe('deletion', () => {
  test('waits for finalizers and reports the object meanwhile', async () => {
    const { kube } = start();
    const key = { namespace: 'default', name: 'a' };
    await kube.create(configMaps, { ...configMap('a'), metadata: { name: 'a', namespace: 'default', finalizers: ['example.com/f'] } });
    await kube.delete(configMaps, key);
    const going = await kube.get(configMaps, key);
    expect(going.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 });
    expect(await reasonOf(kube.patch(configMaps, key, { type: 'merge', patch: { metadata: { finalizers: ['example.com/f', 'example.com/g'] } } }))).toContain('no new finalizers can be added');
    await kube.patch(configMaps, key, { type: 'merge', patch: { metadata: { finalizers: null } } });
    expect(await reasonOf(kube.get(configMaps, key))).toContain('404');
  });

  test('of a bound pod is graceful and finished by grace period 0; an unbound one goes at once', async () => {
    const { kube } = start();
    const key = { namespace: 'default', name: 'p' };
    await kube.create(pods, pod('p', { terminationGracePeriodSeconds: 7 }));
    await kube.bind(key, 'n1');
    await kube.delete(pods, key);
    expect((await kube.get(pods, key)).metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:07Z', deletionGracePeriodSeconds: 7 });
    await kube.delete(pods, key, { gracePeriodSeconds: 0 });
    expect(await reasonOf(kube.get(pods, key))).toContain('404');
    await kube.create(pods, pod('q'));
    await kube.delete(pods, { namespace: 'default', name: 'q' });
    expect(await reasonOf(kube.get(pods, { namespace: 'default', name: 'q' }))).toContain('404');
  });

  test('of a namespace waits for its own finalizer; nothing new is made in it', async () => {
    const { kube } = start();
    await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } });
    await kube.delete(namespaces, { name: 'n' });
    const going = await kube.get(namespaces, { name: 'n' });
    expect([going.status.phase, going.spec.finalizers]).toEqual(['Terminating', ['kubernetes']]);
    expect(await reasonOf(kube.create(configMaps, { ...configMap('a'), metadata: { name: 'a', namespace: 'n' } }))).toBe(
      '403 Forbidden: configmaps "a" is forbidden: unable to create new content in namespace n because it is being terminated');
    expect(await reasonOf(kube.create(configMaps, { ...configMap('a'), metadata: { name: 'a', namespace: 'missing' } }))).toBe('404 NotFound: namespaces "missing" not found');
    await kube.update(namespaces, { ...going, spec: { finalizers: [] } }, { subresource: 'finalize' });
    expect(await reasonOf(kube.get(namespaces, { name: 'n' }))).toContain('404');
    expect(await reasonOf(kube.delete(namespaces, { name: 'default' }))).toContain('403 Forbidden: namespaces "default" is forbidden: this namespace may not be deleted');
  });
});

describe('pod subresources', () => {
  test('binding sets the node once', async () => {
    const { kube } = start();
    const key = { namespace: 'default', name: 'p' };
    await kube.create(pods, pod('p'));
    await kube.bind(key, 'n1');
    const bound = await kube.get(pods, key);
    expect([bound.spec.nodeName, bound.status.conditions[0]]).toEqual(['n1', { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
    expect(await reasonOf(kube.bind(key, 'n2'))).toBe('409 Conflict: Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"');
  });

  test('status and spec do not touch each other', async () => {
    const { kube } = start();
    const created = await kube.create(pods, pod('p'));
    expect(created.status).toMatchObject({ phase: 'Pending', qosClass: 'BestEffort' });
    const after = await kube.update(pods, { ...created, spec: { ...created.spec, nodeName: 'n' }, status: { phase: 'Running' } }, { subresource: 'status' });
    expect([after.spec.nodeName, after.status.phase]).toEqual([undefined, 'Running']);
  });

  test('eviction takes from the budget until it is spent', async () => {
    const { kube } = start();
    for (const name of ['p', 'q']) {
      const created = await kube.create(pods, pod(name));
      await kube.update(pods, { ...created, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }, { subresource: 'status' });
    }
    const budget = await kube.create(budgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b', namespace: 'default' }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } } });
    expect(await reasonOf(kube.evict({ namespace: 'default', name: 'p' }))).toContain('429 TooManyRequests');
    await kube.update(budgets, { ...budget, status: { observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 } }, { subresource: 'status' });
    await kube.evict({ namespace: 'default', name: 'p' });
    expect(await reasonOf(kube.get(pods, { namespace: 'default', name: 'p' }))).toContain('404');
    const spent = await kube.get(budgets, { namespace: 'default', name: 'b' });
    expect([spent.status.disruptionsAllowed, Object.keys(spent.status.disruptedPods)]).toEqual([0, ['p']]);
    await expect(kube.evict({ namespace: 'default', name: 'q' })).rejects.toMatchObject({
      code: 429, causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget b needs 1 healthy pods and has 2 currently' }],
    });
  });
});

describe('custom resources', () => {
  const definition = (schema: object): Any => ({
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: 'object', properties: { spec: schema, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } } }],
    },
  });
  const widget = (name: string, spec: object): Any => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, namespace: 'default' }, spec });

  test('are served as soon as their definition is there, defaulted, pruned and validated', async () => {
    const { kube } = start();
    expect(await reasonOf(kube.list(widgets))).toContain('404 NotFound: the server could not find the requested resource');
    await kube.create(crds, definition({ type: 'object', required: ['size'], properties: { size: { type: 'integer', minimum: 1 }, mode: { type: 'string', enum: ['a', 'b'], default: 'a' } } }));
    const conditions = (await kube.get(crds, { name: 'widgets.example.com' })).status.conditions;
    expect(conditions.map((condition: Any) => `${condition['type']}=${condition['status']}`)).toEqual(['NamesAccepted=True', 'Established=True']);
    const stored = await kube.create(widgets, widget('w', { size: 1, colour: 'red' }));
    expect([stored.spec, stored.metadata.generation]).toEqual([{ size: 1, mode: 'a' }, 1]);
    expect(await reasonOf(kube.create(widgets, widget('x', { size: 0, mode: 'c' })))).toBe(
      '422 Invalid: Widget.example.com "x" is invalid: [spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1, spec.mode: Unsupported value: "c": supported values: "a", "b"]');
    const withStatus = await kube.patch(widgets, { namespace: 'default', name: 'w' }, { type: 'merge', patch: { spec: { size: 9 }, status: { ok: true } } }, { subresource: 'status' });
    expect([withStatus.spec.size, withStatus.status, withStatus.metadata.generation]).toEqual([1, { ok: true }, 1]);
    const grown = await kube.patch(widgets, { namespace: 'default', name: 'w' }, { type: 'merge', patch: { spec: { size: 2 }, status: null } });
    expect([grown.spec.size, grown.status, grown.metadata.generation]).toEqual([2, { ok: true }, 2]);
  });

  test('go with their definition, and their watches end', async () => {
    const { kube } = start();
    await kube.create(crds, definition({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }));
    await kube.create(widgets, widget('w', {}));
    const seen = record(kube, widgets);
    await drainMicrotasks();
    await kube.delete(crds, { name: 'widgets.example.com' });
    await drainMicrotasks();
    expect(seen.events).toEqual(['ADDED w', 'DELETED w']);
    expect(seen.ended).toHaveLength(1);
    expect(await reasonOf(kube.get(crds, { name: 'widgets.example.com' }))).toContain('404');
    expect(await reasonOf(kube.list(widgets))).toContain('404');
  });
});
