/**
 * Goal: pods get the right node, wait with the real scheduler's words when there is none, and go on by themselves as soon as something
 * that matters changes. Method: a cluster in process under a virtual clock; nodes with device plugins; what the API server says.
 */
import { describe, expect, it } from 'vitest';
import type { Pod } from '@vfleet/kube';
import { nodes, pods } from '@vfleet/kube';
import type { Rig } from '../kubelet/harness.ts';
import { FakePlugin, kubeletOf, rig } from '../kubelet/harness.ts';
import { asking, pod, VF } from './fixtures.ts';

const conditionOf = (of: Pod) => of.status?.conditions?.find(({ type }) => type === 'PodScheduled');
const nodeOf = async (one: Rig, name: string) => (await one.pod(name)).spec?.nodeName;
const patchNode = (one: Rig, name: string, patch: Record<string, unknown>) => one.cluster.kube.patch(nodes, { name }, { type: 'merge', patch });

describe('the scheduler', () => {
  it('spreads equal pods over equal nodes, always in the same way', async () => {
    const place = async () => {
      const one = await rig(['a', 'b', 'c'].map((name) => ({ name })));
      for (let index = 0; index < 6; index++) await one.create(pod(`p${index}`));
      await one.run(1000);
      return Promise.all(Array.from({ length: 6 }, (_, index) => nodeOf(one, `p${index}`)));
    };
    expect(await place()).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
    expect(await place()).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('says why a pod waits, and binds it when the resource appears', async () => {
    const one = await rig([{ name: 'a', labels: { zone: 'x' } }, { name: 'b' }, { name: 'c' }]);
    await patchNode(one, 'c', { spec: { unschedulable: true } });
    await one.create(asking('p', { [VF]: '1' }, { nodeSelector: { zone: 'x' } }));
    await one.run(1000);
    const message = `0/3 nodes are available: 1 Insufficient ${VF}, 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable. no new claims to deallocate, `
      + 'preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.';
    expect(conditionOf(await one.pod('p'))).toMatchObject({ status: 'False', reason: 'Unschedulable', message });
    expect(await one.eventsOf('p')).toEqual([`FailedScheduling: ${message}`]);
    expect((await one.pod('p')).status?.phase).toBe('Pending');
    kubeletOf(one, 'a').register(new FakePlugin(['v']));
    await one.run(1000);
    expect(await one.phase('p')).toBe('Running');
    expect(conditionOf(await one.pod('p'))?.status).toBe('True');
  });

  it('lets waiting pods have what others give back, highest priority first, then oldest', async () => {
    const one = await rig([{ name: 'a' }]);
    kubeletOf(one, 'a').register(new FakePlugin(['v']));
    await one.run(100);
    await one.create(asking('first', { [VF]: '1' }));
    await one.run(100);
    await one.create(asking('second', { [VF]: '1' }));
    await one.create(asking('third', { [VF]: '1' }));
    await one.create(asking('urgent', { [VF]: '1' }, { priorityClassName: 'system-cluster-critical' }));
    await one.run(1000);
    const order = [];
    for (let turn = 0; turn < 4; turn++) {
      const running = (await one.cluster.kube.list(pods)).items.filter(({ spec }) => spec?.nodeName === 'a').map(({ metadata }) => metadata.name);
      expect(running.length).toBe(1);
      order.push(running[0]);
      await one.cluster.kube.delete(pods, { namespace: 'default', name: running[0]! });
      await one.run(1000);
    }
    expect(order).toEqual(['first', 'urgent', 'second', 'third']);
  });

  it.each([
    ['an uncordon', (one: Rig) => patchNode(one, 'a', { spec: { unschedulable: null } }), async (one: Rig) => { await patchNode(one, 'a', { spec: { unschedulable: true } }); }, pod('p')],
    ['a label', (one: Rig) => patchNode(one, 'a', { metadata: { labels: { zone: 'x' } } }), async () => undefined, pod('p', { nodeSelector: { zone: 'x' } })],
    ['a taint that goes', (one: Rig) => patchNode(one, 'a', { spec: { taints: null } }), async (one: Rig) => { await patchNode(one, 'a', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }); }, pod('p')],
    ['a new node', (one: Rig) => one.cluster.addNode({ name: 'b', labels: { zone: 'y' } }), async () => undefined, pod('p', { nodeSelector: { zone: 'y' } })],
  ])('goes on after %s', async (_what, change, before, waiting) => {
    const one = await rig([{ name: 'a' }]);
    await before(one);
    await one.create(waiting);
    await one.run(1000);
    expect(await nodeOf(one, 'p')).toBeUndefined();
    void change(one);
    await one.run(1000);
    expect(await one.phase('p')).toBe('Running');
  });

  it('leaves alone pods of other schedulers, gated pods and pods being deleted', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.create(pod('theirs', { schedulerName: 'other' }));
    await one.create(pod('gated', { schedulingGates: [{ name: 'wait' }] }));
    await one.run(1000);
    expect([await nodeOf(one, 'theirs'), await nodeOf(one, 'gated')]).toEqual([undefined, undefined]);
  });

  it('says so when there is no node at all', async () => {
    const one = await rig([]);
    await one.create(pod('p'));
    await one.run(1000);
    expect(conditionOf(await one.pod('p'))?.message).toBe('no nodes available to schedule pods');
  });

  it('keeps pods apart, and together, by required pod affinity', async () => {
    const one = await rig(['a', 'b'].map((name) => ({ name })));
    const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } };
    const apart = (name: string) => pod(name, { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }, { labels: { app: 'x' } });
    const near = pod('near', { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...term, labelSelector: { matchLabels: { app: 'y' } } }] } } });
    await one.create(apart('one'));
    await one.create(apart('two'));
    await one.create(apart('three'));
    await one.create(near);
    await one.run(1000);
    expect(new Set([await nodeOf(one, 'one'), await nodeOf(one, 'two')])).toEqual(new Set(['a', 'b']));
    expect(conditionOf(await one.pod('three'))?.message).toContain("2 node(s) didn't match pod anti-affinity rules");
    expect(conditionOf(await one.pod('near'))?.message).toContain("2 node(s) didn't match pod affinity rules");
    await one.create(pod('plain', {}, { labels: { app: 'x' } }));
    await one.run(500);
    expect(conditionOf(await one.pod('plain'))?.message).toContain("2 node(s) didn't satisfy existing pods anti-affinity rules");
    await one.create(pod('companion', { nodeSelector: { 'kubernetes.io/hostname': 'b' } }, { labels: { app: 'y' } }));
    await one.run(500);
    expect(await nodeOf(one, 'near')).toBe('b');
    await one.cluster.kube.delete(pods, { namespace: 'default', name: 'one' });
    await one.run(1000);
    expect(await nodeOf(one, 'three')).toBe('a');
  });

  it('never binds more pods to a resource than there is of it, with many nodes and pods at once', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
    const one = await rig(names.map((name) => ({ name })), { events: false });
    names.forEach((name, index) => kubeletOf(one, name).register(new FakePlugin(Array.from({ length: index % 5 }, (_, device) => `${name}-${device}`))));
    await one.run(100);
    for (let index = 0; index < 60; index++) await one.create(asking(`p${index}`, { [VF]: '1' }));
    await one.run(5000);
    const all = (await one.cluster.kube.list(pods)).items;
    const running = all.filter(({ status }) => status?.phase === 'Running');
    expect(running.length).toBe(40);
    expect(all.filter(({ status }) => status?.phase === 'Failed').length).toBe(0);
    const held = (await Promise.all(names.map(async (name) => (await kubeletOf(one, name).list()).flatMap(({ containers }) => containers.flatMap(({ devices }) => devices.flatMap(({ ids }) => ids)))))).flat();
    expect(new Set(held).size).toBe(40);
  });
});
