import type { Clock } from '@vfleet/core';
import { parseRfc3339, rfc3339 } from '@vfleet/core';
import type { Informer, Job, Pod } from '@vfleet/kube';
import { Controller, controllerOf, exponentialMs, jobs, objectKey, objectKeyText } from '@vfleet/kube';
import { isReady, isTerminal } from '../../pods/state.ts';
import { formatIndexes } from './index-set.ts';
import { hasLimitPerIndex, indexCounts, isIndexed, nextIndexes, podOfIndex, superfluousPods, total } from './job-indexes.ts';
import type { IndexCounts, NextIndex } from './job-indexes.ts';
import { failureDecision, successMatch } from './job-policies.ts';
import type { PodTemplate, WorkloadPorts } from './pod-control.ts';
import { PodControl } from './pod-control.ts';
import { compareByLoss, isActive } from './pod-readiness.ts';
import { unlessGone } from '../unless-gone.ts';

export interface JobControllerOptions extends WorkloadPorts {
  readonly clock: Clock;
  readonly jobs: Informer<Job>;
  readonly onBug?: (error: unknown, key: string) => void;
}

type Status = NonNullable<Job['status']>;
type Condition = NonNullable<Status['conditions']>[number];

const BACKOFF_LIMIT = 6;
/** Between a failed pod and its successor (job_controller.go, DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff). */
const FAILURE_BACKOFF = { initialMs: 10_000, maxMs: 600_000 };

/** Conditions that come before the terminal ones (batch/v1, JobSuccessCriteriaMet, JobFailureTarget). */
const INTERIM = { Complete: 'SuccessCriteriaMet', Failed: 'FailureTarget' } as const;

interface Verdict {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

/** What one look at a Job and its pods finds. */
interface Tally {
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  /** On their way out, their processes perhaps still running. */
  readonly terminating: readonly Pod[];
  readonly succeeded: number;
  readonly failed: number;
  /** Of indexed Jobs. */
  readonly indexes: IndexCounts | undefined;
}

/**
 * Runs pods until enough have succeeded (kubernetes pkg/controller/job): completions by number or by index, parallelism, limits of failures
 * for the Job and for each index, pod failure and success policies, deadline, suspension and time to live. Finalizer tracking is left
 * out: of a pod that somebody deletes after it ended, only what was counted before is known.
 */
export class JobController {
  readonly #options: JobControllerOptions;
  readonly #control: PodControl;
  readonly #controller: Controller;

  constructor(options: JobControllerOptions) {
    this.#options = options;
    this.#control = new PodControl(options);
    this.#controller = new Controller(options, { name: 'job', workers: 5, reconcile: (key) => unlessGone(this.#reconcile(key)), ...(options.onBug !== undefined && { onBug: options.onBug }) });
  }

  start(): void {
    const look = (job: Job) => this.#controller.queue.add(objectKeyText(job));
    this.#options.jobs.subscribe({ added: look, updated: (_, job) => look(job) });
    const lookAtOwner = (pod: Pod) => {
      const owner = controllerOf(pod);
      if (owner?.kind === 'Job') this.#controller.queue.add(`${pod.metadata.namespace}/${owner.name}`);
    };
    this.#options.pods.subscribe({ added: lookAtOwner, updated: (_, pod) => lookAtOwner(pod), deleted: lookAtOwner });
    this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  async #reconcile(key: string): Promise<void | { readonly requeueAfterMs: number }> {
    const job = this.#options.jobs.get(key);
    if (job === undefined || job.metadata.deletionTimestamp !== undefined || this.#control.isBehind(job)) return undefined;
    const finished = finishedAtMs(job);
    if (finished !== undefined) return this.#expire(job, finished);

    const tally = tallyOf(job, this.#control.podsOf(job));
    const isSuspended = job.spec?.suspend === true;
    const startTime = isSuspended ? undefined : String(job.status?.startTime ?? rfc3339(this.#options.clock.now()));
    const verdict = decidedBefore(job) ?? this.#verdict(job, tally, startTime);
    const isStopping = verdict !== undefined || isSuspended;
    const againMs = isStopping ? (await this.#stopAll(job, tally.active), undefined) : await this.#keepRunning(job, tally);
    await this.#writeStatus(job, { ...tally, active: isStopping ? [] : this.#control.podsOf(job).filter(isActive), terminating: isStopping ? [...tally.terminating, ...tally.active] : tally.terminating }, { startTime, verdict, isSuspended });
    const deadlineMs = verdict === undefined ? this.#deadlineMs(job, startTime) : undefined;
    const next = Math.min(againMs ?? Number.POSITIVE_INFINITY, deadlineMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(next) ? { requeueAfterMs: Math.max(1, next - this.#options.clock.now()) } : undefined;
  }

  #verdict(job: Job, { pods, active, succeeded, failed, indexes }: Tally, startTime: string | undefined): Verdict | undefined {
    const { completions, backoffLimit = BACKOFF_LIMIT } = job.spec ?? {};
    const jobFailure = pods.filter(({ status }) => status?.phase === 'Failed').map((pod) => failureDecision(job.spec!, pod)).find((decision) => decision?.action === 'FailJob');
    if (jobFailure !== undefined) return { type: 'Failed', reason: 'PodFailurePolicy', message: jobFailure.message };
    const restarts = active.reduce((sum, pod) => sum + restartsOf(pod), 0);
    const failures = job.spec?.template?.spec?.restartPolicy === 'OnFailure' ? failed + restarts : failed;
    if (failures > backoffLimit) return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
    const deadlineMs = this.#deadlineMs(job, startTime);
    if (deadlineMs !== undefined && this.#options.clock.now() >= deadlineMs) return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
    const byIndexes = indexes === undefined ? undefined : verdictOfIndexes(job, indexes);
    if (byIndexes !== undefined) return byIndexes;
    // Without completions one success ends it, once the others have ended too (a work queue).
    const enough = completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions;
    return enough ? { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
  }

  #deadlineMs(job: Job, startTime: string | undefined): number | undefined {
    const seconds = job.spec?.activeDeadlineSeconds;
    const startMs = startTime === undefined ? undefined : parseRfc3339(startTime);
    return seconds === undefined || startMs === undefined ? undefined : startMs + seconds * 1000;
  }

  /** Answers when to look again because a failed pod's successor has to wait. */
  async #keepRunning(job: Job, tally: Tally): Promise<number | undefined> {
    const { completions, parallelism = 1, template, podReplacementPolicy } = job.spec!;
    const { active, terminating, succeeded } = tally;
    const wanted = completions === undefined ? (succeeded > 0 ? active.length : parallelism) : Math.min(parallelism, completions - succeeded);
    const superfluous = tally.indexes === undefined ? [] : superfluousPods(job, active);
    const others = active.filter((pod) => !superfluous.includes(pod)).toSorted(compareByLoss);
    for (const pod of [...superfluous, ...others.slice(0, Math.max(0, others.length - wanted))]) await this.#control.delete(job, pod);
    // With the policy Failed a pod is replaced when it has ended, not when it begins to.
    const leaving = podReplacementPolicy === 'Failed' ? terminating : [];
    const missing = wanted - others.length - leaving.length;
    if (missing <= 0) return undefined;
    if (tally.indexes !== undefined) return this.#startIndexes(job, tally, nextIndexes(job, tally.pods, [...others, ...leaving], tally.indexes, missing));
    const notBeforeMs = this.#backoffUntilMs(tally.pods);
    if (notBeforeMs > this.#options.clock.now()) return notBeforeMs;
    for (let count = 0; count < missing; count++) await this.#control.create(job, template as PodTemplate, { labels: labelsOf(job) });
    return undefined;
  }

  async #startIndexes(job: Job, { pods }: Tally, next: readonly NextIndex[]): Promise<number | undefined> {
    const template = job.spec!.template as PodTemplate;
    const jobBackoffMs = hasLimitPerIndex(job) ? 0 : this.#backoffUntilMs(pods);
    let againMs: number | undefined;
    for (const one of next) {
      const ownMs = one.lastFailure === undefined || one.failures === undefined ? 0 : endedAtMs(one.lastFailure) + exponentialMs(FAILURE_BACKOFF, total(one.failures));
      const notBeforeMs = Math.max(jobBackoffMs, ownMs);
      if (notBeforeMs > this.#options.clock.now()) {
        againMs = Math.min(againMs ?? notBeforeMs, notBeforeMs);
        continue;
      }
      const pod = podOfIndex(job, template, one);
      await this.#control.create(job, template, { ...pod, labels: { ...labelsOf(job), ...pod.labels } });
    }
    return againMs;
  }

  #backoffUntilMs(pods: readonly Pod[]): number {
    const failures = pods.filter(({ status }) => status?.phase === 'Failed');
    if (failures.length === 0) return 0;
    const last = Math.max(...failures.map(endedAtMs));
    return last + exponentialMs(FAILURE_BACKOFF, failures.length);
  }

  async #stopAll(job: Job, active: readonly Pod[]): Promise<void> {
    for (const pod of active) await this.#control.delete(job, pod);
  }

  async #writeStatus(job: Job, tally: Tally, now: { readonly startTime: string | undefined; readonly verdict: Verdict | undefined; readonly isSuspended: boolean }): Promise<void> {
    // The last word is said when no pod is left that could contradict it; until then the interim condition tells what it will be.
    const isOver = now.verdict !== undefined && tally.active.length === 0 && tally.terminating.length === 0;
    const conditions = this.#conditions(job, now.verdict, isOver, now.isSuspended);
    const time = rfc3339(this.#options.clock.now());
    const status: Status = {
      ...(now.startTime !== undefined && { startTime: now.startTime }),
      ...(tally.active.length > 0 && { active: tally.active.length }),
      ready: tally.active.filter(isReady).length,
      terminating: tally.terminating.length,
      ...(tally.succeeded > 0 && { succeeded: tally.succeeded }),
      ...(tally.failed > 0 && { failed: tally.failed }),
      ...(tally.indexes !== undefined && tally.indexes.succeeded.size > 0 && { completedIndexes: formatIndexes(tally.indexes.succeeded) }),
      ...(tally.indexes?.failed !== undefined && { failedIndexes: formatIndexes(tally.indexes.failed) }),
      ...(isOver && now.verdict?.type === 'Complete' && { completionTime: time }),
      ...(conditions.length > 0 && { conditions: [...conditions] }),
    };
    if (JSON.stringify(sortedStatus(job.status)) === JSON.stringify(sortedStatus(status))) return;
    await this.#options.kube.update(jobs, { ...job, status }, { subresource: 'status' });
    if (!isOver) return;
    if (now.verdict?.type === 'Complete') this.#options.recorder.record('Normal', job, 'Completed', 'Job completed');
    else if (now.verdict !== undefined) this.#options.recorder.record('Warning', job, now.verdict.reason, now.verdict.message);
  }

  #conditions(job: Job, verdict: Verdict | undefined, isOver: boolean, isSuspended: boolean): readonly Condition[] {
    const time = rfc3339(this.#options.clock.now());
    const before = job.status?.conditions ?? [];
    if (verdict !== undefined) {
      const types = [INTERIM[verdict.type], ...(isOver ? [verdict.type] : [])].filter((type) => before.every((condition) => condition.type !== type || condition.status !== 'True'));
      return [...before, ...types.map((type): Condition => ({ type, status: 'True', reason: verdict.reason, message: verdict.message, lastProbeTime: time, lastTransitionTime: time }))];
    }
    const suspended = before.find(({ type }) => type === 'Suspended');
    if (suspended === undefined && !isSuspended) return before;
    if (suspended?.status === (isSuspended ? 'True' : 'False')) return before;
    const said = isSuspended ? { status: 'True', reason: 'JobSuspended', message: 'Job suspended' } : { status: 'False', reason: 'JobResumed', message: 'Job resumed' };
    return [...before.filter(({ type }) => type !== 'Suspended'), { type: 'Suspended', ...said, lastProbeTime: time, lastTransitionTime: time }];
  }

  /** Finished jobs with a time to live go when it is over (ttlafterfinished). */
  async #expire(job: Job, finishedMs: number): Promise<void | { readonly requeueAfterMs: number }> {
    const seconds = job.spec?.ttlSecondsAfterFinished;
    if (seconds === undefined) return undefined;
    const leftMs = finishedMs + seconds * 1000 - this.#options.clock.now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    await this.#options.kube.delete(jobs, objectKey(job), { propagationPolicy: 'Foreground', preconditions: { uid: job.metadata.uid! } });
    return undefined;
  }
}

function tallyOf(job: Job, pods: readonly Pod[]): Tally {
  const indexes = isIndexed(job) ? indexCounts(job, pods) : undefined;
  const failedPods = pods.filter((pod) => pod.status?.phase === 'Failed' && failureDecision(job.spec!, pod)?.action !== 'Ignore');
  return {
    pods,
    active: pods.filter(isActive),
    terminating: pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isTerminal(pod)),
    succeeded: indexes?.succeeded.size ?? Math.max(job.status?.succeeded ?? 0, pods.filter(({ status }) => status?.phase === 'Succeeded').length),
    failed: Math.max(job.status?.failed ?? 0, failedPods.length),
    indexes,
  };
}

function verdictOfIndexes(job: Job, { succeeded, failed }: IndexCounts): Verdict | undefined {
  const { completions = 0, maxFailedIndexes } = job.spec ?? {};
  if (failed !== undefined && maxFailedIndexes !== undefined && failed.size > maxFailedIndexes) {
    return { type: 'Failed', reason: 'MaxFailedIndexesExceeded', message: 'Job has exceeded the specified maximal number of failed indexes' };
  }
  if (failed !== undefined && failed.size > 0 && failed.size + succeeded.size >= completions) return { type: 'Failed', reason: 'FailedIndexes', message: 'Job has failed indexes' };
  const success = successMatch(job.spec!, succeeded);
  return success === undefined ? undefined : { type: 'Complete', reason: 'SuccessPolicy', message: success };
}

/** What was decided while pods still had to end: it stays. */
function decidedBefore(job: Job): Verdict | undefined {
  for (const type of ['Failed', 'Complete'] as const) {
    const said = job.status?.conditions?.find((condition) => condition.type === INTERIM[type] && condition.status === 'True');
    if (said !== undefined) return { type, reason: said.reason ?? '', message: said.message ?? '' };
  }
  return undefined;
}

function labelsOf({ metadata: { name, uid } }: Job): Record<string, string> {
  return { 'batch.kubernetes.io/controller-uid': uid!, 'batch.kubernetes.io/job-name': name, 'controller-uid': uid!, 'job-name': name };
}

function finishedAtMs(job: Job): number | undefined {
  const condition = job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
  return condition === undefined ? undefined : (parseRfc3339(String(condition.lastTransitionTime)) ?? 0);
}

function endedAtMs(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(({ state }) => parseRfc3339(String(state?.terminated?.finishedAt)) ?? 0);
  return Math.max(0, ...ends);
}

function restartsOf(pod: Pod): number {
  return (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
}

function sortedStatus(status: Status | undefined): readonly (readonly [string, unknown])[] {
  return Object.entries(status ?? {}).filter(([, value]) => value !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
}
