// Goal: the plumbing works against the embedded API server as it does against its test double. Method: definitions, informer,
// finalizers, elector and controller over an in-process server under simulated time.
import { SeededRandom, SimClock, drainMicrotasks, finalizers, silentLog } from '@vfleet/core';
import {
  Controller, Informer, LeaderElector, addFinalizerPatch, configMapResource, customResourceDefinitionResource, installCrds, leases, namespaces, nodePolicies, removeFinalizerPatch,
  sriovNetworks,
} from '@vfleet/kube';
import type { ConfigMap } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { expect, test } from 'vitest';

async function world() {
  const clock = new SimClock();
  const random = new SeededRandom(1);
  const server = createApiServer({ clock, random });
  const ports = { kube: server.client(), clock, random, log: silentLog };
  await ports.kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'test' } });
  return { ...ports, server, ports };
}

const configMap = (name: string, value: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'test' }, data: { value } });
const policy = (name: string) => ({
  apiVersion: 'sriovnetwork.openshift.io/v1' as const, kind: 'SriovNetworkNodePolicy' as const, metadata: { name, namespace: 'test' },
  spec: { resourceName: 'r', nodeSelector: {}, numVfs: 4, nicSelector: { vendor: '8086' } },
});

test('definitions are served after installation, and installing again writes nothing', async () => {
  const { ports, server, kube } = await world();
  expect(await installCrds(ports)).toMatchObject({ ok: true });
  const version = server.resourceVersion;
  expect(await installCrds(ports)).toMatchObject({ ok: true, value: { created: [], updated: [] } });
  expect(server.resourceVersion).toBe(version);
  expect((await kube.list(customResourceDefinitionResource)).items).toHaveLength(8);
  expect((await kube.create(nodePolicies, policy('p'))).spec.deviceType).toBe('netdevice');
  const wrong = { ...policy('q'), spec: { ...policy('q').spec, numVfs: -1 } };
  await expect(kube.create(nodePolicies, wrong)).rejects.toMatchObject({ reason: 'Invalid', causes: [{ field: 'spec.numVfs' }] });
});

test('an informer follows pages, changes, deletions and compacted history', async () => {
  const { ports, server, kube, clock } = await world();
  for (let index = 0; index < 25; index++) await kube.create(configMapResource, configMap(`c${index}`, '0'));
  const informer = new Informer(ports, configMapResource, { namespace: 'test', tuning: { pageSize: 10 }, indexers: { value: (object) => [object.data?.['value'] ?? ''] } });
  const told = { added: 0, updated: 0, deleted: 0 };
  informer.subscribe({ added: () => told.added++, updated: () => told.updated++, deleted: () => told.deleted++ });
  informer.start();
  await clock.run(10);
  expect([informer.size, told]).toEqual([25, { added: 25, updated: 0, deleted: 0 }]);
  await kube.patch(configMapResource, { namespace: 'test', name: 'c3' }, { type: 'merge', patch: { data: { value: '1' } } });
  await kube.delete(configMapResource, { namespace: 'test', name: 'c4' });
  await clock.run(10);
  expect([told, informer.byIndex('value', '1').map(({ metadata }) => metadata.name), informer.byIndex('value', '0').length]).toEqual([{ added: 25, updated: 1, deleted: 1 }, ['c3'], 23]);
  informer.stop();
  await kube.delete(configMapResource, { namespace: 'test', name: 'c5' });
  await kube.create(configMapResource, configMap('c5', 'again'));
  server.compact();
  informer.start();
  await clock.run(10);
  expect([told, informer.byIndex('value', 'again').length]).toEqual([{ added: 26, updated: 1, deleted: 2 }, 1]);
  informer.stop();
});

test('an idle informer opens its watch again and again, and repeats no list', async () => {
  const { ports, kube, clock } = await world();
  await kube.create(configMapResource, configMap('a', '0'));
  const informer = new Informer(ports, configMapResource, { namespace: 'test', fieldSelector: 'metadata.name=a' });
  informer.start();
  await clock.run(1_800_000);
  expect(informer.counts).toMatchObject({ lists: 1, failures: 0, silences: 0 });
  informer.stop();
});

test('finalizer patches hold an object until its work is done', async () => {
  const { ports, kube, clock } = await world();
  await installCrds(ports);
  const created = await kube.create(sriovNetworks, { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetwork', metadata: { name: 'n', namespace: 'test' }, spec: { resourceName: 'r' } });
  const key = { namespace: 'test', name: 'n' };
  const held = await kube.patch(sriovNetworks, key, addFinalizerPatch(created, finalizers.network)!);
  await kube.delete(sriovNetworks, key);
  const deleting = await kube.get(sriovNetworks, key);
  expect(deleting.metadata.deletionTimestamp).toBeDefined();
  await expect(kube.patch(sriovNetworks, key, removeFinalizerPatch(held, finalizers.network)!)).rejects.toMatchObject({ reason: 'Conflict' });
  await kube.patch(sriovNetworks, key, removeFinalizerPatch(deleting, finalizers.network)!);
  await clock.run(10);
  await expect(kube.get(sriovNetworks, key)).rejects.toMatchObject({ reason: 'NotFound' });
});

test('two electors have one leader, and a controller under it reconciles what its informer hears', async () => {
  const { ports, kube, clock } = await world();
  const reconciled: string[] = [];
  const electors = ['a', 'b'].map((identity) => {
    const controller = new Controller(ports, { name: identity, reconcile: async (key) => void reconciled.push(`${identity} ${key}`) });
    const informer = new Informer(ports, configMapResource, { namespace: 'test' });
    informer.subscribe({ added: ({ metadata }) => controller.queue.add(metadata.name) });
    return new LeaderElector(ports, {
      namespace: 'test', name: 'lease', identity,
      onStartedLeading: () => {
        informer.start();
        controller.start();
      },
      onStoppedLeading: async () => {
        informer.stop();
        await controller.stop();
      },
    });
  });
  for (const elector of electors) elector.start();
  await clock.run(10_000);
  await kube.create(configMapResource, configMap('one', '1'));
  await drainMicrotasks();
  const [first, second] = electors[0]!.isLeader ? electors : electors.toReversed();
  await first!.stop();
  await clock.run(6_000);
  expect([first!.isLeader, second!.isLeader]).toEqual([false, true]);
  expect(reconciled.map((line) => line.slice(2))).toEqual(['one', 'one']);
  expect(new Set(reconciled).size).toBe(2);
  expect((await kube.get(leases, { namespace: 'test', name: 'lease' })).spec?.leaseTransitions).toBe(1);
  await second!.stop();
});
