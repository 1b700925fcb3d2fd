import type { Clock } from '@vfleet/core';
import { parseRfc3339, rfc3339 } from '@vfleet/core';
import type { Informer, Job, Pod } from '@vfleet/kube';
import { Controller, controllerOf, exponentialMs, jobs, objectKey, objectKeyText } from '@vfleet/kube';
import { isReady } from '../../pods/state.ts';
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

interface Verdict {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

/**
 * Runs pods until enough have succeeded (kubernetes pkg/controller/job): completions, parallelism, backoffLimit, deadline, suspension and
 * time to live. Indexed completion, pod failure policies and finalizer tracking are left out: of a pod that somebody deletes after
 * it ended, only what was counted before is known.
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

    const pods = this.#control.podsOf(job);
    const active = pods.filter(isActive);
    const succeeded = Math.max(job.status?.succeeded ?? 0, pods.filter(({ status }) => status?.phase === 'Succeeded').length);
    const failed = Math.max(job.status?.failed ?? 0, pods.filter(({ status }) => status?.phase === 'Failed').length);
    const isSuspended = job.spec?.suspend === true;
    const startTime = isSuspended ? undefined : String(job.status?.startTime ?? rfc3339(this.#options.clock.now()));
    const verdict = this.#verdict(job, { succeeded, failed, active: active.length, startTime });
    const againMs = verdict !== undefined || isSuspended ? (await this.#stopAll(job, active), undefined) : await this.#keepRunning(job, pods, active, succeeded);
    await this.#writeStatus(job, { succeeded, failed, active: verdict !== undefined || isSuspended ? [] : this.#control.podsOf(job).filter(isActive), startTime, verdict, isSuspended });
    const deadlineMs = verdict === undefined ? this.#deadlineMs(job, startTime) : undefined;
    const next = Math.min(againMs ?? Number.POSITIVE_INFINITY, deadlineMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(next) ? { requeueAfterMs: Math.max(1, next - this.#options.clock.now()) } : undefined;
  }

  #verdict(job: Job, { succeeded, failed, active, startTime }: { readonly succeeded: number; readonly failed: number; readonly active: number; readonly startTime: string | undefined }): Verdict | undefined {
    const { completions, backoffLimit = BACKOFF_LIMIT } = job.spec ?? {};
    const restarts = this.#control.podsOf(job).filter(isActive).reduce((sum, pod) => sum + restartsOf(pod), 0);
    const failures = job.spec?.template?.spec?.restartPolicy === 'OnFailure' ? failed + restarts : failed;
    if (failures > backoffLimit) return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
    const deadlineMs = this.#deadlineMs(job, startTime);
    if (deadlineMs !== undefined && this.#options.clock.now() >= deadlineMs) return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
    // Without completions one success ends it, once the others have ended too (a work queue).
    const enough = completions === undefined ? succeeded > 0 && active === 0 : succeeded >= completions;
    return enough ? { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
  }

  #deadlineMs(job: Job, startTime: string | undefined): number | undefined {
    const seconds = job.spec?.activeDeadlineSeconds;
    const startMs = startTime === undefined ? undefined : parseRfc3339(startTime);
    return seconds === undefined || startMs === undefined ? undefined : startMs + seconds * 1000;
  }

  /** Answers when to look again because a failed pod's successor has to wait. */
  async #keepRunning(job: Job, pods: readonly Pod[], active: readonly Pod[], succeeded: number): Promise<number | undefined> {
    const { completions, parallelism = 1, template } = job.spec!;
    const wanted = completions === undefined ? (succeeded > 0 ? active.length : parallelism) : Math.min(parallelism, completions - succeeded);
    for (const pod of active.toSorted(compareByLoss).slice(0, Math.max(0, active.length - wanted))) await this.#control.delete(job, pod);
    const missing = wanted - active.length;
    if (missing <= 0) return undefined;
    const notBeforeMs = this.#backoffUntilMs(pods);
    if (notBeforeMs > this.#options.clock.now()) return notBeforeMs;
    for (let count = 0; count < missing; count++) await this.#control.create(job, template as PodTemplate, { labels: labelsOf(job) });
    return undefined;
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

  async #writeStatus(job: Job, now: { readonly succeeded: number; readonly failed: number; readonly active: readonly Pod[]; readonly startTime: string | undefined; readonly verdict: Verdict | undefined; readonly isSuspended: boolean }): Promise<void> {
    const conditions = this.#conditions(job, now.verdict, now.isSuspended);
    const time = rfc3339(this.#options.clock.now());
    const status: Status = {
      ...(now.startTime !== undefined && { startTime: now.startTime }),
      ...(now.active.length > 0 && { active: now.active.length }),
      ready: now.active.filter(isReady).length,
      terminating: 0,
      ...(now.succeeded > 0 && { succeeded: now.succeeded }),
      ...(now.failed > 0 && { failed: now.failed }),
      ...(now.verdict?.type === 'Complete' && { completionTime: time }),
      ...(conditions.length > 0 && { conditions: [...conditions] }),
    };
    if (JSON.stringify(sortedStatus(job.status)) === JSON.stringify(sortedStatus(status))) return;
    await this.#options.kube.update(jobs, { ...job, status }, { subresource: 'status' });
    if (now.verdict?.type === 'Complete') this.#options.recorder.record('Normal', job, 'Completed', 'Job completed');
    else if (now.verdict !== undefined) this.#options.recorder.record('Warning', job, now.verdict.reason, now.verdict.message);
  }

  #conditions(job: Job, verdict: Verdict | undefined, isSuspended: boolean): readonly Condition[] {
    const time = rfc3339(this.#options.clock.now());
    const before = job.status?.conditions ?? [];
    if (verdict !== undefined) {
      const first = verdict.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
      return [...before, ...[first, verdict.type].map((type): Condition => ({ type, status: 'True', reason: verdict.reason, message: verdict.message, lastProbeTime: time, lastTransitionTime: time }))];
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
