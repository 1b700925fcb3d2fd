/**
 * Goal: a PodDisruptionBudget counts pods as the real controller does, and evictions never take more than it allows. Method: budgets over
 * ready pods in a cluster in process; evictions through the API, one after the other and all at once.
 */
import { describe, expect, it } from 'vitest';
import { isKubeError } from '@vfleet/core';
import type { PodDisruptionBudget } from '@vfleet/kube';
import { podDisruptionBudgets, pods } from '@vfleet/kube';
import { resolveIntOrPercent } from '@vfleet/kube-sim/controllers/int-or-percent.ts';
import { isReady } from '@vfleet/kube-sim/pods/state.ts';
import type { Rig } from '../kubelet/harness.ts';
import { rig } from '../kubelet/harness.ts';
import { pod } from '../scheduler/fixtures.ts';

const budget = (spec: PodDisruptionBudget['spec']): PodDisruptionBudget => ({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'guard', namespace: 'default' }, ...(spec !== undefined && { spec }) });
const guarded = async (one: Rig) => (await one.cluster.kube.get(podDisruptionBudgets, { namespace: 'default', name: 'guard' })).status;

async function withPods(count: number, spec: NonNullable<PodDisruptionBudget['spec']>): Promise<Rig> {
  const one = await rig([{ name: 'a' }]);
  for (let index = 0; index < count; index++) await one.create(pod(`p${index}`, {}, { labels: { app: 'x' } }));
  await one.cluster.kube.create(podDisruptionBudgets, budget({ selector: { matchLabels: { app: 'x' } }, ...spec }));
  await one.run(2000);
  return one;
}

describe('a disruption budget', () => {
  it('counts healthy pods against minAvailable', async () => {
    const one = await withPods(3, { minAvailable: 2 });
    expect(await guarded(one)).toMatchObject({ currentHealthy: 3, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 1, observedGeneration: 1 });
    expect((await guarded(one))?.conditions?.[0]).toMatchObject({ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' });
    await one.cluster.kube.delete(pods, { namespace: 'default', name: 'p0' });
    await one.run(1000);
    expect(await guarded(one)).toMatchObject({ currentHealthy: 2, expectedPods: 2, disruptionsAllowed: 0 });
  });

  it('lets evictions through one at a time and no further', async () => {
    const one = await withPods(3, { minAvailable: 2 });
    const evict = (name: string) => one.cluster.kube.evict({ namespace: 'default', name }).then(() => 'evicted', (error: unknown) => (isKubeError(error, 'TooManyRequests') ? 'refused' : String(error)));
    const outcomes = await Promise.all(['p0', 'p1', 'p2'].map(evict));
    expect(outcomes.toSorted()).toEqual(['evicted', 'refused', 'refused']);
    await one.run(1000);
    expect(await guarded(one)).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 0 });
    expect((await one.cluster.kube.list(pods)).items.filter(isReady).length).toBe(2);
    await one.create(pod('p3', {}, { labels: { app: 'x' } }));
    await one.run(1000);
    const next = (await one.cluster.kube.list(pods)).items.find(({ metadata }) => metadata.name !== 'p3')!.metadata.name;
    expect(await evict(next)).toBe('evicted');
  });

  it('forbids all when maxUnavailable is 0, and knows nothing of pods that are not managed', async () => {
    expect(await guarded(await withPods(2, { maxUnavailable: 0 }))).toMatchObject({ disruptionsAllowed: 0, expectedPods: 0 });
  });

  it('selects nothing without selector and everything with an empty one', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.create(pod('p'));
    await one.cluster.kube.create(podDisruptionBudgets, budget({ minAvailable: 0 }));
    await one.run(1000);
    expect(await guarded(one)).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 });
    await one.cluster.kube.patch(podDisruptionBudgets, { namespace: 'default', name: 'guard' }, { type: 'merge', patch: { spec: { selector: {} } } });
    await one.run(1000);
    expect(await guarded(one)).toMatchObject({ expectedPods: 1, disruptionsAllowed: 1 });
  });

  it('says when it cannot tell how many pods there should be', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.create(pod('p', {}, { labels: { app: 'x' }, ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'Thing', name: 't', uid: 'u', controller: true }] }));
    await one.cluster.kube.create(podDisruptionBudgets, budget({ selector: { matchLabels: { app: 'x' } }, maxUnavailable: '50%' }));
    await one.run(1000);
    expect((await guarded(one))?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'SyncFailed', message: 'found no controllers for pod "p"' });
  });
});

describe('resolveIntOrPercent', () => {
  it.each([[3, 10, 'up', 3], ['25%', 10, 'up', 3], ['25%', 10, 'down', 2], ['0%', 10, 'up', 0], ['100%', 7, 'up', 7], ['x', 7, 'up', 0]] as const)('%s of %i rounded %s is %i', (value, total, rounding, expected) => {
    expect(resolveIntOrPercent(value, total, rounding)).toBe(expected);
  });
});
