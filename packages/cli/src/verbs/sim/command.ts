import { Command } from 'commander';
import type { CliContext } from '../../context.ts';
import { outputOption, wholeNumber } from '../../options.ts';
import type { OutputFormat } from '../../output/document.ts';
import { VFLEET_VERSION } from '../../version.ts';
import { jobCommand } from './job-command.ts';
import { trafficCommand } from './traffic-command.ts';

export interface RunVerbOptions {
  readonly seed: string;
  readonly faults?: boolean;
  readonly trace?: boolean;
  readonly output: OutputFormat;
}

export interface SearchVerbOptions {
  readonly seeds: number;
  readonly from: number;
  readonly for?: string;
  readonly workers: number;
  readonly junit?: string;
  readonly replays: string;
  readonly keepGoing?: boolean;
  readonly shards?: number;
  readonly shard?: number;
  readonly report?: string;
  readonly output: OutputFormat;
}

export interface ReplayVerbOptions {
  readonly trace?: boolean;
  readonly output: OutputFormat;
}

const EXAMPLES = `
Examples:
  vfleet sim list
  vfleet sim run first-rollout --seed 7 --faults
  vfleet sim search pod-churn --seeds 1000 --workers 2
  vfleet sim job all --seeds 100000 --parallelism 40 | kubectl apply -f -
  vfleet sim shrink .vfleet/replays/pod-churn-17.json
  vfleet sim replay .vfleet/replays/pod-churn-17.json      status 1 while it still fails
`;

/** The verbs of the simulator; what they do is loaded when one of them is called. */
export function simCommand(context: CliContext, finish: (status: number) => void): Command {
  const sim = new Command('sim').enablePositionalOptions()
    .summary('run the production controllers in a simulated world with faults, and search for what breaks')
    .description('Runs the production controllers, unchanged, in a world where time, order and failure come from a seed: the same seed gives the same run, and every failure replays.')
    .addHelpText('after', EXAMPLES);
  sim.addCommand(new Command('list').summary('the scenarios that are shipped, or with --faults every fault, or with --oracles every property').option('--faults', 'list faults').option('--oracles', 'list oracles').addOption(outputOption(['table', 'json', 'yaml']))
    .action(async (options: { readonly faults?: boolean; readonly oracles?: boolean; readonly output: OutputFormat }) => finish((await import('./list.ts')).list(options, context))));
  sim.addCommand(new Command('run').summary('run one scenario with one seed').argument('<scenario>', 'name of a scenario, or a YAML file')
    .option('--seed <seed>', 'any text', '1').option('--faults', 'let faults strike, as a search would draw them for this seed').option('--trace', 'print every event as it happens, on stderr').addOption(outputOption(['table', 'json', 'yaml']))
    .action(async (scenario: string, options: RunVerbOptions) => finish(await (await import('./run.ts')).run(scenario, options, context))));
  sim.addCommand(new Command('search').summary('run many seeds with drawn faults').argument('<scenario>', 'name of a scenario, a YAML file, or all')
    .option('--seeds <count>', 'seeds for each scenario', wholeNumber(1, 100_000_000), 100).option('--from <seed>', 'first seed', wholeNumber(0, 2_000_000_000), 1)
    .option('--for <duration>', 'as many seeds as fit into this time, for example 90s or 10m').option('--workers <count>', 'processes', wholeNumber(1, 256), 2)
    .option('--keep-going', 'do not end at 20 failures').option('--junit <file>', 'write a JUnit report').option('--replays <folder>', 'where failures are kept', '.vfleet/replays')
    .option('--shards <count>', 'search one of so many parts of the seeds', wholeNumber(1, 100_000)).option('--shard <index>', 'which part, from 0 (default: $JOB_COMPLETION_INDEX, as an indexed Job sets it)', wholeNumber(0, 99_999)).option('--report <file>', 'write a report of at most 4 KiB, for `vfleet sim job collect`').addOption(outputOption(['table', 'json', 'yaml']))
    .action(async (scenario: string, options: SearchVerbOptions) => finish(await (await import('./search.ts')).search(scenario, options, context))));
  sim.addCommand(new Command('replay').summary('run a kept failure again; status 1 while it still fails').argument('<file>', 'a replay file').option('--trace', 'print every event, on stderr').addOption(outputOption(['table', 'json', 'yaml']))
    .action(async (file: string, options: ReplayVerbOptions) => finish(await (await import('./replay.ts')).replay(file, options, context))));
  sim.addCommand(new Command('shrink').summary('leave out of a replay file every fault that its failure does not need').argument('<file>', 'a replay file, rewritten').option('--runs <count>', 'most runs that this may take', wholeNumber(1, 1_000_000), 2000)
    .action(async (file: string, options: { readonly runs: number }) => finish(await (await import('./replay.ts')).shrinkFile(file, options.runs, context))));
  sim.addCommand(jobCommand(context, finish, `vfleet:${VFLEET_VERSION}`));
  sim.addCommand(trafficCommand(context, finish));
  return sim;
}
