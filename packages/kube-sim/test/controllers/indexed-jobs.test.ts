/**
 * Goal: indexed Jobs run each index once, try failed ones again on their own, and end as Kubernetes' Job controller ends them.
 * Method: a cluster in process under a virtual clock, in whose containers a program of the test runs and decides how each index ends.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Job, Pod } from '@vfleet/kube';
import { jobs, pods } from '@vfleet/kube';
import { formatIndexes, parseIndexes } from '@vfleet/kube-sim/controllers/workloads/index-set.ts';
import { instantTiming } from '@vfleet/kube-sim/kubelet/options.ts';
import type { ProgramEnd } from '@vfleet/kube-sim/kubelet/options.ts';
import type { Rig } from '../kubelet/harness.ts';
import { rig } from '../kubelet/harness.ts';

const key = { namespace: 'default', name: 'sums' };
const INDEX = 'batch.kubernetes.io/job-completion-index';

/** Each index's next end is taken from its list; the last one stays. */
async function world(ends: (index: number, attempt: number) => ProgramEnd): Promise<Rig & { readonly started: readonly number[] }> {
  const started: number[] = [];
  const attempts = new Map<number, number>();
  const programs = {
    start: ({ environment }: { readonly environment: Readonly<Record<string, string>> }) => {
      const index = Number(environment['JOB_COMPLETION_INDEX']);
      started.push(index);
      attempts.set(index, (attempts.get(index) ?? 0) + 1);
      return Promise.resolve(ends(index, attempts.get(index)!));
    },
  };
  return { ...(await rig([{ name: 'a', programs }])), started };
}

const job = (spec: Partial<NonNullable<Job['spec']>>): Job => ({
  apiVersion: 'batch/v1', kind: 'Job', metadata: key,
  spec: { completionMode: 'Indexed', completions: 5, parallelism: 2, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'sums:1' }] } }, ...spec },
});
const statusOf = async ({ cluster }: Rig) => (await cluster.kube.get(jobs, key)).status!;
const podsOf = async ({ cluster }: Rig): Promise<readonly Pod[]> => (await cluster.kube.list(pods)).items;
const conditions = async (one: Rig) => (await statusOf(one)).conditions?.map(({ type, reason }) => `${type}: ${reason}`);

describe('an indexed Job', () => {
  it('runs every index once, tells each pod its own, and keeps what it wrote', async () => {
    const one = await world((index) => ({ exitCode: 0, terminationMessage: `sum of ${index}` }));
    await one.cluster.kube.create(jobs, job({}));
    await one.run(10_000);
    expect([...one.started].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(await statusOf(one)).toMatchObject({ succeeded: 5, completedIndexes: '0-4' });
    expect(await conditions(one)).toEqual(['SuccessCriteriaMet: CompletionsReached', 'Complete: CompletionsReached']);
    for (const pod of await podsOf(one)) {
      const index = pod.metadata.annotations![INDEX]!;
      expect(pod.metadata.labels![INDEX]).toBe(index);
      expect(pod.metadata.name).toMatch(new RegExp(`^sums-${index}-[a-z0-9]{5}$`));
      expect(pod.spec!.hostname).toBe(`sums-${index}`);
      expect(pod.status!.containerStatuses![0]!.state!.terminated).toMatchObject({ exitCode: 0, message: `sum of ${index}` });
    }
  });

  it('tries a failed index again after a pause, counted on its successor, while the others go on', async () => {
    const one = await world((index, attempt) => ({ exitCode: index === 1 && attempt <= 2 ? 137 : 0 }));
    await one.cluster.kube.create(jobs, job({ backoffLimitPerIndex: 2 }));
    await one.run(9000);
    expect(await statusOf(one)).toMatchObject({ succeeded: 4, failed: 1, completedIndexes: '0,2-4' });
    await one.run(60_000);
    expect(await statusOf(one)).toMatchObject({ succeeded: 5, failed: 2, failedIndexes: '' });
    expect(await conditions(one)).toEqual(['SuccessCriteriaMet: CompletionsReached', 'Complete: CompletionsReached']);
    const counts = (await podsOf(one)).filter(({ metadata }) => metadata.annotations![INDEX] === '1').map(({ metadata }) => metadata.annotations!['batch.kubernetes.io/job-index-failure-count']);
    expect(counts.toSorted()).toEqual(['0', '1', '2']);
  });

  it('gives an index up by the policy or at its limit, and fails when the rest is done', async () => {
    const one = await world((index) => ({ exitCode: index === 0 ? 1 : index === 3 ? 2 : 0 }));
    await one.cluster.kube.create(jobs, job({ backoffLimitPerIndex: 1, podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [1] } }] } }));
    await one.run(60_000);
    expect(one.started.filter((index) => index === 0)).toHaveLength(1);
    expect(one.started.filter((index) => index === 3)).toHaveLength(2);
    expect(await statusOf(one)).toMatchObject({ succeeded: 3, failed: 3, completedIndexes: '1,2,4', failedIndexes: '0,3' });
    expect(await conditions(one)).toEqual(['FailureTarget: FailedIndexes', 'Failed: FailedIndexes']);
  });

  it('ends with too many failed indexes, and lets none start after that', async () => {
    const one = await world(() => ({ exitCode: 1 }));
    await one.cluster.kube.create(jobs, job({ completions: 10, parallelism: 1, backoffLimitPerIndex: 0, maxFailedIndexes: 2 }));
    await one.run(60_000);
    expect(one.started).toEqual([0, 1, 2]);
    expect(await conditions(one)).toEqual(['FailureTarget: MaxFailedIndexesExceeded', 'Failed: MaxFailedIndexesExceeded']);
  });

  it('fails at once where the policy says so, ignores what it shall ignore', async () => {
    const one = await world((index, attempt) => ({ exitCode: index === 2 ? 42 : attempt === 1 ? 7 : 0 }));
    const rules: NonNullable<NonNullable<Job['spec']>['podFailurePolicy']>['rules'] = [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [7] } }, { action: 'FailJob', onExitCodes: { containerName: 'main', operator: 'NotIn', values: [7] } }];
    await one.cluster.kube.create(jobs, job({ completions: 3, parallelism: 1, backoffLimit: 0, podFailurePolicy: { rules } }));
    await one.run(120_000);
    expect(await statusOf(one)).toMatchObject({ failed: 1, completedIndexes: '0,1' });
    const [target, failed] = (await statusOf(one)).conditions!;
    expect([target?.type, failed?.type, failed?.reason]).toEqual(['FailureTarget', 'Failed', 'PodFailurePolicy']);
    expect(failed?.message).toMatch(/^Container main for pod default\/sums-2-[a-z0-9]{5} failed with exit code 42 matching FailJob rule at index 1$/);
  });

  it('is content with the indexes that its success policy asks for, and stops the others', async () => {
    const programs = { start: ({ environment }: { readonly environment: Readonly<Record<string, string>> }) => (environment['JOB_COMPLETION_INDEX'] === '0' ? Promise.resolve({ exitCode: 0 }) : new Promise<ProgramEnd>(() => undefined)) };
    const one = await rig([{ name: 'a', programs }], { timing: { ...instantTiming, containerStopMs: 2000 } });
    await one.cluster.kube.create(jobs, job({ parallelism: 5, successPolicy: { rules: [{ succeededIndexes: '0' }] } }));
    await one.run(1500);
    // The last word waits for the pods that are being stopped.
    expect((await statusOf(one)).terminating).toBeGreaterThan(0);
    expect(await conditions(one)).toEqual(['SuccessCriteriaMet: SuccessPolicy']);
    await one.run(60_000);
    expect(await conditions(one)).toEqual(['SuccessCriteriaMet: SuccessPolicy', 'Complete: SuccessPolicy']);
    expect(await statusOf(one)).toMatchObject({ succeeded: 1, completedIndexes: '0', terminating: 0 });
  });

  it('remembers finished indexes when their pods are deleted, and starts a deleted running one again', async () => {
    const programs = { start: ({ environment }: { readonly environment: Readonly<Record<string, string>> }) => (environment['JOB_COMPLETION_INDEX'] === '0' ? Promise.resolve({ exitCode: 0 }) : new Promise<ProgramEnd>(() => undefined)) };
    const one = await rig([{ name: 'a', programs }]);
    await one.cluster.kube.create(jobs, job({ completions: 2 }));
    await one.run(3000);
    const before = await podsOf(one);
    for (const pod of before) await one.cluster.kube.delete(pods, { namespace: 'default', name: pod.metadata.name });
    await one.run(30_000);
    expect(await statusOf(one)).toMatchObject({ completedIndexes: '0', succeeded: 1, active: 1 });
    expect((await podsOf(one)).map(({ metadata }) => metadata.annotations![INDEX])).toEqual(['1']);
  });

  it('keeps only the last 4,096 bytes of a termination message', async () => {
    const one = await world(() => ({ exitCode: 0, terminationMessage: `begin${'x'.repeat(5000)}end` }));
    await one.cluster.kube.create(jobs, job({ completions: 1 }));
    await one.run(3000);
    const { message } = (await podsOf(one))[0]!.status!.containerStatuses![0]!.state!.terminated!;
    expect([message?.length, message?.startsWith('x'), message?.endsWith('end')]).toEqual([4096, true, true]);
  });
});

describe('index sets', () => {
  it('are written as the Job controller writes them', () => {
    expect(formatIndexes(new Set([7, 0, 2, 3, 4, 9, 10]))).toBe('0,2-4,7,9,10');
    expect(formatIndexes(new Set())).toBe('');
  });

  it('come back as they were written', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.nat(200)), (numbers) => {
      expect([...parseIndexes(formatIndexes(new Set(numbers)), 201)].sort((a, b) => a - b)).toEqual(numbers.toSorted((a, b) => a - b));
    }));
  });

  it('take nothing from broken text, and no index beyond the last', () => {
    expect([...parseIndexes('x,3-,1-2,-4,5-4,9-99999999999,8-4000000000', 10)]).toEqual([1, 2, 8, 9]);
  });
});
