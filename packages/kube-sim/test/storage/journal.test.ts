// Goal: a disk that refuses writes costs nothing that was acknowledged, and the cluster goes on by itself. Method: a MemStorage that
// fails on demand under a SimClock; clients in process, and what edges ask of the store.
import { expect, test } from 'vitest';
import { SeededRandom, SimClock, drainMicrotasks } from '@vfleet/core';
import type { KubeObject, Resource } from '@vfleet/core';
import { createApiServer, fullDisk, MemStorage } from '@vfleet/kube-sim';

const configMaps: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const configMap = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });
const names = async (server: ReturnType<typeof createApiServer>) => (await server.client().list(configMaps)).items.map(({ metadata }) => metadata.name);

async function startFailing() {
  const disk = { full: false, commits: 0 };
  const storage = new MemStorage(() => {
    disk.commits++;
    return disk.full ? fullDisk : undefined;
  });
  const clock = new SimClock();
  const server = createApiServer({ clock, random: new SeededRandom(1), storage });
  await server.durable();
  return { disk, storage, clock, server, kube: server.client() };
}

test('writes of one turn go to disk together, and resolve once they are there', async () => {
  const { disk, kube, server } = await startFailing();
  const before = disk.commits;
  await Promise.all(Array.from({ length: 50 }, (_, index) => kube.create(configMaps, configMap(`n${index}`))));
  expect(disk.commits - before).toBeLessThan(5);
  expect(server.core.store.durable()).toBeUndefined();
});

test('while the disk is full writes are refused before anything is done; afterwards all goes on', async () => {
  const { disk, storage, clock, server, kube } = await startFailing();
  await kube.create(configMaps, configMap('kept'));
  disk.full = true;
  const first = kube.create(configMaps, configMap('doubtful'));
  const patient = { done: false };
  void Promise.resolve().then(() => server.core.store.durable({ patient: true })).then(() => (patient.done = true));
  await expect(first).rejects.toMatchObject({ code: 500, reason: 'InternalError', message: expect.stringContaining('Free some space') });
  const revision = server.resourceVersion;
  await expect(kube.create(configMaps, configMap('refused'))).rejects.toMatchObject({ code: 500 });
  await expect(kube.delete(configMaps, { namespace: 'default', name: 'kept' })).rejects.toMatchObject({ code: 500 });
  expect(server.resourceVersion).toBe(revision);
  await clock.run(5000);
  expect(patient.done).toBe(false);

  const crashed = createApiServer({ clock, random: new SeededRandom(2), storage });
  expect(await names(crashed)).toEqual(['kept']);
  crashed.stop();

  disk.full = false;
  await clock.run(1500);
  expect(patient.done).toBe(true);
  await kube.create(configMaps, configMap('later'));
  const restarted = createApiServer({ clock, random: new SeededRandom(3), storage });
  expect(await names(restarted)).toEqual(['doubtful', 'kept', 'later']);
});

test('a stopped server holds no timer, even when its disk failed', async () => {
  const { disk, clock, server, kube } = await startFailing();
  disk.full = true;
  await expect(kube.create(configMaps, configMap('a'))).rejects.toMatchObject({ code: 500 });
  server.stop();
  await drainMicrotasks();
  expect(clock.step()).toBe(false);
});
