// Goal: the traffic verb says on every output that it is a model, and draws what it computed. Method: the program in this process; charts of known points.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Chart } from '../src/output/chart.ts';
import { renderChart } from '../src/output/chart.ts';
import { renderSvg } from '../src/output/svg-chart.ts';
import { run } from '../src/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'vfleet-traffic-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function traffic(...words: readonly string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  let out = '';
  let err = '';
  const status = await run(['sim', 'traffic', ...words], { environment: {}, terminal: { out: (text) => void (out += text), err: (text) => void (err += text), colours: false } });
  return { status, out, err };
}

describe('vfleet sim traffic', () => {
  test('prints tables, charts and the printed figures beside the model', async () => {
    const { status, out } = await traffic();
    expect(status).toBe(0);
    expect(out).toMatch(/^This is a model, not a measurement/);
    expect(out).toMatch(/\n +1 +60,100 +66,500 +481,000 /);
    expect(out).toMatch(/\n +36 +1,150,000 .* 100 /);
    expect(out).toMatch(/512Ki +99\.0 /);
    expect(out.match(/└─/g)).toHaveLength(3);
    expect(out).toMatch(/Onload over the kernel, 36 streams +15 × +15\.00 × +1 % +yes/);
  });

  test('is the same twice, and says in JSON that it is no measurement', async () => {
    const one = await traffic('throughput', '--link', '25', '--mtu', '1500', '--streams', '2', '-o', 'json');
    expect((await traffic('throughput', '--link', '25', '--mtu', '1500', '--streams', '2', '-o', 'json')).out).toBe(one.out);
    const document = JSON.parse(one.out) as { readonly isMeasurement: boolean; readonly throughput: readonly { readonly gbps: number }[]; readonly transactions?: unknown };
    expect(document.isMeasurement).toBe(false);
    expect(document.transactions).toBeUndefined();
    expect(Math.max(...document.throughput.map(({ gbps }) => gbps))).toBeLessThanOrEqual(23.6);
  });

  test('writes the charts as SVG, labelled too', async () => {
    const file = join(folder, 'traffic.svg');
    expect((await traffic('transactions', '--svg', file)).status).toBe(0);
    const svg = readFileSync(file, 'utf8');
    expect(svg.match(/<polyline/g)).toHaveLength(4);
    expect(svg).toContain('not a measurement');
  });

  test.each([['nothing', 'Allowed choices'], ['--streams=0', 'whole number'], ['--mtu=100', 'whole number'], ['--processors=1', 'whole number'], ['--output=xml', 'Allowed choices']])('refuses %s', async (word, says) => {
    const { status, err } = await traffic(word);
    expect([status, err]).toEqual([2, expect.stringContaining(says)]);
  });
});

describe('charts', () => {
  const chart: Chart = {
    title: 'a <title>',
    x: { label: 'n', scale: 'log', format: String }, y: { label: 'y', scale: 'linear', format: (value) => value.toFixed(0) },
    series: [{ name: 'up', points: [[1, 0], [10, 5], [100, 10]] }, { name: 'flat', points: [[1, 10], [100, 10]] }],
  };

  test('put each point where its axes say', () => {
    const lines = renderChart(chart, 11, 3).split('\n');
    expect(lines.slice(1, 5)).toEqual(['10 ┤+         +', '   │     o', ' 0 ┤o', '   └───────────']);
    expect(lines.at(-1)).toContain('o up   + flat');
  });

  test('of a single point and of zeros are drawn as well', () => {
    expect(renderChart({ ...chart, series: [{ name: 'one', points: [[5, 0]] }] }, 10, 4)).toContain('┤o');
  });

  test('escape what stands in an SVG', () => {
    expect(renderSvg([chart], 'a & b')).toContain('a &lt;title&gt;');
    expect(renderSvg([chart], 'a & b')).toContain('a &amp; b');
  });
});
