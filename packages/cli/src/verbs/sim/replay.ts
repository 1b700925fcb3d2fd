import { writeFileSync } from 'node:fs';
import type { Replay } from '@vfleet/sim';
import { parseReplay, runReplay, shrinkReplay, stillFails, traceLine } from '@vfleet/sim';
import type { CliContext } from '../../context.ts';
import { CliFailure } from '../../failure.ts';
import { renderDocument } from '../../output/document.ts';
import type { ReplayVerbOptions } from './command.ts';
import { readDocument, scenarioOf } from './files.ts';
import { printReport } from './report.ts';

/** Reads a replay file; what is wrong with it is said with the path inside the file. */
export function replayFrom(file: string): Replay {
  const parsed = parseReplay(readDocument(file));
  if (parsed.ok) return parsed.value;
  throw new CliFailure(`${file} cannot be replayed`, parsed.error.map(({ path, cause, remedy }) => `${path}: ${cause}: ${remedy}`).join('\n        '), 2);
}

/** `vfleet sim replay`: status 1 while it still fails. */
export async function replay(file: string, options: ReplayVerbOptions, { terminal }: CliContext): Promise<number> {
  const recorded = replayFrom(file);
  const report = await runReplay(scenarioOf(recorded.scenario), recorded, {
    wallClock: () => performance.now(),
    ...(options.trace === true ? { onTrace: (entry) => terminal.err(`${traceLine(entry)}\n`) } : {}),
  });
  const status = printReport(report, options.output, terminal);
  if (options.output === 'table') terminal.out(stillFails(report, recorded) ? `it still fails: ${recorded.oracle}\n` : `${recorded.oracle} holds now\n`);
  return status;
}

/** `vfleet sim shrink`: rewrites the file with the faults that are needed. */
export async function shrinkFile(file: string, runsMax: number, { terminal }: CliContext): Promise<number> {
  const recorded = replayFrom(file);
  const scenario = scenarioOf(recorded.scenario);
  if (!stillFails(await runReplay(scenario, recorded), recorded)) throw new CliFailure(`${file} does not fail any more`, 'There is nothing to shrink: keep it as a regression test.');
  const smaller = await shrinkReplay(scenario, recorded, { runsMax, onProgress: ({ runs, left }) => terminal.err(`${runs} runs, ${left} of ${recorded.faults.length} faults left\n`) });
  writeFileSync(file, renderDocument(smaller, 'json'));
  terminal.out(`${file}: ${recorded.faults.length} faults before, ${smaller.faults.length} now\n${smaller.faults.map((key) => `  ${key}\n`).join('')}${smaller.oracle}: ${smaller.says}\n`);
  return 0;
}
