import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { Job, Pod } from '@vfleet/kube';
import { parseIndexes } from '@vfleet/kube-sim/controllers/workloads/index-set.ts';
import { addMarks } from '../engine/marks.ts';
import { parseJobSearch, SEARCH_ANNOTATION, shardOf } from './job-search.ts';
import type { JobSearch, SeedRange } from './job-search.ts';
import { SEARCH_CONTAINER } from './manifest.ts';
import { parseShardReport } from './shard-report.ts';
import type { FailingSeed, ShardReport } from './shard-report.ts';

const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
/** Failing seeds that a collection names; the others are counted. */
const FAILURES_MAX = 1000;

/**
 * `searched`: its whole range. `partly`: it ended before. `running`, `waiting`: not yet. `failed`: it ended without a report. `lost`: it has
 * ended, and its pod with the report is gone.
 */
export type IndexOutcome = 'searched' | 'partly' | 'running' | 'waiting' | 'failed' | 'lost';

/** One index of the Job. */
export interface CollectedIndex {
  readonly index: number;
  readonly range: SeedRange;
  readonly outcome: IndexOutcome;
  readonly runs: number;
  readonly failures: number;
  /** Why it has no or only half a report. */
  readonly says?: string;
  readonly pod?: string;
}

/** The reports of all indexes as one. */
export interface Collection {
  readonly job: string;
  readonly search: JobSearch;
  readonly indexes: readonly CollectedIndex[];
  /** How many indexes came out how. */
  readonly outcomes: Readonly<Record<IndexOutcome, number>>;
  /** Every index has searched its whole range. */
  readonly isComplete: boolean;
  readonly runs: number;
  readonly virtualMs: number;
  /** Added over all workers of all pods. */
  readonly wallMs: number;
  readonly marks: Readonly<Record<string, number>>;
  readonly failures: readonly FailingSeed[];
  readonly failureCount: number;
  /** What a reader has to know before trusting the sum. */
  readonly warnings: readonly string[];
}

/** Sums the reports that a Job's pods left in their termination messages. Each index counts once, however often it was tried. */
export function collect(job: Job, pods: readonly Pod[]): Result<Collection, string> {
  const name = `${job.metadata.namespace}/${job.metadata.name}`;
  const annotation = job.metadata.annotations?.[SEARCH_ANNOTATION];
  if (annotation === undefined) return fail(`Job ${name} is no search: it has no annotation ${SEARCH_ANNOTATION}`);
  const search = parseJobSearch(annotation);
  if (!search.ok) return fail(`annotation ${SEARCH_ANNOTATION} of Job ${name} ${search.error}`);
  if (job.spec?.completions !== search.value.shards) return fail(`Job ${name} has ${job.spec?.completions} indexes, its annotation ${SEARCH_ANNOTATION} says ${search.value.shards}`);
  const byIndex = podsByIndex(job, pods);
  const { completedIndexes = '', failedIndexes = '' } = job.status ?? {};
  const ended = new Set([...parseIndexes(completedIndexes, search.value.shards), ...parseIndexes(failedIndexes, search.value.shards)]);
  const found = Array.from({ length: search.value.shards }, (_, index) => lookAt(job, search.value, index, byIndex.get(index) ?? [], ended.has(index)));
  return ok(sum(name, search.value, found));
}

interface Found extends CollectedIndex {
  readonly report?: ShardReport;
  readonly imageId?: string;
}

function podsByIndex({ metadata: { uid } }: Job, pods: readonly Pod[]): ReadonlyMap<number, readonly Pod[]> {
  const byIndex = new Map<number, Pod[]>();
  for (const pod of pods) {
    // A Job of the same name before this one may have left pods.
    if (pod.metadata.ownerReferences?.some((owner) => owner.uid === uid) !== true) continue;
    const index = pod.metadata.annotations?.[COMPLETION_INDEX] ?? '';
    if (/^\d+$/.test(index)) byIndex.set(Number(index), [...(byIndex.get(Number(index)) ?? []), pod]);
  }
  return byIndex;
}

function lookAt(job: Job, search: JobSearch, index: number, pods: readonly Pod[], hasEnded: boolean): Found {
  const range = shardOf(search, index);
  const attempts = pods.map((pod) => ({ pod, ...readAttempt(pod, search, range) }));
  const reported = attempts.filter((one) => one.report !== undefined).toSorted((a, b) => b.report!.runs - a.report!.runs)[0];
  if (reported !== undefined) {
    const report = reported.report!;
    const isWhole = report.runs >= report.runsWanted;
    return {
      index, range, outcome: isWhole ? 'searched' : 'partly', runs: report.runs, failures: report.failures.length + report.failuresLeftOut, pod: reported.pod.metadata.name, report,
      ...(reported.imageId !== undefined && { imageId: reported.imageId }), ...(!isWhole && { says: `ended after ${report.runs} of ${report.runsWanted} runs` }),
    };
  }
  const nothing = { index, range, runs: 0, failures: 0 };
  const running = pods.find(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending');
  if (running !== undefined) return { ...nothing, outcome: running.status?.phase === 'Running' ? 'running' : 'waiting', pod: running.metadata.name, ...(lastWords(attempts) !== undefined && { says: `tried again after: ${lastWords(attempts)}` }) };
  const isOver = job.status?.conditions?.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True') === true;
  const last = attempts.at(-1);
  if (last !== undefined) return { ...nothing, outcome: hasEnded || isOver ? 'failed' : 'waiting', pod: last.pod.metadata.name, says: lastWords(attempts)! };
  if (hasEnded) return { ...nothing, outcome: 'lost', says: 'its pod is gone, and the report with it' };
  return isOver ? { ...nothing, outcome: 'failed', says: 'the Job ended before it began' } : { ...nothing, outcome: 'waiting' };
}

function readAttempt({ status }: Pod, search: JobSearch, range: SeedRange): { readonly report?: ShardReport; readonly problem?: string; readonly imageId?: string } {
  const container = status?.containerStatuses?.find(({ name }) => name === SEARCH_CONTAINER);
  const ended = container?.state?.terminated;
  if (ended === undefined) return status?.phase === 'Failed' ? { problem: status.message ?? status.reason ?? 'the pod failed before its container ran' } : {};
  const parsed = parseShardReport(ended.message ?? '');
  const how = `${ended.reason ?? 'ended'}, status ${ended.exitCode}`;
  if (!parsed.ok) return { problem: `${how}: ${parsed.error}` };
  const { scenario, range: reported } = parsed.value;
  if (scenario !== search.scenario || reported.from !== range.from || reported.seeds !== range.seeds) {
    return { problem: `${how}: its report is about ${scenario}, ${reported.seeds} seeds from ${reported.from}, not about its own part` };
  }
  return { report: parsed.value, ...(container?.imageID !== undefined && { imageId: container.imageID }) };
}

function lastWords(attempts: readonly { readonly problem?: string }[]): string | undefined {
  return attempts.findLast(({ problem }) => problem !== undefined)?.problem;
}

function sum(job: string, search: JobSearch, found: readonly Found[]): Collection {
  const outcomes: Record<IndexOutcome, number> = { searched: 0, partly: 0, running: 0, waiting: 0, failed: 0, lost: 0 };
  const marks: Record<string, number> = {};
  const failures: FailingSeed[] = [];
  let [runs, virtualMs, wallMs, failureCount] = [0, 0, 0, 0];
  for (const one of found) {
    outcomes[one.outcome]++;
    runs += one.runs;
    failureCount += one.failures;
    virtualMs += one.report?.virtualMs ?? 0;
    wallMs += one.report?.wallMs ?? 0;
    addMarks(marks, one.report?.marks ?? {});
    failures.push(...(one.report?.failures ?? []).slice(0, Math.max(0, FAILURES_MAX - failures.length)));
  }
  return {
    job, search, outcomes, isComplete: outcomes.searched === search.shards, runs, virtualMs, wallMs, marks, failures, failureCount, warnings: warningsOf(found, failureCount - failures.length),
    indexes: found.map(({ report: _, imageId: _id, ...index }) => index),
  };
}

function warningsOf(found: readonly Found[], unnamed: number): readonly string[] {
  const different = (values: readonly (string | undefined)[]) => [...new Set(values.filter((value) => value !== undefined))];
  const programs = different(found.map(({ report }) => report?.program));
  const images = different(found.map(({ imageId }) => imageId));
  const cut = found.filter(({ report }) => (report?.marksLeftOut ?? 0) > 0).length;
  return [
    ...(programs.length > 1 ? [`the parts were searched by different versions: ${programs.join(', ')}`] : []),
    ...(images.length > 1 ? [`the parts were searched by different images: ${images.join(', ')}`] : []),
    ...(cut > 0 ? [`${cut} ${cut === 1 ? 'report' : 'reports'} had no room for all marks: their sums are too low`] : []),
    ...(unnamed > 0 ? [`${unnamed} further failing seeds are counted and not named: the logs of their pods name them`] : []),
  ];
}
