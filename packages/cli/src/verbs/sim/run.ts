import { runScenario, runSeed, traceLine } from '@vfleet/sim';
import type { CliContext } from '../../context.ts';
import type { RunVerbOptions } from './command.ts';
import { scenarioOf } from './files.ts';
import { printReport } from './report.ts';

/** `vfleet sim run`. */
export async function run(nameOrFile: string, options: RunVerbOptions, { terminal }: CliContext): Promise<number> {
  const scenario = scenarioOf(nameOrFile);
  const runOne = options.faults === true ? runSeed : runScenario;
  const report = await runOne(scenario, options.seed, {
    wallClock: () => performance.now(),
    ...(options.trace === true ? { onTrace: (entry) => terminal.err(`${traceLine(entry)}\n`) } : {}),
  });
  return printReport(report, options.output, terminal);
}
