import type { Job, Pod } from '@vfleet/kube';
import { parseIndexes } from './index-set.ts';
import type { IndexSet } from './index-set.ts';
import { failureDecision } from './job-policies.ts';
import type { PodDifference, PodTemplate } from './pod-control.ts';
import { compareByLoss } from './pod-readiness.ts';

/** Annotation and label of a pod (batch/v1, JobCompletionIndexAnnotation). */
const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
/** How often an index has failed before this pod (batch/v1, JobIndexFailureCountAnnotation and its twin for failures that do not count). */
const INDEX_FAILURES = 'batch.kubernetes.io/job-index-failure-count';
const INDEX_IGNORED_FAILURES = 'batch.kubernetes.io/job-index-ignored-failure-count';
const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';
/** Room that the server's random ending leaves in a name (apiserver pkg/storage/names, MaxGeneratedNameLength). */
const GENERATED_NAME_MAX = 58;

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === 'Indexed';
}

export function hasLimitPerIndex(job: Job): boolean {
  return isIndexed(job) && job.spec?.backoffLimitPerIndex !== undefined;
}

/** The index of a Job's pod; undefined when it carries none, or one that the Job does not have. */
export function completionIndexOf(job: Job, pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[COMPLETION_INDEX] ?? '';
  return /^\d{1,10}$/.test(text) && Number(text) < (job.spec?.completions ?? 0) ? Number(text) : undefined;
}

/** Where the indexes of a Job stand (kubernetes pkg/controller/job/indexed_job_utils.go). What was counted before stays counted when its pod is gone. */
export interface IndexCounts {
  readonly succeeded: IndexSet;
  /** Undefined without a limit of failures per index. */
  readonly failed: IndexSet | undefined;
}

export function indexCounts(job: Job, pods: readonly Pod[]): IndexCounts {
  const completions = job.spec?.completions ?? 0;
  const succeeded = new Set(parseIndexes(job.status?.completedIndexes ?? '', completions));
  const failed = hasLimitPerIndex(job) ? new Set(parseIndexes(job.status?.failedIndexes ?? '', completions)) : undefined;
  for (const pod of pods) {
    const index = completionIndexOf(job, pod);
    if (index === undefined) continue;
    if (pod.status?.phase === 'Succeeded') succeeded.add(index);
    else if (pod.status?.phase === 'Failed' && failed !== undefined && hasFailedForGood(job, pod)) failed.add(index);
  }
  return { succeeded, failed };
}

function hasFailedForGood(job: Job, pod: Pod): boolean {
  return failureDecision(job.spec!, pod)?.action === 'FailIndex' || failuresAfter(job, pod).counted > job.spec!.backoffLimitPerIndex!;
}

interface Failures {
  readonly counted: number;
  readonly ignored: number;
}

/** Failures of an index up to and with this failed pod. */
function failuresAfter(job: Job, pod: Pod): Failures {
  const before = (name: string) => Number(/^\d+$/.exec(pod.metadata.annotations?.[name] ?? '')?.[0] ?? 0);
  const isIgnored = failureDecision(job.spec!, pod)?.action === 'Ignore';
  return { counted: before(INDEX_FAILURES) + (isIgnored ? 0 : 1), ignored: before(INDEX_IGNORED_FAILURES) + (isIgnored ? 1 : 0) };
}

/** An index to run next. */
export interface NextIndex {
  readonly index: number;
  /** Of its last failed pod, with a limit per index. */
  readonly failures: Failures | undefined;
  /** When that pod ended: its successor waits, the longer the more have failed. */
  readonly lastFailure: Pod | undefined;
}

/** The lowest indexes that neither run nor are over. `busy` pods hold their index. */
export function nextIndexes(job: Job, pods: readonly Pod[], busy: readonly Pod[], { succeeded, failed }: IndexCounts, count: number): readonly NextIndex[] {
  const taken = new Set([...succeeded, ...(failed ?? []), ...busy.flatMap((pod) => completionIndexOf(job, pod) ?? [])]);
  const last = new Map<number, Pod>();
  if (failed !== undefined) for (const pod of pods) {
    const index = completionIndexOf(job, pod);
    if (index === undefined || pod.status?.phase !== 'Failed') continue;
    const other = last.get(index);
    if (other === undefined || total(failuresAfter(job, pod)) > total(failuresAfter(job, other))) last.set(index, pod);
  }
  const next: NextIndex[] = [];
  for (let index = 0; index < (job.spec?.completions ?? 0) && next.length < count; index++) {
    if (taken.has(index)) continue;
    const pod = last.get(index);
    next.push({ index, lastFailure: pod, failures: pod === undefined ? (failed === undefined ? undefined : { counted: 0, ignored: 0 }) : failuresAfter(job, pod) });
  }
  return next;
}

export function total({ counted, ignored }: Failures): number {
  return counted + ignored;
}

/** Active pods that no index needs: without one, or second of one; the smaller loss goes. */
export function superfluousPods(job: Job, active: readonly Pod[]): readonly Pod[] {
  const best = new Map<number, Pod>();
  for (const pod of active.toSorted(compareByLoss)) {
    const index = completionIndexOf(job, pod);
    if (index !== undefined) best.set(index, pod);
  }
  const kept = new Set(best.values());
  return active.filter((pod) => !kept.has(pod));
}

/** What makes a pod the one of its index: name, hostname, annotations, label and the variable in every container. */
export function podOfIndex(job: Job, template: PodTemplate, { index, failures }: NextIndex): PodDifference {
  const ending = `-${index}-`;
  const { name } = job.metadata;
  const withIndex = <Container extends { readonly env?: readonly { readonly name: string }[] }>(container: Container): Container =>
    container.env?.some((variable) => variable.name === INDEX_VARIABLE) === true ? container : {
      ...container, env: [...(container.env ?? []), { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } } }],
    };
  const { initContainers, containers = [] } = template.spec ?? {};
  return {
    generateName: `${name.slice(0, GENERATED_NAME_MAX - ending.length)}${ending}`,
    labels: { [COMPLETION_INDEX]: `${index}` },
    annotations: {
      [COMPLETION_INDEX]: `${index}`,
      ...(failures !== undefined && { [INDEX_FAILURES]: `${failures.counted}` }),
      ...(failures !== undefined && failures.ignored > 0 && { [INDEX_IGNORED_FAILURES]: `${failures.ignored}` }),
    },
    spec: { hostname: `${name}-${index}`, containers: containers.map(withIndex), ...(initContainers !== undefined && { initContainers: initContainers.map(withIndex) }) },
  };
}
