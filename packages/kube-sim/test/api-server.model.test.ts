// Goal: in any order of requests the API server keeps the rules that clients rely on: versions only grow, an older version conflicts, a
// finalizer keeps an object, a page belongs to its snapshot, and a watch gets every change once and in order, from wherever it began.
// Method: fast-check draws commands and runs them against the server and against a model that knows only those rules; after every
// command all objects and all watches are compared. A failure prints the commands, the seed and the replay path.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Kube, KubeObject, Resource } from '@vfleet/core';
import { drainMicrotasks, isKubeError, SeededRandom, SimClock } from '@vfleet/core';
import { createApiServer } from '@vfleet/kube-sim';
import type { ApiServer } from '@vfleet/kube-sim';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}
const configMaps: Resource<ConfigMap> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const NAMES = ['a', 'b', 'c'];
const key = (name: string) => ({ namespace: 'default', name });

interface Known {
  readonly uid: string;
  readonly version: number;
  readonly app: string;
  readonly value: string;
  readonly finalizers: readonly string[];
  readonly isDeleting: boolean;
}

interface Change {
  readonly version: number;
  readonly says: string;
}

function expectNewer(version: number, before: number): void {
  expect(version).toBeGreaterThan(before);
}

/** The rules, and nothing else. */
class Model {
  readonly objects = new Map<string, Known>();
  readonly log: Change[] = [];
  /** Versions that objects had, by name: what a client may still hold. */
  readonly held = new Map<string, ConfigMap[]>();
  uids = new Set<string>();
  version: number;

  constructor(version: number) {
    this.version = version;
  }

  put(name: string, known: Known, type: 'ADDED' | 'MODIFIED'): void {
    expectNewer(known.version, this.version);
    this.version = known.version;
    this.objects.set(name, known);
    this.log.push({ version: known.version, says: `${type} ${name}=${known.value} ${known.version}` });
  }

  remove(name: string, version: number): void {
    expectNewer(version, this.version);
    this.version = version;
    const { value } = this.objects.get(name)!;
    this.objects.delete(name);
    this.log.push({ version, says: `DELETED ${name}=${value} ${version}` });
  }
}

interface Watching {
  readonly from: number;
  readonly seen: string[];
}

interface Real {
  readonly server: ApiServer;
  readonly kube: Kube;
  readonly watches: Watching[];
  page: { readonly continue: string; readonly rest: readonly string[]; readonly version: string } | undefined;
}

const identity = (object: ConfigMap) => `${object.metadata.name}@${object.metadata.resourceVersion}`;

function knownOf({ metadata, data }: ConfigMap): Known {
  return { uid: metadata.uid!, version: Number(metadata.resourceVersion), app: metadata.labels?.['app'] ?? '', value: data?.['value'] ?? '', finalizers: metadata.finalizers ?? [], isDeleting: metadata.deletionTimestamp !== undefined };
}

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'ok';
  } catch (error) {
    if (!isKubeError(error)) throw error;
    return error.reason;
  }
}

/** A write that leaves the object as `wanted`, given what the model knows. */
async function expectWrite(model: Model, real: Real, name: string, write: Promise<ConfigMap>, wanted: Omit<Known, 'version'>): Promise<void> {
  const before = model.objects.get(name)!;
  const stored = await write;
  hold(model, stored);
  if (wanted.isDeleting && wanted.finalizers.length === 0) {
    model.remove(name, Number(real.server.resourceVersion));
    return;
  }
  const same = JSON.stringify({ ...wanted, version: before.version }, sorted) === JSON.stringify(before, sorted);
  if (same) expect(Number(stored.metadata.resourceVersion)).toBe(before.version);
  else model.put(name, { ...wanted, version: Number(stored.metadata.resourceVersion) }, 'MODIFIED');
  expect(knownOf(stored)).toEqual(model.objects.get(name));
}

const sorted = (_: string, value: unknown) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value);

function hold(model: Model, object: ConfigMap): void {
  model.held.set(object.metadata.name, [...(model.held.get(object.metadata.name) ?? []), object]);
}

async function compare(model: Model, real: Real): Promise<void> {
  await drainMicrotasks();
  const { items } = await real.kube.list(configMaps, { namespace: 'default' });
  expect(items.filter(({ metadata }) => NAMES.includes(metadata.name)).map((object) => [object.metadata.name, knownOf(object)])).toEqual([...model.objects].sort(([a], [b]) => (a < b ? -1 : 1)));
  for (const { from, seen } of real.watches) expect(seen).toEqual(model.log.filter(({ version }) => version > from).map(({ says }) => says));
}

type Step = fc.AsyncCommand<Model, Real>;

function step(says: string, run: (model: Model, real: Real) => Promise<void>): Step {
  return {
    check: () => true,
    async run(model, real) {
      await run(model, real);
      await compare(model, real);
    },
    toString: () => says,
  };
}

function create(name: string, app: string, value: string, finalizers: readonly string[]): Step {
  return step(`create ${name} ${app} ${value} [${finalizers}]`, async (model, { kube }) => {
    const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels: { app }, finalizers }, data: { value } };
    if (model.objects.has(name)) {
      expect(await outcome(kube.create(configMaps, object))).toBe('AlreadyExists');
      return;
    }
    const stored = await kube.create(configMaps, object);
    expect(knownOf(stored)).toMatchObject({ app, value, finalizers, isDeleting: false });
    expect(model.uids.has(stored.metadata.uid!)).toBe(false);
    model.uids.add(stored.metadata.uid!);
    hold(model, stored);
    model.put(name, knownOf(stored), 'ADDED');
  });
}

/** `age`: how many versions ago the client read what it now writes. */
function update(name: string, value: string, age: number): Step {
  return step(`update ${name} ${value} age ${age}`, async (model, real) => {
    const held = model.held.get(name)?.at(-1 - age);
    if (held === undefined) return;
    const now = model.objects.get(name);
    const write = { ...held, data: { value } };
    const isNewest = now !== undefined && Number(held.metadata.resourceVersion) === now.version && held.metadata.uid === now.uid;
    if (now === undefined) expect(await outcome(real.kube.update(configMaps, write))).toBe('NotFound');
    else if (!isNewest) expect(await outcome(real.kube.update(configMaps, write))).toBe('Conflict');
    else await expectWrite(model, real, name, real.kube.update(configMaps, write), { ...now, value });
  });
}

function relabel(name: string, app: string): Step {
  return step(`relabel ${name} ${app}`, async (model, real) => {
    const now = model.objects.get(name);
    const write = () => real.kube.patch(configMaps, key(name), { type: 'merge', patch: { metadata: { labels: { app } } } });
    if (now === undefined) expect(await outcome(write())).toBe('NotFound');
    else await expectWrite(model, real, name, write(), { ...now, app });
  });
}

function setFinalizers(name: string, finalizers: readonly string[]): Step {
  return step(`finalizers ${name} [${finalizers}]`, async (model, real) => {
    const now = model.objects.get(name);
    const write = () => real.kube.patch(configMaps, key(name), { type: 'merge', patch: { metadata: { finalizers } } });
    if (now === undefined) expect(await outcome(write())).toBe('NotFound');
    else if (now.isDeleting && finalizers.some((one) => !now.finalizers.includes(one))) expect(await outcome(write())).toBe('Invalid');
    else await expectWrite(model, real, name, write(), { ...now, finalizers });
  });
}

function remove(name: string, precondition: 'none' | 'right' | 'otherUid' | 'olderVersion'): Step {
  return step(`delete ${name} ${precondition}`, async (model, { kube, server }) => {
    const now = model.objects.get(name);
    const preconditions = precondition === 'none' || now === undefined ? undefined
      : precondition === 'right' ? { uid: now.uid, resourceVersion: String(now.version) } : precondition === 'otherUid' ? { uid: '00000000-0000-4000-8000-000000000000' } : { resourceVersion: '1' };
    const answer = await outcome(kube.delete(configMaps, key(name), preconditions === undefined ? {} : { preconditions }));
    if (now === undefined) expect(answer).toBe('NotFound');
    else if (precondition === 'otherUid' || precondition === 'olderVersion') expect(answer).toBe('Conflict');
    else {
      expect(answer).toBe('ok');
      if (now.finalizers.length === 0) model.remove(name, Number(server.resourceVersion));
      else if (!now.isDeleting) {
        const stored = await kube.get(configMaps, key(name));
        hold(model, stored);
        model.put(name, { ...now, isDeleting: true, version: Number(stored.metadata.resourceVersion) }, 'MODIFIED');
      }
    }
  });
}

function list(app: string): Step {
  return step(`list app=${app}`, async (model, { kube, server }) => {
    const { items, resourceVersion } = await kube.list(configMaps, { namespace: 'default', labelSelector: `app=${app}` });
    expect(items.map(({ metadata }) => metadata.name)).toEqual([...model.objects].filter(([, known]) => known.app === app).map(([name]) => name).sort());
    expect(resourceVersion).toBe(server.resourceVersion);
  });
}

function firstPage(limit: number): Step {
  return step(`page of ${limit}`, async (model, real) => {
    const all = (await real.kube.list(configMaps, { namespace: 'default' })).items.map(identity);
    const page = await real.kube.list(configMaps, { namespace: 'default', limit });
    expect(page.items.map(identity)).toEqual(all.slice(0, limit));
    const rest = all.slice(limit);
    expect(page.continue === undefined || page.continue === '').toBe(rest.length === 0);
    real.page = rest.length === 0 ? undefined : { continue: page.continue!, rest, version: page.resourceVersion };
    expect(model.version).toBeLessThanOrEqual(Number(page.resourceVersion));
  });
}

/** Whatever was written meanwhile. */
function restOfPages(): Step {
  return step('rest of the pages', async (_, real) => {
    if (real.page === undefined) return;
    const page = await real.kube.list(configMaps, { namespace: 'default', continue: real.page.continue });
    expect(page.items.map(identity)).toEqual(real.page.rest);
    expect(page.resourceVersion).toBe(real.page.version);
  });
}

/** `back`: so many changes ago. */
function watch(back: number): Step {
  return step(`watch from ${back} changes ago`, async (model, real) => {
    if (real.watches.length >= 4) return;
    const from = model.log.at(-1 - back)?.version ?? model.version;
    const seen: string[] = [];
    real.watches.push({ from, seen });
    real.kube.watch(configMaps, { namespace: 'default', resourceVersion: String(from) }, {
      event: (event) => {
        if (event.type !== 'BOOKMARK' && NAMES.includes(event.object.metadata.name)) seen.push(`${event.type} ${event.object.metadata.name}=${event.object.data?.['value'] ?? ''} ${event.object.metadata.resourceVersion}`);
      },
      end: (error) => void seen.push(`END ${error?.message}`),
    });
  });
}

const name = fc.constantFrom(...NAMES);
const app = fc.constantFrom('x', 'y');
const value = fc.constantFrom('1', '2', '3');
const finalizers = fc.constantFrom<readonly string[]>([], [], ['example.com/one'], ['example.com/one', 'example.com/two']);
const steps: fc.Arbitrary<Step>[] = [
  fc.tuple(name, app, value, finalizers).map((drawn) => create(...drawn)),
  fc.tuple(name, app, value, finalizers).map((drawn) => create(...drawn)),
  fc.tuple(name, value, fc.nat(2)).map((drawn) => update(...drawn)),
  fc.tuple(name, value, fc.nat(2)).map((drawn) => update(...drawn)),
  fc.tuple(name, app).map((drawn) => relabel(...drawn)),
  fc.tuple(name, finalizers).map((drawn) => setFinalizers(...drawn)),
  fc.tuple(name, fc.constantFrom('none' as const, 'none' as const, 'right' as const, 'otherUid' as const, 'olderVersion' as const)).map((drawn) => remove(...drawn)),
  app.map(list),
  fc.integer({ min: 1, max: 3 }).map(firstPage),
  fc.constant(restOfPages()),
  fc.nat(5).map(watch),
];

test('the server and the model agree after any requests in any order', async () => {
  await fc.assert(fc.asyncProperty(fc.commands(steps, { maxCommands: 60, size: 'max' }), async (commands) => {
    const server = createApiServer({ clock: new SimClock(), random: new SeededRandom('model') });
    await fc.asyncModelRun(() => ({ model: new Model(Number(server.resourceVersion)), real: { server, kube: server.client(), watches: [], page: undefined } }), commands);
  }), { numRuns: 150 });
});

test('a rule that the server does not keep is found, and the failure says how to repeat it', async () => {
  // A server that answers an older version with success: the model must notice, and the text must name seed and path.
  const forgiving = (kube: Kube): Kube => ({
    ...bound(kube),
    update: async (resource, object, options) => kube.update(resource, { ...object, metadata: { ...object.metadata, resourceVersion: (await kube.get(resource, object.metadata)).metadata.resourceVersion! } }, options),
  });
  const found = fc.assert(fc.asyncProperty(fc.commands(steps, { maxCommands: 60, size: 'max' }), async (commands) => {
    const server = createApiServer({ clock: new SimClock(), random: new SeededRandom('model') });
    await fc.asyncModelRun(() => ({ model: new Model(Number(server.resourceVersion)), real: { server, kube: forgiving(server.client()), watches: [], page: undefined } }), commands);
  }), { numRuns: 1000 });
  await expect(found).rejects.toThrow(/seed: -?\d+, path: "[\d:]+"[\s\S]*update [a-c] \d age [12][\s\S]*replayPath=/);
});

function bound(kube: Kube): Kube {
  return {
    get: (...asked) => kube.get(...asked), list: (...asked) => kube.list(...asked), watch: (...asked) => kube.watch(...asked), create: (...asked) => kube.create(...asked), update: (...asked) => kube.update(...asked),
    patch: (...asked) => kube.patch(...asked), delete: (...asked) => kube.delete(...asked), evict: (...asked) => kube.evict(...asked), bind: (...asked) => kube.bind(...asked),
  };
}
