import { Argument, Command } from 'commander';
import type { CliContext } from '../../context.ts';
import { outputOption, wholeNumber } from '../../options.ts';
import type { OutputFormat } from '../../output/document.ts';

export const TRAFFIC_KINDS = ['all', 'transactions', 'throughput', 'calibration'] as const;
export type TrafficKind = (typeof TRAFFIC_KINDS)[number];

export interface TrafficVerbOptions {
  readonly streams?: number;
  readonly processors?: number;
  readonly link: number;
  readonly mtu: number;
  readonly svg?: string;
  readonly output: OutputFormat;
}

const HELP = `
Every number is what a queueing model says, not a measurement of any machine, and nothing is sent anywhere. The model is calibrated
to the few figures that two vendors' documents print; \`vfleet sim traffic calibration\` shows each beside the model's, and
docs/traffic-model.md its formulae, parameters and limits.

Examples:
  vfleet sim traffic
  vfleet sim traffic transactions --streams 72 --processors 72
  vfleet sim traffic throughput --link 25 --mtu 1500 -o json
  vfleet sim traffic --svg traffic.svg
`;

export function trafficCommand(context: CliContext, finish: (status: number) => void): Command {
  return new Command('traffic').summary('what a queueing model expects of kernel, VF, Onload and OVS offload paths; no measurement')
    .description('Prints and plots modelled netperf TCP_RR transactions against streams, and modelled iperf throughput and processor time against I/O size.')
    .addArgument(new Argument('[what]', 'what to show').choices(TRAFFIC_KINDS).default('all'))
    .option('--streams <count>', 'most streams of transactions (default: 36), streams of throughput (default: 8)', wholeNumber(1, 512))
    .option('--processors <count>', 'processors of each host (default: as in the documents)', wholeNumber(2, 1024))
    .option('--link <gbps>', 'speed of the link in Gb/s', wholeNumber(1, 1600), 100).option('--mtu <bytes>', 'MTU, of throughput', wholeNumber(576, 9216), 9000)
    .option('--svg <file>', 'write the charts as SVG too').addOption(outputOption(['table', 'json', 'yaml'])).addHelpText('after', HELP)
    .action(async (what: TrafficKind, options: TrafficVerbOptions) => finish((await import('./traffic.ts')).traffic(what, options, context)));
}
