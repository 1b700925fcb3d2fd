import { Command } from 'commander';
import type { CliContext } from '../../context.ts';
import { kubeconfigOption, outputOption, wholeNumber } from '../../options.ts';
import type { OutputFormat } from '../../output/document.ts';

export interface JobVerbOptions {
  readonly seeds: number;
  readonly from: number;
  readonly parallelism: number;
  readonly indexes?: number;
  readonly workers: number;
  readonly retries: number;
  readonly image: string;
  readonly name?: string;
  readonly namespace: string;
  readonly output: OutputFormat;
}

export interface CollectVerbOptions {
  readonly namespace: string;
  readonly kubeconfig?: string;
  readonly wait?: string;
  readonly junit?: string;
  readonly output: OutputFormat;
}

const HELP = `
The Job is indexed: index i searches the i-th part of the seeds and leaves its report in its termination message (4 KiB),
so it needs no rights, no storage and no network. An index that finds a violation is marked failed and not tried again; one
that ends without a report is tried again. Keep the pods until \`vfleet sim job collect\` has read them.

Examples:
  vfleet sim job all --seeds 100000 --parallelism 40 --image registry.example/vfleet:0.1.0 | kubectl apply -f -
  vfleet sim job my-scenario.yaml --seeds 5000 --parallelism 8        the file travels in a ConfigMap
  vfleet sim job collect vfleet-search-all --wait 2h --junit report.xml
`;

const COLLECT_HELP = `
Status 0: every seed was searched and every property held. Status 1: something did not hold, or a part of the search is missing;
the table says which part and why.

Examples:
  vfleet sim job collect vfleet-search-all
  vfleet sim job collect vfleet-search-all -n simulation -o json | jq .failures
`;

/** `vfleet sim job`: a search larger than one machine, as a manifest, and the sum of what its pods reported. */
export function jobCommand(context: CliContext, finish: (status: number) => void, defaultImage: string): Command {
  const job = new Command('job').summary('write the manifest of a search that Kubernetes spreads over its nodes, or collect its reports')
    .description('Prints an indexed Kubernetes Job that searches a range of seeds.')
    // Options that `collect` has too belong to it when they stand behind its name.
    .enablePositionalOptions()
    .argument('<scenario>', 'name of a scenario, a YAML file, or all').option('--seeds <count>', 'seeds for each scenario, over all indexes', wholeNumber(1, 2_000_000_000), 10_000)
    .option('--from <seed>', 'first seed', wholeNumber(0, 2_000_000_000), 1).option('--parallelism <pods>', 'pods that run at a time', wholeNumber(1, 100_000), 8)
    .option('--indexes <count>', 'parts that the seeds are split into (default: four times the parallelism, so that a slow or repeated part costs little)', wholeNumber(1, 100_000))
    .option('--workers <count>', 'processes and processors of each pod', wholeNumber(1, 256), 1).option('--retries <count>', 'how often an index is tried again that ended without a report', wholeNumber(0, 100), 2)
    .option('--image <image>', 'image that has vfleet on its path', defaultImage).option('--name <name>', 'name of the Job (default: vfleet-search- and the scenario)').option('-n, --namespace <name>', 'namespace of the Job', 'default')
    .addOption(outputOption(['yaml', 'json']).default('yaml')).addHelpText('after', HELP)
    .action(async (scenario: string, options: JobVerbOptions) => finish((await import('./job.ts')).job(scenario, options, context)));
  job.addCommand(new Command('collect').summary('sum the reports of a search Job').argument('<name>', 'name of the Job').option('-n, --namespace <name>', 'namespace of the Job', 'default')
    .option('--wait <duration>', 'wait so long for the Job to end, for example 30m or 2h').option('--junit <file>', 'write a JUnit report').addOption(kubeconfigOption()).addOption(outputOption(['table', 'wide', 'json', 'yaml'])).addHelpText('after', COLLECT_HELP)
    .action(async (name: string, options: CollectVerbOptions) => finish(await (await import('./job-collect.ts')).collectJob(name, options, context))));
  return job;
}
