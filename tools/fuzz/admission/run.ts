import { fuzzReview } from './reviews.ts';
import { startFleet } from './fleet.ts';

export interface AdmissionFuzzReport {
  cases: number;
  /** How requests for admission ended, and how many writes the API server took. */
  readonly outcomes: Record<string, number>;
  readonly failures: { readonly index: number; readonly what: string }[];
  /** Processor time of the longest case, milliseconds. */
  slowestCpuMs: number;
}

export interface AdmissionFuzzOptions {
  readonly seed: string;
  readonly cases: number;
  readonly onProgress?: (report: AdmissionFuzzReport) => void;
  readonly progressEvery?: number;
}

/** After so many cases the operator is let come to rest. */
const ROUND = 200;
/** A case that takes more of the processor has no bound that anybody would notice. */
const CASE_CPU_MS_MAX = 5_000;
const FAILURES_MAX = 20;

/** Objects written to a fleet that an operator looks after, and requests for admission that are judged by what is written: four of the latter to one. */
export async function fuzzAdmission({ seed, cases, onProgress, progressEvery = cases }: AdmissionFuzzOptions): Promise<AdmissionFuzzReport> {
  const report: AdmissionFuzzReport = { cases: 0, outcomes: {}, failures: [], slowestCpuMs: 0 };
  const count = (outcome: string) => void (report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + 1);
  const failed = (index: number, what: string) => void (report.failures.length < FAILURES_MAX && report.failures.push({ index, what }));
  const fleet = await startFleet(seed);
  for (let index = 0; index < cases; index++) {
    const before = process.cpuUsage();
    try {
      if (index % 5 === 0) count((await fleet.disturb(seed, index)) ? 'written' : 'refused by the API server');
      else {
        const { outcome, failure } = await fuzzReview(fleet.admission, seed, index);
        count(outcome);
        if (failure !== undefined) failed(index, failure);
      }
      if (index % ROUND === ROUND - 1) for (const write of new Set(await fleet.rest())) failed(index, `the operator does not come to rest: ${write}`);
    } catch (error) {
      failed(index, error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    for (const bug of fleet.bugs.splice(0)) failed(index, `the operator: ${bug}`);
    const { user, system } = process.cpuUsage(before);
    const cpuMs = (user + system) / 1000;
    report.slowestCpuMs = Math.max(report.slowestCpuMs, cpuMs);
    if (cpuMs > CASE_CPU_MS_MAX) failed(index, `took ${Math.round(cpuMs)} ms of the processor`);
    report.cases = index + 1;
    report.outcomes['written by the operator'] = fleet.written;
    if (report.cases % progressEvery === 0) onProgress?.(report);
  }
  return report;
}
