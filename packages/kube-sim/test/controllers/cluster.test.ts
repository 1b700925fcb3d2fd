/**
 * Goal: a whole cluster is a function of its seed and its inputs, and Events stay few however often things fail. Method: the same busy
 * history twice, compared object by object; an Event recorder fed repeats.
 */
import { describe, expect, it } from 'vitest';
import type { Resource } from '@vfleet/core';
import { SeededRandom, silentLog, SimClock } from '@vfleet/core';
import type { CoreEvent } from '@vfleet/kube';
import { ApiEvents, deployments, events, namespaces, nodes, pods, replicaSets } from '@vfleet/kube';
import { createCluster } from '@vfleet/kube-sim/cluster.ts';
import { FakePlugin, kubeletOf, rig } from '../kubelet/harness.ts';
import { asking, pod, VF } from '../scheduler/fixtures.ts';

async function history(): Promise<string> {
  const one = await rig(['a', 'b', 'c'].map((name) => ({ name })));
  kubeletOf(one, 'b').register(new FakePlugin(['x', 'y']));
  await one.cluster.kube.create(deployments, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' },
    spec: { replicas: 4, selector: { matchLabels: { app: 'w' } }, template: { metadata: { labels: { app: 'w' } }, spec: { containers: [{ name: 'm', image: 'w:1' }] } } },
  });
  for (let index = 0; index < 4; index++) await one.create(asking(`p${index}`, { [VF]: '1' }));
  await one.run(20_000);
  kubeletOf(one, 'a').stop();
  await one.cluster.kube.delete(pods, { namespace: 'default', name: 'p0' });
  await one.run(60_000);
  const lists = [];
  const resources: readonly Resource[] = [nodes, pods, replicaSets, events];
  for (const resource of resources) lists.push((await one.cluster.kube.list(resource)).items);
  await one.cluster.stop();
  return JSON.stringify(lists);
}

describe('a cluster', () => {
  it('does the same twice', async () => {
    expect(await history()).toBe(await history());
  });

  it('leaves nothing running when it is stopped', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.create(pod('p'));
    await one.run(5000);
    await one.cluster.stop();
    await one.run(1000);
    // What is left are the runtime's and the API server's own timers, not the control plane's heartbeats.
    const version = one.cluster.apiServer.resourceVersion;
    await one.run(600_000);
    expect(one.cluster.apiServer.resourceVersion).toBe(version);
  });

  it('refuses two nodes of one name, and a range without room', async () => {
    const one = await rig([{ name: 'a' }]);
    await expect(one.cluster.addNode({ name: 'a' })).rejects.toThrow('there already');
    await expect(one.cluster.addNode({ name: 'b', podCidr: '10.0.0.0/32' })).rejects.toThrow('no IPv4 range');
  });
});

describe('the Event recorder', () => {
  async function recorder() {
    const clock = new SimClock();
    const cluster = createCluster({ clock, random: new SeededRandom('events') });
    const about = await cluster.kube.get(namespaces, { name: 'default' });
    const made = new ApiEvents({ kube: cluster.kube, clock, random: new SeededRandom('recorder'), log: silentLog }, { component: 'test', host: 'h' });
    const all = async (): Promise<readonly CoreEvent[]> => {
      await clock.run(1000);
      return (await cluster.kube.list(events)).items;
    };
    return { made, about, all, clock };
  }

  it('counts repeats instead of repeating', async () => {
    const { made, about, all } = await recorder();
    for (let count = 0; count < 5; count++) made.record('Warning', about, 'Failed', 'the same');
    made.record('Warning', about, 'Failed', 'another');
    const found = await all();
    expect(found.map(({ message, count }) => [message, count])).toEqual([['the same', 5], ['another', 1]]);
    expect(found[0]).toMatchObject({ type: 'Warning', reason: 'Failed', source: { component: 'test', host: 'h' }, involvedObject: { kind: 'Namespace', name: 'default' } });
  });

  it('makes one of many that differ in their text only', async () => {
    const { made, about, all } = await recorder();
    for (let count = 0; count < 40; count++) made.record('Warning', about, 'Failed', `attempt ${count}`);
    const found = await all();
    expect(found.length).toBe(10);
    expect(found.find(({ message }) => message?.startsWith('(combined'))).toMatchObject({ message: '(combined from similar events): attempt 39', count: 31 });
  });
});
