// Goal: what is counted is what is shown, in the text format that Prometheus reads, and no label can make a process grow without bound.
// Method: random counts and label values, hostile ones among them, read back by a reader written from the format's documentation.
import { silentLog } from '@vfleet/core';
import type { MetricDefinition } from '@vfleet/controllers/observability/metric-definition.ts';
import { SERIES_MAX } from '@vfleet/controllers/observability/metric-definition.ts';
import { formatFamily } from '@vfleet/controllers/observability/exposition.ts';
import { MetricFamily } from '@vfleet/controllers/observability/metric-family.ts';
import { MetricRegistry } from '@vfleet/controllers/observability/metric-registry.ts';
import { metricTable, metricsOf } from '@vfleet/controllers/observability/metric-table.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readExposition } from './exposition-reader.ts';

const counter = { name: 'x_total', type: 'counter', unit: 'count', labels: ['a', 'b'], processes: ['node'], help: 'with "quotes", a \\ and\na line' } as const satisfies MetricDefinition;
const histogram = { name: 'y_seconds', type: 'histogram', unit: 'seconds', labels: ['a'], processes: ['node'], help: 'h', buckets: [0.1, 1, 10] } as const satisfies MetricDefinition;

/** What the format escapes, and what a reader may stumble over. */
const telling = fc.array(fc.constantFrom(...'ab"\\\n\r\u0001,}{= #é🦊'), { maxLength: 12 }).map((characters) => characters.join(''));

describe('families', () => {
  test('counts of any labels come back as they were', () => {
    fc.assert(fc.property(fc.array(fc.tuple(telling, fc.string(), fc.integer({ min: 0, max: 1e6 })), { maxLength: 40 }), (adds) => {
      const family = new MetricFamily(counter, () => {});
      const expected = new Map<string, number>();
      for (const [a, b, by] of adds) {
        family.add({ a, b }, by);
        expected.set(JSON.stringify([a, b]), (expected.get(JSON.stringify([a, b])) ?? 0) + by);
      }
      const read = readExposition(formatFamily(family)).get('x_total')!;
      expect(read).toMatchObject({ type: 'counter', help: counter.help });
      expect(new Map(read.samples.map(({ labels, value }) => [JSON.stringify([labels['a'], labels['b']]), value]))).toEqual(expected);
    }));
  });

  test('buckets are what a plain count says, the last one is all, and the sum is the sum', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 50 }), (observations) => {
      const family = new MetricFamily(histogram, () => {});
      for (const value of observations) family.observe({ a: 'k' }, value);
      const { samples } = readExposition(formatFamily(family)).get('y_seconds')!;
      const buckets = Object.fromEntries(samples.filter(({ name }) => name === 'y_seconds_bucket').map(({ labels, value }) => [labels['le'], value]));
      const atMost = (bound: number) => observations.filter((value) => value <= bound).length;
      expect(buckets).toEqual({ '0.1': atMost(0.1), '1': atMost(1), '10': atMost(10), '+Inf': observations.length });
      expect(samples.find(({ name }) => name === 'y_seconds_count')!.value).toBe(observations.length);
      expect(samples.find(({ name }) => name === 'y_seconds_sum')!.value).toBeCloseTo(observations.reduce((sum, value) => sum + value, 0), 6);
    }));
  });

  test('beyond their limit series are dropped and told, and those that are there go on', () => {
    const dropped: string[] = [];
    const family = new MetricFamily(counter, (name) => dropped.push(name));
    for (let index = 0; index < SERIES_MAX + 50; index++) family.add({ a: String(index), b: '' });
    family.add({ a: '0', b: '' });
    expect(family.samples()).toHaveLength(SERIES_MAX);
    expect(dropped).toHaveLength(50);
    expect(family.samples()[0]!.value).toBe(2);
  });

  test('infinity and no number are written as Prometheus writes them', () => {
    const family = new MetricFamily({ ...counter, type: 'gauge' } as const satisfies MetricDefinition, () => {});
    for (const [a, value] of [['p', Infinity], ['m', -Infinity], ['n', NaN], ['small', 1e-9], ['large', 1.5e300]] as const) family.set({ a, b: '' }, value);
    const read = readExposition(formatFamily(family).replace('gauge', 'counter')).get('x_total')!;
    expect(read.samples.map(({ value }) => value)).toEqual([Infinity, -Infinity, NaN, 1e-9, 1.5e300]);
  });
});

describe('registries', () => {
  test('two of them share nothing, and none has a metric of another process', () => {
    const [one, other] = [new MetricRegistry('operator', silentLog), new MetricRegistry('operator', silentLog)];
    one.family(metricTable.queueAdds).add({ name: 'q' });
    expect(other.family(metricTable.queueAdds).samples()).toEqual([]);
    expect(() => one.family(metricTable.cniRequests)).toThrow('no metric of the operator');
  });

  test('a collector that fails leaves the others their metrics, and is counted', async () => {
    const registry = new MetricRegistry('node', silentLog);
    registry.collect('broken', async () => {
      throw new Error('no hardware');
    });
    registry.collect('whole', () => registry.family(metricTable.pluginRegistered).set({ resource: 'r' }, 1));
    const families = readExposition(await registry.scrape());
    expect(families.get('vfleet_collector_failures_total')!.samples).toEqual([{ name: 'vfleet_collector_failures_total', labels: { collector: 'broken' }, value: 1 }]);
    expect(families.get('vfleet_device_plugin_registered')!.samples).toHaveLength(1);
  });

  test('scrapes at the same time share one look', async () => {
    const registry = new MetricRegistry('node', silentLog);
    let looks = 0;
    registry.collect('counted', async () => void looks++);
    await Promise.all([registry.scrape(), registry.scrape(), registry.scrape()]);
    await registry.scrape();
    expect(looks).toBe(2);
  });
});

describe('the table', () => {
  test.each(Object.values<MetricDefinition>(metricTable).map((definition) => [definition.name, definition] as const))('%s follows the naming rules', (name, definition) => {
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(definition.help).toMatch(/[.]$/);
    expect(definition.buckets === undefined).toBe(definition.type !== 'histogram');
    expect(definition.buckets ?? [1]).toEqual((definition.buckets ?? [1]).toSorted((a, b) => a - b));
    expect(new Set(definition.labels).size).toBe(definition.labels.length);
    for (const label of definition.labels) expect(label).not.toMatch(/^(?:le|quantile|__)/);
    // prometheus.io/docs/practices/naming; the exporter's names for VFs are older than that.
    if (definition.type === 'counter' && !name.startsWith('sriov_')) expect(name).toMatch(/_total$/);
    if (definition.unit === 'seconds') expect(name).toMatch(/_seconds(?:_total)?$/);
  });

  test('names are there once', () => {
    const names = Object.values<MetricDefinition>(metricTable).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set([...metricsOf('operator'), ...metricsOf('node')].map(({ name }) => name)).size).toBe(names.length);
  });
});
