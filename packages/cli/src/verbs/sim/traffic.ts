import { writeFileSync } from 'node:fs';
import type { CalibrationPoint, Throughput, Transactions } from '@vfleet/sim';
import { calibration, datapaths, datapathSays, ioSizes, settingOf, throughput, throughputParameters, throughputStreams, throughputTestbed, transactionParameters, transactions, transactionTestbed } from '@vfleet/sim';
import type { CliContext } from '../../context.ts';
import type { Chart } from '../../output/chart.ts';
import { renderChart } from '../../output/chart.ts';
import { renderDocument } from '../../output/document.ts';
import { renderSvg } from '../../output/svg-chart.ts';
import type { Column } from '../../output/table.ts';
import { renderTable } from '../../output/table.ts';
import { paint } from '../../output/terminal.ts';
import type { TrafficKind, TrafficVerbOptions } from './traffic-command.ts';

const NOTE = 'This is a model, not a measurement: see docs/traffic-model.md.';
const STREAMS = 36;

/** `vfleet sim traffic`. */
export function traffic(what: TrafficKind, options: TrafficVerbOptions, { terminal }: CliContext): number {
  const shown = (kind: TrafficKind) => what === 'all' || what === kind;
  const byStreams = shown('transactions') ? transactionsOf(options) : undefined;
  const bySize = shown('throughput') ? throughputOf(options) : undefined;
  const points = shown('calibration') ? calibration() : undefined;
  const charts = [...(byStreams === undefined ? [] : [transactionsChart(byStreams)]), ...(bySize === undefined ? [] : throughputCharts(bySize))];
  if (options.svg !== undefined) writeFileSync(options.svg, renderSvg(charts, NOTE));
  if (options.output === 'json' || options.output === 'yaml') {
    const document = {
      note: NOTE, isMeasurement: false, datapaths: datapathSays,
      ...(byStreams !== undefined && { transactions: byStreams, transactionParameters }), ...(bySize !== undefined && { throughput: bySize, throughputParameters }), ...(points !== undefined && { calibration: points }),
    };
    terminal.out(renderDocument(document, options.output));
    return 0;
  }
  const parts = [
    paint(terminal, 'yellow', NOTE),
    ...(byStreams === undefined ? [] : ['Transactions per second, netperf TCP_RR, by streams', transactionsTable(byStreams), renderChart(transactionsChart(byStreams))]),
    ...(bySize === undefined ? [] : [`Gb/s, and % of the processors of sender and receiver, iperf, by I/O size`, throughputTable(bySize), ...throughputCharts(bySize).map((chart) => renderChart(chart))]),
    ...(points === undefined ? [] : ['What the documents print, and the model in its place', renderTable(calibrationColumns, points)]),
    ...(what === 'all' ? [datapaths.map((path) => `${path}: ${datapathSays[path]}`).join('\n')] : []),
  ];
  terminal.out(`${parts.join('\n\n')}\n`);
  return 0;
}

/** 1, 2, 4, … and the most. */
function transactionsOf({ streams = STREAMS, processors = transactionTestbed.senderProcessors.value }: TrafficVerbOptions): readonly Transactions[] {
  const counts = [];
  for (let count = 1; count < streams; count *= 2) counts.push(count);
  return [...counts, streams].flatMap((count) => datapaths.map((path) => transactions(path, count, processors)));
}

function throughputOf({ streams = throughputStreams.value, processors, link, mtu }: TrafficVerbOptions): readonly Throughput[] {
  const { senderProcessors, receiverProcessors } = throughputTestbed;
  const hosts = { senderProcessors: processors ?? senderProcessors.value, receiverProcessors: processors ?? receiverProcessors.value };
  return ioSizes.flatMap((ioBytes) => datapaths.map((path) => throughput({ ...settingOf(path, ioBytes), ...hosts, streams, linkGbps: link, mtu })));
}

function transactionsTable(all: readonly Transactions[]): string {
  const rows = [...Map.groupBy(all, ({ streams }) => streams)];
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { heading: 'streams', cell: ([streams]) => String(streams), align: 'right' },
    ...datapaths.map((path): Column<(typeof rows)[number]> => ({ heading: path, align: 'right', cell: ([, at]) => Number(of(at, path).transactionsPerSecond.toPrecision(3)).toLocaleString('en') })),
    ...datapaths.map((path): Column<(typeof rows)[number]> => ({ heading: `${path} %`, align: 'right', cell: ([, at]) => percent(of(at, path).processorShare) })),
  ];
  return renderTable(columns, rows);
}

function throughputTable(all: readonly Throughput[]): string {
  const rows = [...Map.groupBy(all, ({ ioBytes }) => ioBytes)];
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { heading: 'I/O', cell: ([ioBytes]) => bytes(ioBytes), align: 'right' },
    ...datapaths.flatMap((path): readonly Column<(typeof rows)[number]>[] => [
      { heading: path, align: 'right', cell: ([, at]) => of(at, path).gbps.toFixed(1) },
      { heading: '%', align: 'right', cell: ([, at]) => `${percent(of(at, path).senderShare)}/${percent(of(at, path).receiverShare)}` },
    ]),
  ];
  return renderTable(columns, rows);
}

const calibrationColumns: readonly Column<CalibrationPoint>[] = [
  { heading: 'figure', cell: ({ figure }) => figure },
  { heading: 'printed', align: 'right', cell: ({ printed, unit, is }) => `${is === 'atMost' ? '≤ ' : is === 'atLeast' ? '≥ ' : ''}${Number(printed.toFixed(1))} ${unit}` },
  { heading: 'model', align: 'right', cell: ({ model, unit }) => `${model.toFixed(2)} ${unit}` },
  { heading: 'tolerance', align: 'right', cell: ({ tolerance, is }) => (is === 'near' ? `${Number((100 * tolerance).toFixed(1))} %` : '') },
  { heading: 'holds', cell: ({ holds }) => (holds ? 'yes' : 'NO') },
];

function transactionsChart(all: readonly Transactions[]): Chart {
  return {
    title: 'Modelled TCP_RR transactions per second',
    x: { label: 'streams', scale: 'log', format: (value) => String(Math.round(value)) },
    y: { label: 'transactions/s', scale: 'log', format: (value) => `${(value / 1000).toFixed(0)}k` },
    series: datapaths.map((path) => ({ name: path, points: all.filter(({ datapath }) => datapath === path).map(({ streams, transactionsPerSecond }) => [streams, transactionsPerSecond]) })),
  };
}

function throughputCharts(all: readonly Throughput[]): readonly Chart[] {
  const chart = (title: string, label: string, value: (one: Throughput) => number): Chart => ({
    title,
    x: { label: 'bytes of each write', scale: 'log', format: bytes },
    y: { label, scale: 'linear', format: (height) => height.toFixed(0) },
    series: datapaths.map((path) => ({ name: path, points: all.filter(({ datapath }) => datapath === path).map((one) => [one.ioBytes, value(one)]) })),
  });
  return [chart('Modelled iperf throughput', 'Gb/s', ({ gbps }) => gbps), chart('Modelled processor time of the busier host', '%', ({ senderShare, receiverShare }) => 100 * Math.max(senderShare, receiverShare))];
}

function of<One extends { readonly datapath: string }>(all: readonly One[], path: string): One {
  return all.find(({ datapath }) => datapath === path)!;
}

function percent(share: number): string {
  return (100 * share).toFixed(0);
}

/** 64, 1Ki, 512Ki. */
function bytes(value: number): string {
  const rounded = Math.round(value);
  return rounded < 1024 ? String(rounded) : `${Number((rounded / 1024).toFixed(1))}Ki`;
}
