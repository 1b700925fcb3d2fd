import type { RunOptions, RunReport } from '../run/run-scenario.ts';
import { runScenario } from '../run/run-scenario.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { addMarks } from '../engine/marks.ts';
import { shrink } from './shrink.ts';
import type { ShrinkProgress } from './shrink.ts';
import type { FaultPlan } from '../faults/chance.ts';
import { References } from './references.ts';
import { drawPlan } from './swarm.ts';
import type { Replay } from './replay.ts';

/** How a seed is run. References are shared by those who run many; by default they are made for this run alone. */
export type SeedOptions = Omit<RunOptions, 'plan' | 'reference'> & { readonly references?: References };

/** One seed: one complete run with one drawn fault plan, compared with the run without faults. */
export function runSeed(scenario: Scenario, seed: string, options: SeedOptions = {}): Promise<RunReport> {
  return compared(scenario, seed, drawPlan(scenario, seed), options);
}

/** A replay, run: only its faults strike. */
export function runReplay(scenario: Scenario, replay: Replay, options: SeedOptions = {}): Promise<RunReport> {
  return compared(scenario, replay.seed, { rates: {}, only: replay.faults }, options);
}

async function compared(scenario: Scenario, seed: string, plan: FaultPlan, { references = new References(), ...options }: SeedOptions): Promise<RunReport> {
  const reference = await references.of(scenario);
  return runScenario(scenario, seed, { ...options, plan, ...(reference === undefined ? {} : { reference }) });
}

/** Whether a run shows what a replay is about. */
export function stillFails(report: RunReport, replay: Replay): boolean {
  return report.violations.some(({ oracle }) => oracle === replay.oracle);
}

/** The replay with no fault that it does not need. */
export async function shrinkReplay(scenario: Scenario, replay: Replay, options: SeedOptions & { readonly onProgress?: (progress: ShrinkProgress) => void; readonly runsMax?: number } = {}): Promise<Replay> {
  const { onProgress, runsMax, ...rest } = options;
  const run = { references: new References(), ...rest };
  const fails = async (faults: readonly string[]) => stillFails(await runReplay(scenario, { ...replay, faults }, run), replay);
  const faults = await shrink(replay.faults, fails, { ...(onProgress === undefined ? {} : { onProgress }), ...(runsMax === undefined ? {} : { runsMax }) });
  const report = await runReplay(scenario, { ...replay, faults }, run);
  return { ...replay, faults, says: report.violations.find(({ oracle }) => oracle === replay.oracle)?.says ?? replay.says };
}

/** What many runs were like together. */
export interface SearchSummary {
  seeds: number;
  virtualMs: number;
  wallMs: number;
  readonly marks: Record<string, number>;
  /** Failing runs, without their traces. */
  readonly failures: { readonly scenario: string; readonly seed: string; readonly oracle: string; readonly says: string; readonly atMs: number; readonly faults: readonly string[]; replayFile?: string }[];
}

export function newSummary(): SearchSummary {
  return { seeds: 0, virtualMs: 0, wallMs: 0, marks: {}, failures: [] };
}

/** Counts one run. */
export function addRun(summary: SearchSummary, report: RunReport): void {
  summary.seeds++;
  summary.virtualMs += report.virtualMs;
  summary.wallMs += report.wallMs;
  addMarks(summary.marks, report.marks);
  const [first] = report.violations;
  if (first !== undefined) summary.failures.push({ scenario: report.scenario, seed: report.seed, oracle: first.oracle, says: first.says, atMs: first.atMs, faults: report.faultsFired });
}

/** A JUnit report: one test case for each scenario that was searched. */
export function junitReport(summary: SearchSummary, scenarios: readonly string[]): string {
  const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
  const cases = scenarios.map((name) => {
    const failed = summary.failures.filter(({ scenario }) => scenario === name);
    const failures = failed.map(({ seed, oracle, says }) => `    <failure message="${escape(`seed ${seed}: ${oracle}`)}">${escape(says)}</failure>`);
    return failed.length === 0 ? `  <testcase classname="vfleet.sim" name="${escape(name)}"/>` : [`  <testcase classname="vfleet.sim" name="${escape(name)}">`, ...failures, '  </testcase>'].join('\n');
  });
  return ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuite name="vfleet sim search" tests="${scenarios.length}" failures="${new Set(summary.failures.map(({ scenario }) => scenario)).size}" time="${(summary.wallMs / 1000).toFixed(3)}">`, ...cases, '</testsuite>', ''].join('\n');
}
