import { placeOf, ranges, valueAt } from './chart.ts';
import type { Chart } from './chart.ts';

const PANEL = { width: 640, height: 360 } as const;
const MARGIN = { left: 80, right: 20, top: 36, bottom: 64 } as const;
const COLOURS = ['#1b6ca8', '#c0392b', '#2e8b57', '#8e44ad', '#b8860b', '#555555'];
const TICKS = 4;

/** Charts below each other as one SVG document. `note` stands under them. */
export function renderSvg(charts: readonly Chart[], note: string): string {
  const height = charts.length * PANEL.height + 32;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${PANEL.width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${PANEL.width}" height="${height}" fill="#ffffff"/>`,
    ...charts.map((chart, at) => `<g transform="translate(0 ${at * PANEL.height})">\n${panel(chart)}\n</g>`),
    `<text x="${PANEL.width / 2}" y="${height - 12}" text-anchor="middle" fill="#c0392b">${escape(note)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function panel(chart: Chart): string {
  const { x, y, series, title } = chart;
  const [xRange, yRange] = ranges(chart);
  const [width, height] = [PANEL.width - MARGIN.left - MARGIN.right, PANEL.height - MARGIN.top - MARGIN.bottom];
  const atX = (place: number) => (MARGIN.left + place * width).toFixed(1);
  const atY = (place: number) => (MARGIN.top + (1 - place) * height).toFixed(1);
  const ticks = Array.from({ length: TICKS + 1 }, (_, tick) => tick / TICKS);
  return [
    `<text x="${PANEL.width / 2}" y="20" text-anchor="middle" font-size="14">${escape(title)}</text>`,
    ...ticks.map((place) => `<path d="M${atX(0)} ${atY(place)}H${atX(1)}" stroke="#dddddd"/><text x="${MARGIN.left - 6}" y="${atY(place)}" dy="4" text-anchor="end">${escape(y.format(valueAt(y, yRange, place)))}</text>`),
    ...ticks.map((place) => `<text x="${atX(place)}" y="${MARGIN.top + height + 16}" text-anchor="middle">${escape(x.format(valueAt(x, xRange, place)))}</text>`),
    `<text x="${atX(0.5)}" y="${MARGIN.top + height + 34}" text-anchor="middle">${escape(x.label)}</text>`,
    `<text transform="translate(16 ${MARGIN.top + height / 2}) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>`,
    ...series.map(({ name, points }, at) => {
      const colour = COLOURS[at % COLOURS.length]!;
      const path = points.map(([px, py]) => `${atX(placeOf(x, xRange, px))},${atY(placeOf(y, yRange, py))}`).join(' ');
      return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/><text x="${MARGIN.left + at * (width / series.length)}" y="${PANEL.height - 12}" fill="${colour}">${escape(name)}</text>`;
    }),
  ].join('\n');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
