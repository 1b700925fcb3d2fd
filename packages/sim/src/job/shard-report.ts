import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import { isFaultName } from '../faults/catalog.ts';
import type { SearchSummary } from '../search/search.ts';
import { isCount } from './job-search.ts';
import type { SeedRange } from './job-search.ts';

export const SHARD_REPORT_VERSION = 1;

/**
 * Bytes that a kubelet keeps of a termination message. It keeps the end of a longer one (kubernetes pkg/kubelet/container,
 * MaxContainerTerminationMessageLength, and tail.ReadAtMost), which would leave half a document: a report never exceeds it.
 */
export const SHARD_REPORT_BYTES_MAX = 4096;

/** Longest property text that is kept. */
const SAYS_MAX = 200;
const RECORDS_MAX = 10_000;

/** A seed that broke a property. */
export interface FailingSeed {
  readonly scenario: string;
  readonly seed: string;
  readonly oracle: string;
  /** What the oracle said; left out where there was no room. */
  readonly says?: string;
}

/** What one part of a search leaves behind. */
export interface ShardReport {
  readonly version: typeof SHARD_REPORT_VERSION;
  /** Version of the program that searched. */
  readonly program: string;
  readonly scenario: string;
  readonly range: SeedRange;
  /** Runs that were made, and runs that the range asks for: one for each seed and scenario. */
  readonly runs: number;
  readonly runsWanted: number;
  readonly virtualMs: number;
  /** Added over the workers. */
  readonly wallMs: number;
  readonly marks: Readonly<Record<string, number>>;
  readonly failures: readonly FailingSeed[];
  /** Failing seeds and marks that had no room here. The program's own output has them all. */
  readonly failuresLeftOut: number;
  readonly marksLeftOut: number;
}

export function shardReport(summary: SearchSummary, about: Pick<ShardReport, 'program' | 'scenario' | 'range' | 'runsWanted'>): ShardReport {
  return {
    version: SHARD_REPORT_VERSION, ...about, runs: summary.seeds, virtualMs: Math.round(summary.virtualMs), wallMs: Math.round(summary.wallMs), marks: { ...summary.marks },
    failures: summary.failures.map(({ scenario, seed, oracle, says }) => ({ scenario, seed, oracle, says: says.slice(0, SAYS_MAX) })),
    failuresLeftOut: 0, marksLeftOut: 0,
  };
}

/** The report as text that fits. What matters least goes first: marks that are no faults, what oracles said, then failing seeds from the last. */
export function encodeShardReport(report: ShardReport, bytesMax = SHARD_REPORT_BYTES_MAX): string {
  let fitted = report;
  const fits = () => Buffer.byteLength(JSON.stringify(fitted)) <= bytesMax;
  if (!fits()) fitted = withMarks(fitted, ([name]) => isFaultName(name));
  if (!fits()) fitted = { ...fitted, failures: fitted.failures.map(({ says, ...failure }, at) => (at === 0 && says !== undefined ? { ...failure, says } : failure)) };
  while (!fits() && fitted.failures.length > 1) {
    const kept = Math.ceil(fitted.failures.length / 2);
    fitted = { ...fitted, failures: fitted.failures.slice(0, kept), failuresLeftOut: fitted.failuresLeftOut + fitted.failures.length - kept };
  }
  if (!fits()) fitted = withMarks(fitted, () => false);
  if (!fits()) fitted = { ...fitted, failures: [], failuresLeftOut: fitted.failuresLeftOut + fitted.failures.length };
  return JSON.stringify(fitted);
}

function withMarks(report: ShardReport, keep: (entry: readonly [string, number]) => boolean): ShardReport {
  const entries = Object.entries(report.marks);
  const kept = entries.filter(keep);
  return { ...report, marks: Object.fromEntries(kept), marksLeftOut: report.marksLeftOut + entries.length - kept.length };
}

/** Reads a report; the error says in a few words why it is none. */
export function parseShardReport(text: string): Result<ShardReport, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail(text.trim() === '' ? 'it left no report' : 'what it left is no report');
  }
  if (!isMap(value)) return fail('what it left is no report');
  if (value['version'] !== SHARD_REPORT_VERSION) return fail(`its report is of version ${JSON.stringify(value['version'])?.slice(0, 40)}, this program reads version ${SHARD_REPORT_VERSION}`);
  const range = value['range'];
  const isSound = isMap(range) && isCount(range['from'], 0) && isCount(range['seeds'], 0) && isText(value['program']) && isText(value['scenario'])
    && ['runs', 'runsWanted', 'failuresLeftOut', 'marksLeftOut'].every((name) => isCount(value[name], 0))
    && ['virtualMs', 'wallMs'].every((name) => Number.isFinite(value[name]) && Number(value[name]) >= 0)
    && areMarks(value['marks']) && areFailures(value['failures']);
  // Every field has just been looked at.
  return isSound ? ok(value as unknown as ShardReport) : fail('its report is damaged');
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 1000;
}

function areMarks(value: unknown): boolean {
  return isMap(value) && Object.keys(value).length <= RECORDS_MAX && Object.entries(value).every(([name, count]) => isText(name) && !(name in Object.prototype) && isCount(count, 0));
}

function areFailures(value: unknown): boolean {
  return Array.isArray(value) && value.length <= RECORDS_MAX && value.every((one: unknown) =>
    isMap(one) && isText(one['scenario']) && isText(one['seed']) && isText(one['oracle']) && (one['says'] === undefined || isText(one['says'])));
}
