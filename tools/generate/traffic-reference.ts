import { calibration, datapaths, datapathSays, throughputParameters, throughputStreams, throughputTestbed, transactionParameters, transactionTestbed } from '@vfleet/sim';
import type { Parameter } from '@vfleet/sim';
import type { Generator } from './generator.ts';

const INTRODUCTION = `<!-- Written by \`npm run generate\` from packages/sim/src/traffic: change it there. -->
# Parameters of the datapath model

*printed*: a document says it. *calibrated*: solved for so that a printed figure comes out. *assumed*: our choice, of the right order and no more.
What they mean is in [traffic-model.md](../traffic-model.md). None of this was measured by us.
`;

/** docs/reference/traffic.md: every parameter of the datapath model with its origin, and what it is held against. */
export const trafficReference: Generator = {
  name: 'traffic reference',
  outputs: () => new Map([['docs/reference/traffic.md', [
    INTRODUCTION,
    '## Figures\n', '| figure | source | printed | model | tolerance |', '|---|---|---|---|---|', ...calibration().map(figure), '',
    '## Transactions (netperf TCP_RR), on each host\n', ...datapaths.map((path) => section(path, transactionParameters[path])),
    '## Throughput (iperf)\n', ...datapaths.map((path) => section(path, throughputParameters[path])),
    '## Testbeds\n', table('Transactions', transactionTestbed), table('Throughput', { ...throughputTestbed, streams: throughputStreams }),
  ].join('\n')]]),
};

function figure({ figure: says, source, printed, unit, model, is, tolerance }: ReturnType<typeof calibration>[number]): string {
  const sign = is === 'atMost' ? '≤ ' : is === 'atLeast' ? '≥ ' : '';
  return `| ${says} | ${source} | ${sign}${Number(printed.toFixed(1))} ${unit} | ${model.toFixed(2)} ${unit} | ${is === 'near' ? `${Number((100 * tolerance).toFixed(1))} %` : 'none'} |`;
}

function section(path: (typeof datapaths)[number], { spins, ...parameters }: { readonly spins: boolean }): string {
  return table(`${path}: ${datapathSays[path]}${spins ? ', a processor for each stream' : ''}`, parameters);
}

function table(title: string, parameters: object): string {
  const rows = Object.entries(parameters).map(([name, parameter]: [string, Parameter]) => `| ${name} | ${Number(parameter.value.toPrecision(6))} ${parameter.unit} | ${parameter.origin} | ${parameter.says} |`);
  return [`### ${title}\n`, '| what | value | origin | why |', '|---|---|---|---|', ...rows, ''].join('\n');
}
