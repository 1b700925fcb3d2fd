/** A line of a chart. */
export interface Series {
  readonly name: string;
  /** Finite numbers; on a logarithmic axis above 0. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  readonly format: (value: number) => string;
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Points of the lines, in this order; where lines meet, the later one is seen. */
const SYMBOLS = 'o+x*#@%&';

/** Of an axis: linear ones begin at 0, so that heights can be compared. */
export function rangeOf({ scale }: Axis, values: readonly number[]): Range {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (scale === 'linear') return { from: Math.min(0, least), to: most === 0 ? 1 : most };
  return { from: least, to: most === least ? most * 2 : most };
}

/** Where a value lies between the ends of its axis, 0 to 1. */
export function placeOf({ scale }: Axis, { from, to }: Range, value: number): number {
  return scale === 'linear' ? (value - from) / (to - from) : Math.log(value / from) / Math.log(to / from);
}

/** The chart as text, `width` columns and `height` lines for the lines themselves. */
export function renderChart(chart: Chart, width = 64, height = 16): string {
  const { x, y, series } = chart;
  const [xRange, yRange] = ranges(chart);
  const cells = Array.from({ length: height }, () => Array.from({ length: width }, () => ' '));
  for (const [at, { points }] of series.entries()) {
    for (const [px, py] of points) {
      const column = Math.round(placeOf(x, xRange, px) * (width - 1));
      const row = height - 1 - Math.round(placeOf(y, yRange, py) * (height - 1));
      cells[row]![column] = SYMBOLS[at % SYMBOLS.length]!;
    }
  }
  const labels = cells.map((_, row) => (row % 5 === 0 || row === height - 1 ? y.format(valueAt(y, yRange, (height - 1 - row) / (height - 1))) : ''));
  const margin = Math.max(...labels.map(({ length }) => length));
  const lines = cells.map((line, row) => `${labels[row]!.padStart(margin)} ${labels[row] === '' ? '│' : '┤'}${line.join('')}`.trimEnd());
  const [left, right] = [x.format(xRange.from), x.format(xRange.to)];
  return [
    chart.title,
    ...lines,
    `${' '.repeat(margin)} └${'─'.repeat(width)}`,
    `${' '.repeat(margin + 2)}${left}${x.label.padStart(Math.floor((width - left.length - right.length + x.label.length) / 2)).padEnd(width - left.length - right.length)}${right}`,
    `${' '.repeat(margin + 2)}${series.map(({ name }, at) => `${SYMBOLS[at % SYMBOLS.length]} ${name}`).join('   ')}   (${y.label}; where points meet, the last one shows)`,
  ].join('\n');
}

export function ranges({ x, y, series }: Chart): readonly [x: Range, y: Range] {
  const points = series.flatMap((one) => one.points);
  return [rangeOf(x, points.map(([value]) => value)), rangeOf(y, points.map(([, value]) => value))];
}

export function valueAt({ scale }: Axis, { from, to }: Range, place: number): number {
  return scale === 'linear' ? from + place * (to - from) : from * (to / from) ** place;
}
