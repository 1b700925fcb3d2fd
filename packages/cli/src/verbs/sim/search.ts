import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunReport, SearchSummary } from '@vfleet/sim';
import { addRun, catalog, encodeShardReport, faultNames, junitReport, newSummary, parseReplay, replayOf, shardOf, shardReport } from '@vfleet/sim';
import type { CliContext } from '../../context.ts';
import { durationMs } from '../../duration.ts';
import { CliFailure } from '../../failure.ts';
import { renderDocument } from '../../output/document.ts';
import type { Terminal } from '../../output/terminal.ts';
import { VFLEET_VERSION } from '../../version.ts';
import type { SearchVerbOptions } from './command.ts';
import { readDocument, scenarioOf } from './files.ts';

interface Job {
  readonly scenario: string;
  readonly seed: string;
}

const FAILURES_MAX = 20;
const PROGRESS_MS = 1000;
/** Exit status when the search itself broke: 1 would say that a property did not hold. */
const NO_RESULT = 3;

/** `vfleet sim search`: status 1 when some seed failed. */
export async function search(nameOrFile: string, asked: SearchVerbOptions, { terminal, environment }: CliContext): Promise<number> {
  const options = { ...asked, ...partOf(asked, environment) };
  const scenarios = nameOrFile === 'all' ? catalog.filter(({ scale }) => scale !== true).map(({ name }) => name) : [nameOrFile];
  // Found out here, once, and not by every worker.
  const names = scenarios.map((scenario) => scenarioOf(scenario).name);
  const untilMs = options.for === undefined ? Number.POSITIVE_INFINITY : performance.now() + durationMs(options.for);
  const summary = newSummary();
  const startMs = performance.now();
  const jobs = jobsOf(scenarios, names, options, untilMs < Number.POSITIVE_INFINITY);
  const progress = setInterval(() => terminal.err(`${progressLine(summary, startMs)}\n`), PROGRESS_MS);
  try {
    await Promise.all(Array.from({ length: options.workers }, () => work(jobs, summary, options, untilMs)));
  } finally {
    clearInterval(progress);
  }
  summary.wallMs = performance.now() - startMs;
  if (options.junit !== undefined) writeFileSync(options.junit, junitReport(summary, names));
  if (options.report !== undefined) writeReport(options.report, summary, nameOrFile === 'all' ? 'all' : names[0]!, options, names.length);
  print(summary, options, terminal);
  return summary.failures.length === 0 ? 0 : 1;
}

/** With --shards: the seeds of this part alone. */
function partOf(options: SearchVerbOptions, environment: CliContext['environment']): Partial<SearchVerbOptions> {
  const { shards } = options;
  if (shards === undefined) return {};
  if (options.for !== undefined) throw new CliFailure('--for and --shards do not go together', 'A part has a fixed number of seeds: give --seeds.', 2);
  const index = environment['JOB_COMPLETION_INDEX'];
  const shard = options.shard ?? (index !== undefined && /^\d{1,6}$/.test(index) ? Number(index) : undefined);
  if (shard === undefined || shard >= shards) throw new CliFailure(`which of the ${shards} parts is not said`, `Give --shard 0 to ${shards - 1}, or run in an indexed Job, which sets JOB_COMPLETION_INDEX.`, 2);
  return shardOf({ from: options.from, seeds: options.seeds, shards }, shard);
}

function writeReport(file: string, summary: SearchSummary, scenario: string, { from, seeds }: SearchVerbOptions, scenarios: number): void {
  writeFileSync(file, encodeShardReport(shardReport(summary, { program: VFLEET_VERSION, scenario, range: { from, seeds }, runsWanted: seeds * scenarios })));
}

/** Seeds that failed before come first. */
function* jobsOf(scenarios: readonly string[], names: readonly string[], options: SearchVerbOptions, endless: boolean): Generator<Job> {
  const known = failedBefore(options.replays);
  for (const [index, name] of names.entries()) for (const seed of known.get(name) ?? []) yield { scenario: scenarios[index]!, seed };
  for (let seed = options.from; endless || seed < options.from + options.seeds; seed++) for (const scenario of scenarios) yield { scenario, seed: String(seed) };
}

function failedBefore(folder: string): ReadonlyMap<string, readonly string[]> {
  const seeds = new Map<string, string[]>();
  let files: readonly string[] = [];
  try {
    files = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();
  } catch {
    // No search has failed here yet.
  }
  for (const file of files) {
    const parsed = parseReplay(readDocument(join(folder, file)));
    if (parsed.ok) seeds.set(parsed.value.scenario, [...(seeds.get(parsed.value.scenario) ?? []), parsed.value.seed]);
  }
  return seeds;
}

/** One worker process, until there is nothing more to do. */
async function work(jobs: Generator<Job>, summary: SearchSummary, options: SearchVerbOptions, untilMs: number): Promise<void> {
  const worker = fork(new URL('./worker.ts', import.meta.url), { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    while (performance.now() < untilMs && (options.keepGoing === true || summary.failures.length < FAILURES_MAX)) {
      const next = jobs.next();
      if (next.done === true) return;
      const report = await ask(worker, next.value);
      addRun(summary, report);
      keep(report, summary, options.replays);
    }
  } catch (error) {
    // The other workers end with what they are at.
    jobs.return(undefined);
    throw error;
  } finally {
    worker.disconnect();
  }
}

function ask(worker: ChildProcess, job: Job): Promise<RunReport> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new CliFailure(`a worker ended with status ${code} at ${job.scenario}, seed ${job.seed}`, `Run it alone: vfleet sim run ${job.scenario} --seed ${job.seed} --faults`, NO_RESULT));
    worker.once('exit', onExit);
    worker.once('message', (message) => {
      worker.off('exit', onExit);
      // The worker sends nothing but reports.
      resolve(message as unknown as RunReport);
    });
    worker.send(job);
  });
}

/** A failing seed becomes a replay file. */
function keep(report: RunReport, summary: SearchSummary, folder: string): void {
  const replay = replayOf(report);
  const failure = summary.failures.at(-1);
  if (replay === undefined || failure === undefined) return;
  mkdirSync(folder, { recursive: true });
  failure.replayFile = join(folder, `${report.scenario}-${report.seed}.json`);
  writeFileSync(failure.replayFile, renderDocument(replay, 'json'));
}

function progressLine({ seeds, failures, marks }: SearchSummary, startMs: number): string {
  const seconds = (performance.now() - startMs) / 1000;
  const fired = faultNames.filter((name) => (marks[name] ?? 0) > 0);
  const strikes = fired.reduce((sum, name) => sum + marks[name]!, 0);
  return `${seconds.toFixed(0)} s: ${seeds} seeds, ${(seeds / seconds).toFixed(1)} seeds/s, ${strikes} faults of ${fired.length} of ${faultNames.length} kinds, ${failures.length} failures`;
}

function print(summary: SearchSummary, { output }: SearchVerbOptions, terminal: Terminal): void {
  if (output === 'json' || output === 'yaml') return terminal.out(renderDocument(summary, output));
  for (const name of faultNames) terminal.out(`${String(summary.marks[name] ?? 0).padStart(8)}  ${name}\n`);
  for (const { scenario, seed, oracle, says, replayFile } of summary.failures) terminal.out(`${scenario}, seed ${seed}: ${oracle}: ${says}\n  vfleet sim replay ${replayFile}\n`);
  const perHour = Math.round((summary.seeds / summary.wallMs) * 3_600_000);
  terminal.out(`${summary.seeds} seeds in ${(summary.wallMs / 1000).toFixed(1)} s (${perHour.toLocaleString('en')} an hour), ${Math.round(summary.virtualMs / summary.wallMs).toLocaleString('en')} × real time, ${summary.failures.length} failures\n`);
}
