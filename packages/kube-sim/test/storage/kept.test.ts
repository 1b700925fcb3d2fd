// Goal: what a store with a storage acknowledges is there after its process is gone, with versions, history and custom resources, and
// what the disk refuses is never acknowledged. Method: draw writes against a server on a data file, "crash" by taking a copy of the
// file as it is on disk, open the copy, and compare with what was acknowledged by then.
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isKubeError, silentLog } from '@vfleet/core';
import type { Kube, KubeObject, Resource, WatchEvent } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createApiServer } from '@vfleet/kube-sim';
import type { ApiServer } from '@vfleet/kube-sim';
import { openDataFile } from '@vfleet/kube-sim/adapters/sqlite/data-file.ts';
import type { DataFile, DataFileOptions } from '@vfleet/kube-sim/adapters/sqlite/data-file.ts';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}
const configMaps: Resource<ConfigMap> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const crds: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions', kind: 'CustomResourceDefinition', namespaced: false };
const widgets: Resource = { group: 'example.com', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };
const configMap = (name: string, value: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { value } });
const key = (name: string) => ({ namespace: 'default', name });

let folder: string;
const open = new Set<{ readonly server: ApiServer; readonly file: DataFile }>();
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'vfleet-kept-'))));
afterEach(() => {
  for (const one of open) stop(one);
  rmSync(folder, { recursive: true, force: true });
});

type Served = { readonly server: ApiServer; readonly file: DataFile; readonly kube: Kube };
function start(name: string, historyLimit = 10_000, options: DataFileOptions = {}): Served {
  const file = openDataFile(join(folder, name), options);
  const server = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: silentLog, storage: file.storage, historyLimit });
  const served = { server, file, kube: server.client() };
  open.add(served);
  return served;
}

function stop(served: { readonly server: ApiServer; readonly file: DataFile }): void {
  served.server.stop();
  served.file.close();
  open.delete(served as Served);
}

/** What is on disk at this moment, as a crash leaves it. */
function crashCopy(from: string, to: string): void {
  for (const suffix of ['', '-wal']) if (existsSync(join(folder, from + suffix))) copyFileSync(join(folder, from + suffix), join(folder, to + suffix));
}

async function all(kube: Kube): Promise<readonly ConfigMap[]> {
  return (await kube.list(configMaps)).items;
}

/** Events of a watch from a version, until `count` have come. */
function eventsFrom(kube: Kube, resourceVersion: string, count: number): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const events: string[] = [];
    const watch = kube.watch(configMaps, { resourceVersion }, {
      event: (event: WatchEvent<ConfigMap>) => {
        if (event.type === 'BOOKMARK') return;
        events.push(`${event.type} ${event.object.metadata.name} ${event.object.metadata.resourceVersion} ${JSON.stringify(event.object.data)}`);
        if (events.length < count) return;
        watch.stop();
        resolve(events);
      },
      end: reject,
    });
    if (count === 0) resolve(events);
  });
}

type Step = { readonly does: 'set' | 'delete'; readonly name: string; readonly value: string };
const step: fc.Arbitrary<Step> = fc.record({ does: fc.constantFrom('set', 'set', 'delete'), name: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.string({ maxLength: 5, unit: 'binary' }) });

/** Carries out a step; answers whether it was acknowledged. */
async function carryOut(kube: Kube, { does, name, value }: Step): Promise<void> {
  try {
    if (does === 'delete') return await kube.delete(configMaps, key(name));
    await kube.create(configMaps, configMap(name, value));
  } catch (error) {
    if (isKubeError(error, 'AlreadyExists')) await kube.patch(configMaps, key(name), { type: 'merge', patch: { data: { value } } });
    else if (!isKubeError(error, 'NotFound')) throw error;
  }
}

describe('restarts', () => {
  test('drawn: objects, versions and the history of watches are those of the server that ended', async () => {
    let run = 0;
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom(3, 8, 10_000), fc.boolean(), async (steps, historyLimit, compacts) => {
      const names = [`data-${++run}`, `copy-${run}`] as const;
      const before = start(names[0], historyLimit);
      for (const one of steps) await carryOut(before.kube, one);
      if (compacts) before.server.compact(String(Math.floor(Number(before.server.resourceVersion) / 2)));
      // Compaction is not waited for by anybody; a later write is behind it.
      await carryOut(before.kube, { does: 'set', name: 'last', value: '' });
      await before.server.durable();
      crashCopy(...names);
      const after = start(names[1], historyLimit);
      expect(await all(after.kube)).toEqual(await all(before.kube));
      expect(Number(after.server.resourceVersion)).toBeLessThanOrEqual(Number(before.server.resourceVersion));
      const [wasHistory, isHistory] = [before, after].map(({ server }) => server.core.store.collection('configmaps').history);
      // Whatever the old one could answer that is on disk, the new one can; what was compacted stays so.
      expect(isHistory!.after(0)).toEqual(wasHistory!.after(0));
      expect(isHistory!.compactedRevision).toBe(wasHistory!.compactedRevision);
      const next = await after.kube.create(configMaps, configMap('next', ''));
      expect(Number(next.metadata.resourceVersion)).toBeGreaterThan(Math.max(0, ...(await all(before.kube)).map(({ metadata }) => Number(metadata.resourceVersion))));
      stop(before);
      stop(after);
    }), { numRuns: 60 });
  });

  test('the file holds what lives and what the history needs, and nothing else', async () => {
    const { kube, server, file } = start('data', 20);
    for (let index = 0; index < 300; index++) await carryOut(kube, { does: index % 7 === 6 ? 'delete' : 'set', name: `n${index % 5}`, value: String(index) });
    await server.durable();
    const rows = [...file.storage.load().changes].filter(({ collection }) => collection === 'configmaps');
    expect(rows.length).toBeLessThanOrEqual(20 + 2 * 5);
    expect(rows.length).toBeGreaterThanOrEqual(20);
  });

  test('watches resume from a version of before, and get 410 where it is forgotten', async () => {
    const before = start('data', 5);
    const first = await before.kube.create(configMaps, configMap('a', '0'));
    for (const value of ['1', '2', '3']) await carryOut(before.kube, { does: 'set', name: 'a', value });
    await before.kube.delete(configMaps, key('a'));
    const events = await eventsFrom(before.kube, first.metadata.resourceVersion!, 4);
    stop(before);
    const after = start('data', 5);
    expect(await eventsFrom(after.kube, first.metadata.resourceVersion!, 4)).toEqual(events);
    for (const value of ['4', '5', '6', '7', '8']) await carryOut(after.kube, { does: 'set', name: 'a', value });
    stop(after);
    const last = start('data', 5);
    await expect(eventsFrom(last.kube, first.metadata.resourceVersion!, 1)).rejects.toMatchObject({ code: 410, reason: 'Expired' });
    await expect(last.kube.list(configMaps, { resourceVersion: '1000000' })).rejects.toMatchObject({ code: 504 });
  });

  test('custom resources are served again, and a deletion that had begun ends', async () => {
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' },
      spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] },
    };
    const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'default', finalizers: ['example.com/hold'] } };
    const before = start('data');
    await before.kube.create(crds, definition);
    await expect.poll(() => before.kube.list(widgets).then(() => true, () => false)).toBe(true);
    await before.kube.create(widgets, widget);
    await before.kube.delete(crds, { name: 'widgets.example.com' });
    stop(before);
    const after = start('data');
    expect((await after.kube.get(widgets, key('w'))).metadata.deletionTimestamp).toBeDefined();
    await after.kube.patch(widgets, key('w'), { type: 'merge', patch: { metadata: { finalizers: null } } });
    await expect.poll(() => after.kube.get(crds, { name: 'widgets.example.com' }).then(() => 'there', () => 'gone')).toBe('gone');
  });
});

describe('the file', () => {
  test('is its owner\'s only, and one process\' only', () => {
    start('data');
    for (const name of ['data', 'data-wal']) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(() => start('data')).toThrow(expect.objectContaining({ code: 'locked', message: expect.stringContaining('is in use by another process'), remedy: expect.stringContaining('End that process') }));
  });

  test('of something else is refused and left as it is', async () => {
    writeFileSync(join(folder, 'notes.txt'), 'the text of a person, long enough for a header of SQLite, which it is not at all, by the way');
    expect(() => start('notes.txt')).toThrow(expect.objectContaining({ code: 'foreign' }));
    const { DatabaseSync } = await import('node:sqlite');
    const other = new DatabaseSync(join(folder, 'other.db'));
    other.exec('CREATE TABLE mine (a)');
    other.close();
    expect(() => start('other.db')).toThrow(expect.objectContaining({ code: 'foreign' }));
    expect(new DatabaseSync(join(folder, 'other.db')).prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
  });

  test('of another version, in no folder, a folder itself: each said clearly', async () => {
    stop(start('data'));
    const { DatabaseSync } = await import('node:sqlite');
    const later = new DatabaseSync(join(folder, 'data'));
    later.exec('PRAGMA user_version = 9');
    later.close();
    expect(() => start('data')).toThrow(expect.objectContaining({ code: 'version' }));
    expect(() => start('nowhere/data')).toThrow(expect.objectContaining({ code: 'denied' }));
    expect(() => openDataFile(folder)).toThrow(expect.objectContaining({ code: 'denied' }));
  });

  test('that is damaged is refused', async () => {
    const before = start('data');
    for (let index = 0; index < 50; index++) await before.kube.create(configMaps, configMap(`n${index}`, 'x'.repeat(500)));
    stop(before);
    const { openSync, writeSync, closeSync } = await import('node:fs');
    const descriptor = openSync(join(folder, 'data'), 'r+');
    for (let page = 2; page < 8; page++) writeSync(descriptor, Buffer.alloc(2000, 0x5a), 0, 2000, page * 4096);
    closeSync(descriptor);
    expect(() => start('data')).toThrow(expect.objectContaining({ code: 'corrupt', remedy: expect.stringContaining('Restore') }));
  });

  test('that is full: 500 and nothing lost', async () => {
    const { kube, server } = start('data', 10_000, { sizeMaxBytes: 300_000 });
    const acknowledged: string[] = [];
    let refusal: unknown;
    for (let index = 0; refusal === undefined && index < 500; index++) {
      await kube.create(configMaps, configMap(`n${index}`, 'x'.repeat(2000))).then(() => acknowledged.push(`n${index}`), (error: unknown) => (refusal = error));
    }
    expect(refusal).toMatchObject({ code: 500, reason: 'InternalError', message: expect.stringContaining('no space is left') });
    expect(acknowledged.length).toBeGreaterThan(20);
    await expect(kube.create(configMaps, configMap('more', ''))).rejects.toMatchObject({ code: 500 });
    await expect(server.durable()).rejects.toMatchObject({ code: 500 });
    crashCopy('data', 'copy');
    const after = start('copy');
    expect((await all(after.kube)).map(({ metadata }) => metadata.name).sort()).toEqual([...acknowledged].sort());
  });

  test('that is closed takes nothing more, and says so', async () => {
    const { kube, server, file } = start('data');
    const last = kube.create(configMaps, configMap('last', ''));
    server.stop();
    file.close();
    await expect(Promise.all([last, kube.create(configMaps, configMap('late', ''))])).rejects.toMatchObject({ code: 500 });
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('the disks of nodes are in it', async () => {
    const before = openDataFile(join(folder, 'data'));
    const [a, b] = [before.disk('a'), before.disk('b')];
    expect(await a.create('/var/lib/x/one', '1')).toEqual({ ok: true, value: undefined });
    expect(await a.create('/var/lib/x/one', '2')).toMatchObject({ ok: false, error: { code: 'exists' } });
    await Promise.all([a.append('/var/lib/x/log', 'a'), a.append('/var/lib/x/log', 'b'), a.replace('/var/lib/x/deep/er', 'z'), a.replace('/var/lib/xy', 'no'), b.replace('/var/lib/x/one', 'other')]);
    before.close();
    const after = openDataFile(join(folder, 'data'));
    const disk = after.disk('a');
    expect(await disk.read('/var/lib/x/one')).toEqual({ ok: true, value: '1' });
    expect(await disk.read('/var/lib/x/log')).toEqual({ ok: true, value: 'ab' });
    expect(await disk.list('/var/lib/x')).toEqual({ ok: true, value: ['deep', 'log', 'one'] });
    await disk.remove('/var/lib/x/one');
    expect(await disk.read('/var/lib/x/one')).toMatchObject({ ok: false, error: { code: 'notFound' } });
    expect(await after.disk('b').read('/var/lib/x/one')).toEqual({ ok: true, value: 'other' });
    after.close();
  });
});
