/**
 * Goal: workloads bring up, replace and take down their pods as kubectl and people expect, and never overshoot what their fields allow.
 * Method: a cluster in process under a virtual clock; every change of a pod is watched, so that bounds hold at every moment.
 */
import { describe, expect, it } from 'vitest';
import type { DaemonSet, Deployment, Job, Pod, ReplicaSet } from '@vfleet/kube';
import { controllerOf, daemonSets, deployments, jobs, nodes, podDisruptionBudgets, pods, replicaSets } from '@vfleet/kube';
import { nextScalings } from '@vfleet/kube-sim/controllers/workloads/deployment-plan.ts';
import { templateHash } from '@vfleet/kube-sim/controllers/workloads/template-hash.ts';
import { kubeletTiming } from '@vfleet/kube-sim/kubelet/options.ts';
import { isReady } from '@vfleet/kube-sim/pods/state.ts';
import type { Rig } from '../kubelet/harness.ts';
import { rig } from '../kubelet/harness.ts';
import { pod } from '../scheduler/fixtures.ts';

type Template = NonNullable<Deployment['spec']>['template'];
const labels = { app: 'web' };
const template = (image: string, spec: Partial<NonNullable<Template['spec']>> = {}): Template => ({ metadata: { labels }, spec: { containers: [{ name: 'main', image }], ...spec } });
const key = { namespace: 'default', name: 'web' };
const deployment = (replicas: number, image = 'web:1', more: Partial<NonNullable<Deployment['spec']>> = {}): Deployment => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: key, spec: { replicas, selector: { matchLabels: labels }, template: template(image), ...more },
});
const podsOf = async (one: Rig) => (await one.cluster.kube.list(pods)).items;
const live = async (one: Rig) => (await podsOf(one)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
const rollout = async (one: Rig) => (await one.cluster.kube.get(deployments, key)).status;
const patch = (one: Rig, spec: Record<string, unknown>) => one.cluster.kube.patch(deployments, key, { type: 'merge', patch: { spec } });
const setImage = (one: Rig, image: string) => patch(one, { template: { spec: { containers: [{ name: 'main', image }] } } });

/** Watches how few ready and how many pods there were at any moment. */
function watchBounds(one: Rig): { readyMin: number; podsMax: number; stop: () => void } {
  const known = new Map<string, Pod>();
  const bounds = { readyMin: Number.POSITIVE_INFINITY, podsMax: 0, stop: () => undefined };
  const watch = one.cluster.kube.watch(pods, {}, {
    event: (event) => {
      if (event.type === 'BOOKMARK') return;
      if (event.type === 'DELETED' || event.object.metadata.deletionTimestamp !== undefined) known.delete(event.object.metadata.name);
      else known.set(event.object.metadata.name, event.object);
      bounds.readyMin = Math.min(bounds.readyMin, [...known.values()].filter(isReady).length);
      bounds.podsMax = Math.max(bounds.podsMax, known.size);
    },
    end: () => undefined,
  });
  bounds.stop = () => void watch.stop();
  return bounds;
}

describe('a Deployment', () => {
  it('brings up its pods through a ReplicaSet and says so', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.cluster.kube.create(deployments, deployment(3));
    await one.run(2000);
    const all = await podsOf(one);
    expect(all.length).toBe(3);
    expect(all.every(({ metadata }) => /^web-[a-z0-9]+-[a-z0-9]{5}$/.test(metadata.name) && metadata.labels?.['pod-template-hash'] !== undefined)).toBe(true);
    expect(await rollout(one)).toMatchObject({ replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, observedGeneration: 1 });
    const conditions = Object.fromEntries((await rollout(one))!.conditions!.map(({ type, reason }) => [type, reason]));
    expect(conditions).toEqual({ Available: 'MinimumReplicasAvailable', Progressing: 'NewReplicaSetAvailable' });
    expect((await one.cluster.kube.get(deployments, key)).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    expect((await one.eventsOf('web'))[0]).toMatch(/^ScalingReplicaSet: Scaled up replica set web-[a-z0-9]+ from 0 to 3$/);
  });

  it('rolls a new template out without fewer or more pods than allowed, and back', async () => {
    const one = await rig([{ name: 'a', timing: kubeletTiming }]);
    await one.cluster.kube.create(deployments, deployment(4, 'web:1', { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }));
    await one.run(10_000);
    const bounds = watchBounds(one);
    await one.run(100);
    bounds.readyMin = 4;
    await setImage(one, 'web:2');
    await one.run(60_000);
    bounds.stop();
    expect((await live(one)).map(({ spec }) => spec?.containers[0]?.image)).toEqual(Array(4).fill('web:2'));
    expect(bounds.podsMax).toBeLessThanOrEqual(5);
    expect(bounds.readyMin).toBeGreaterThanOrEqual(3);
    expect(await rollout(one)).toMatchObject({ replicas: 4, updatedReplicas: 4, availableReplicas: 4, observedGeneration: 2 });
    const revisions = async () => Object.fromEntries((await one.cluster.kube.list(replicaSets)).items.map(({ metadata, spec }) => [spec?.template?.spec?.containers[0]?.image, metadata.annotations?.['deployment.kubernetes.io/revision']]));
    expect(await revisions()).toEqual({ 'web:1': '1', 'web:2': '2' });
    await setImage(one, 'web:1');
    await one.run(60_000);
    expect(await revisions()).toEqual({ 'web:1': '3', 'web:2': '2' });
  });

  it('stops everything before it starts anew when told to recreate', async () => {
    const one = await rig([{ name: 'a', timing: kubeletTiming }]);
    await one.cluster.kube.create(deployments, deployment(3, 'web:1', { strategy: { type: 'Recreate' } }));
    await one.run(10_000);
    const bounds = watchBounds(one);
    await setImage(one, 'web:2');
    await one.run(20_000);
    bounds.stop();
    expect(bounds.podsMax).toBe(3);
    expect((await live(one)).map(({ spec }) => spec?.containers[0]?.image)).toEqual(['web:2', 'web:2', 'web:2']);
  });

  it('gives up in words when a roll-out does not move', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.cluster.kube.create(deployments, deployment(1, 'web:1', { progressDeadlineSeconds: 30, template: template('web:1', { nodeSelector: { no: 'where' } }) }));
    await one.run(40_000);
    expect((await rollout(one))?.conditions?.find(({ type }) => type === 'Progressing')).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' });
  });

  it('scales up and down, keeps ready pods, and replaces deleted ones', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.cluster.kube.create(deployments, deployment(2));
    await one.run(1000);
    await patch(one, { replicas: 5 });
    await one.run(1000);
    expect((await live(one)).length).toBe(5);
    await patch(one, { replicas: 1 });
    await one.run(1000);
    expect((await live(one)).length).toBe(1);
    await one.cluster.kube.delete(pods, { namespace: 'default', name: (await live(one))[0]!.metadata.name });
    await one.run(1000);
    expect((await live(one)).filter(isReady).length).toBe(1);
  });

  it('takes its pods with it, or leaves them, as told', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.cluster.kube.create(deployments, deployment(2));
    await one.run(1000);
    await one.cluster.kube.delete(deployments, key, { propagationPolicy: 'Orphan' });
    await one.run(1000);
    expect((await live(one)).length).toBe(2);
    await one.cluster.kube.delete(replicaSets, { namespace: 'default', name: (await one.cluster.kube.list(replicaSets)).items[0]!.metadata.name });
    await one.run(1000);
    expect(await podsOf(one)).toEqual([]);
    expect((await one.cluster.kube.list(replicaSets)).items).toEqual([]);
  });

  it('is guarded by a budget in percent of what it wants', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.cluster.kube.create(deployments, deployment(4));
    await one.cluster.kube.create(podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: key, spec: { selector: { matchLabels: labels }, maxUnavailable: '30%' } });
    await one.run(2000);
    expect((await one.cluster.kube.get(podDisruptionBudgets, key)).status).toMatchObject({ expectedPods: 4, desiredHealthy: 2, disruptionsAllowed: 2 });
  });
});

describe('nextScalings', () => {
  const set = (replicas: number, available: number): ReplicaSet => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: `r${replicas}`, namespace: 'default' }, spec: { replicas, selector: {} }, status: { replicas, availableReplicas: available } });
  const rolling = (replicas: number) => deployment(replicas, 'web:1', { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });

  it('surges first, then takes old pods down one for one', () => {
    expect(nextScalings(rolling(3), set(0, 0), [set(3, 3)]).map(({ replicas }) => replicas)).toEqual([1]);
    expect(nextScalings(rolling(3), set(1, 0), [set(3, 3)])).toEqual([]);
    expect(nextScalings(rolling(3), set(1, 1), [set(3, 3)]).map(({ replicas }) => replicas)).toEqual([2]);
  });

  it('takes unhealthy old pods down first', () => {
    expect(nextScalings(deployment(4), set(4, 3), [set(2, 0)]).map(({ replicas }) => replicas)).toEqual([0]);
  });
});

describe('a ReplicaSet', () => {
  const replicaSet = (replicas: number): ReplicaSet => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: key, spec: { replicas, selector: { matchLabels: labels }, template: template('web:1') as NonNullable<NonNullable<ReplicaSet['spec']>['template']> } });

  it('adopts pods that match and belong to nobody, and lets go those that stop matching', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.create(pod('stray', {}, { labels }));
    await one.cluster.kube.create(replicaSets, replicaSet(2));
    await one.run(1000);
    expect((await live(one)).length).toBe(2);
    expect(controllerOf(await one.pod('stray'))?.name).toBe('web');
    await one.cluster.kube.patch(pods, { namespace: 'default', name: 'stray' }, { type: 'merge', patch: { metadata: { labels: { app: 'other' } } } });
    await one.run(1000);
    expect(controllerOf(await one.pod('stray'))).toBeUndefined();
    expect((await live(one)).length).toBe(3);
    expect((await one.cluster.kube.get(replicaSets, key)).status).toMatchObject({ replicas: 2, readyReplicas: 2, availableReplicas: 2, fullyLabeledReplicas: 2 });
  });

  it('counts a pod as available only after minReadySeconds', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.cluster.kube.create(replicaSets, { ...replicaSet(1), spec: { ...replicaSet(1).spec!, minReadySeconds: 10 } });
    await one.run(5000);
    const early = (await one.cluster.kube.get(replicaSets, key)).status;
    expect([early?.readyReplicas, early?.availableReplicas ?? 0]).toEqual([1, 0]);
    await one.run(7000);
    expect((await one.cluster.kube.get(replicaSets, key)).status).toMatchObject({ availableReplicas: 1 });
  });
});

describe('a DaemonSet', () => {
  const daemonSet = (image: string, spec: Partial<NonNullable<Template['spec']>> = {}): DaemonSet => ({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: key, spec: { selector: { matchLabels: labels }, template: template(image, spec) } });
  const status = async (one: Rig) => (await one.cluster.kube.get(daemonSets, key)).status;

  it('runs once on every node that suits, cordoned ones included, and follows nodes and labels', async () => {
    const one = await rig([{ name: 'a', labels: { nic: 'x' } }, { name: 'b', labels: { nic: 'x' } }, { name: 'c' }]);
    await one.cluster.kube.patch(nodes, { name: 'b' }, { type: 'merge', patch: { spec: { unschedulable: true } } });
    await one.cluster.kube.create(daemonSets, daemonSet('d:1', { nodeSelector: { nic: 'x' } }));
    await one.run(2000);
    const where = async () => (await live(one)).map(({ spec }) => spec?.nodeName).sort();
    expect(await where()).toEqual(['a', 'b']);
    expect(await status(one)).toMatchObject({ desiredNumberScheduled: 2, currentNumberScheduled: 2, numberReady: 2, numberAvailable: 2, updatedNumberScheduled: 2, numberMisscheduled: 0 });
    expect((await status(one))?.numberUnavailable ?? 0).toBe(0);
    await one.cluster.kube.patch(nodes, { name: 'c' }, { type: 'merge', patch: { metadata: { labels: { nic: 'x' } } } });
    await one.cluster.kube.patch(nodes, { name: 'a' }, { type: 'merge', patch: { metadata: { labels: { nic: null } } } });
    await one.run(2000);
    expect(await where()).toEqual(['b', 'c']);
    void one.cluster.addNode({ name: 'd', labels: { nic: 'x' } });
    await one.run(2000);
    expect(await where()).toEqual(['b', 'c', 'd']);
  });

  it('replaces its pods one node after the other', async () => {
    const one = await rig(['a', 'b', 'c'].map((name) => ({ name, timing: kubeletTiming })));
    await one.cluster.kube.create(daemonSets, daemonSet('d:1'));
    await one.run(10_000);
    const bounds = watchBounds(one);
    await one.run(100);
    bounds.readyMin = 3;
    await one.cluster.kube.patch(daemonSets, key, { type: 'merge', patch: { spec: { template: { spec: { containers: [{ name: 'main', image: 'd:2' }] } } } } });
    await one.run(30_000);
    bounds.stop();
    expect((await live(one)).map(({ spec }) => spec?.containers[0]?.image)).toEqual(['d:2', 'd:2', 'd:2']);
    expect(bounds.readyMin).toBeGreaterThanOrEqual(2);
    expect(await status(one)).toMatchObject({ updatedNumberScheduled: 3, numberAvailable: 3, observedGeneration: 2 });
  });
});

describe('a Job', () => {
  const job = (script: string, more: Partial<NonNullable<Job['spec']>> = {}, restartPolicy: 'Never' | 'OnFailure' = 'Never'): Job => ({
    apiVersion: 'batch/v1', kind: 'Job', metadata: key,
    spec: { template: { metadata: { labels }, spec: { restartPolicy, containers: [{ name: 'main', image: 'busybox:1', command: ['sh', '-c', script] }] } }, ...more },
  });
  const status = async (one: Rig) => (await one.cluster.kube.get(jobs, key)).status;
  const ended = async (one: Rig) => (await status(one))?.conditions?.filter((condition) => condition.status === 'True').map(({ type, reason }) => `${type}: ${reason}`);

  it('runs to completion, no more pods at a time than allowed', async () => {
    const one = await rig([{ name: 'a' }]);
    const bounds = watchBounds(one);
    await one.cluster.kube.create(jobs, job('sleep 5', { completions: 5, parallelism: 2 }));
    await one.run(4000);
    expect(await status(one)).toMatchObject({ active: 2, ready: 2 });
    await one.run(20_000);
    expect(await status(one)).toMatchObject({ succeeded: 5 });
    expect((await status(one))?.active).toBeUndefined();
    expect(await ended(one)).toEqual(['SuccessCriteriaMet: CompletionsReached', 'Complete: CompletionsReached']);
    expect((await status(one))?.completionTime).toBeDefined();
    expect((await podsOf(one)).length).toBe(5);
    bounds.stop();
  });

  it('tries failed pods again, later and later, and gives up at its limit', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.cluster.kube.create(jobs, job('exit 1', { backoffLimit: 2 }));
    await one.run(5000);
    expect(await status(one)).toMatchObject({ failed: 1 });
    await one.run(10_000);
    expect(await status(one)).toMatchObject({ failed: 2 });
    await one.run(30_000);
    expect(await status(one)).toMatchObject({ failed: 3 });
    expect(await ended(one)).toEqual(['FailureTarget: BackoffLimitExceeded', 'Failed: BackoffLimitExceeded']);
  });

  it('stops at its deadline, when it is suspended, and goes when its time is over', async () => {
    const one = await rig([{ name: 'a' }]);
    await one.cluster.kube.create(jobs, job('sleep 1000', { activeDeadlineSeconds: 20, ttlSecondsAfterFinished: 60 }));
    await one.run(5000);
    await one.cluster.kube.patch(jobs, key, { type: 'merge', patch: { spec: { suspend: true } } });
    await one.run(2000);
    expect(await live(one)).toEqual([]);
    expect((await status(one))?.conditions?.[0]).toMatchObject({ type: 'Suspended', status: 'True' });
    await one.cluster.kube.patch(jobs, key, { type: 'merge', patch: { spec: { suspend: false } } });
    await one.run(2000);
    expect((await live(one)).length).toBe(1);
    await one.run(25_000);
    expect(await ended(one)).toEqual(['FailureTarget: DeadlineExceeded', 'Failed: DeadlineExceeded']);
    await one.run(65_000);
    expect((await one.cluster.kube.list(jobs)).items).toEqual([]);
    expect(await podsOf(one)).toEqual([]);
  });
});

describe('templateHash', () => {
  it('does not depend on the order of keys', () => {
    expect(templateHash({ a: 1, b: { c: [1, 2], d: undefined } })).toBe(templateHash({ b: { c: [1, 2] }, a: 1 }));
    expect(templateHash({ a: 1 })).not.toBe(templateHash({ a: 2 }));
  });
});
