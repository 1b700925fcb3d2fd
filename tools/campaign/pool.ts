import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunReport } from '@vfleet/sim';
import { replayOf } from '@vfleet/sim';

export interface SeedJob {
  readonly scenario: string;
  readonly seed: string;
}

/** Runs jobs in worker processes until `next` has none left; rejects when a worker dies. */
export async function runJobs(workers: number, next: () => SeedJob | undefined, done: (report: RunReport) => void): Promise<void> {
  await Promise.all(Array.from({ length: workers }, () => work(next, done)));
}

async function work(next: () => SeedJob | undefined, done: (report: RunReport) => void): Promise<void> {
  const worker = fork(join(import.meta.dirname, 'worker.ts'), { execArgv: ['--disable-warning=ExperimentalWarning', '--max-old-space-size=4096'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    for (let job = next(); job !== undefined; job = next()) {
      const { scenario, seed } = job;
      done(await new Promise<RunReport>((resolve, reject) => {
        const onExit = (code: number | null) => reject(new Error(`a worker ended with status ${code}: ${commandOf({ scenario, seed })}`));
        worker.once('exit', onExit);
        worker.once('message', (message) => {
          worker.off('exit', onExit);
          // The worker sends nothing but reports.
          resolve(message as unknown as RunReport);
        });
        worker.send({ scenario, seed });
      }));
    }
  } finally {
    worker.disconnect();
  }
}

/** What repeats a run. */
export function commandOf({ scenario, seed }: SeedJob): string {
  return `npm run vfleet -- sim run ${scenario} --seed ${seed} --faults`;
}

/** Keeps a failing run as a replay file and says how to repeat it; undefined when it did not fail. */
export function keepFailure(report: RunReport, folder: string): string | undefined {
  const replay = replayOf(report);
  if (replay === undefined) return undefined;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${report.scenario}-${report.seed}.json`);
  writeFileSync(file, `${JSON.stringify(replay, undefined, 2)}\n`);
  return `${report.scenario}, seed ${report.seed}: ${replay.oracle}: ${replay.says}\n  repeat it: ${commandOf(report)}\n  shrink it: npm run vfleet -- sim shrink ${file}`;
}
