// Goal: no rule and no panel asks for what no process emits. Method: every expression, in what is generated for a cluster, read by a reader of
// PromQL; its metrics and labels looked up in the table that the processes are made of.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '@vfleet/core';
import type { MetricDefinition } from '@vfleet/controllers/observability/metric-definition.ts';
import { metricTable } from '@vfleet/controllers/observability/metric-table.ts';
import { scrapeLabels } from '@vfleet/controllers/observability/monitoring/monitoring-objects.ts';
import { readManifest } from '../installation/apply.ts';
import { readPromql } from './promql-reader.ts';

const deploy = (path: string) => readFileSync(join(import.meta.dirname, '../../deploy', path), 'utf8');
const objects = readManifest(deploy('monitoring.yaml'));
const install = readManifest(deploy('install.yaml'));
const definitions = new Map(Object.values<MetricDefinition>(metricTable).map((definition) => [definition.name, definition]));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Dashboard {
  readonly panels: readonly { readonly id: number; readonly type: string; readonly title: string; readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }; readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[] }[];
}

const field = (object: KubeObject | undefined, ...path: readonly string[]): unknown => path.reduce<unknown>((value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name], object);
const rules = (field(objects.find(({ kind }) => kind === 'PrometheusRule'), 'spec', 'groups') as readonly { readonly rules: readonly Rule[] }[])[0]!.rules;
const dashboard = JSON.parse(deploy('grafana-dashboard.json')) as Dashboard;
const targets = dashboard.panels.flatMap(({ title, targets: own = [] }) => own.map(({ expr, legendFormat }) => ({ title, expr, legendFormat })));

/** The definition behind a name of a series; of histograms by its suffix. */
function definitionOf(name: string): MetricDefinition {
  const histogram = definitions.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  const found = definitions.get(name) ?? (histogram?.type === 'histogram' ? histogram : undefined);
  if (found === undefined) throw new Error(`no process emits ${name}`);
  if (found.type === 'histogram' && found.name === name) throw new Error(`${name} is a histogram: its series have suffixes`);
  return found;
}

function check(expression: string): ReadonlySet<string> {
  const { selectors, labels } = readPromql(expression);
  const known = new Set(scrapeLabels);
  for (const { metric, matchers } of selectors) {
    const definition = definitionOf(metric);
    for (const label of [...definition.labels, ...(metric.endsWith('_bucket') ? ['le'] : [])]) known.add(label);
    for (const { label } of matchers) expect([metric, [...definition.labels, ...scrapeLabels]]).toEqual([metric, expect.arrayContaining([label])]);
  }
  for (const label of labels) expect([expression, [...known]]).toEqual([expression, expect.arrayContaining([label])]);
  expect(selectors.length).toBeGreaterThan(0);
  return known;
}

describe('alerts', () => {
  test.each(rules.map((rule) => [rule.alert, rule] as const))('%s is of metrics and labels that there are, and tells of no others', (_name, { expr, for: duration, annotations }) => {
    const known = check(expr);
    expect(duration).toMatch(/^\d+[smh]$/);
    for (const text of Object.values(annotations)) {
      for (const [, label] of text.matchAll(/\{\{ \$labels\.(\w+) \}\}/g)) {
        expect([...known]).toContain(label);
        // Aggregation keeps only what it is asked to keep.
        const { labels } = readPromql(expr);
        if (/\b(?:sum|max|min|count) /.test(expr)) expect(labels).toContain(label);
      }
    }
  });

  test('counters are asked for their rate, gauges for themselves', () => {
    for (const { expr } of [...rules, ...targets]) {
      for (const match of expr.matchAll(/([a-z_]+)(\{[^}]*\})?(\[\d+[a-z]\])?/g)) {
        const definition = definitions.get(match[1]!);
        if (definition !== undefined && definition.type !== 'histogram') expect([expr, match[1], match[3] !== undefined]).toEqual([expr, match[1], definition.type === 'counter']);
      }
    }
  });
});

describe('the dashboard', () => {
  test.each(targets.map((target) => [`${target.title}: ${target.legendFormat}`, target] as const))('%s', (_title, { expr, legendFormat }) => {
    const known = check(expr);
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect([...known]).toContain(label);
  });

  test('shows every metric that there is', () => {
    const shown = new Set(targets.flatMap(({ expr }) => readPromql(expr).selectors.map(({ metric }) => definitionOf(metric).name)));
    expect([...definitions.keys()].filter((name) => !shown.has(name))).toEqual([]);
  });

  test('no panel lies over another, and the ConfigMap holds the same', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`));
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    expect(JSON.parse((field(objects.find(({ kind }) => kind === 'ConfigMap'), 'data') as Readonly<Record<string, string>>)['vfleet.json']!)).toEqual(dashboard);
  });
});

test('each ServiceMonitor finds one Service with the port that it scrapes, whose pods have it', () => {
  for (const monitor of objects.filter(({ kind }) => kind === 'ServiceMonitor')) {
    const wanted = field(monitor, 'spec', 'selector', 'matchLabels') as Readonly<Record<string, string>>;
    const [endpoint] = field(monitor, 'spec', 'endpoints') as readonly { readonly port: string }[];
    const found = install.filter(({ kind, metadata }) => kind === 'Service' && Object.entries(wanted).every(([name, value]) => metadata.labels?.[name] === value));
    const scraped = found.filter((service) => (field(service, 'spec', 'ports') as readonly { readonly name: string }[]).some(({ name }) => name === endpoint!.port));
    expect(scraped.map(({ metadata }) => metadata.name)).toEqual([`${monitor.metadata.name}-metrics`]);
  }
});

describe('the reader of these tests', () => {
  test.each(['sum(x', 'x)', 'x{a=b}', 'x[5]', 'x{a="b"', 'rate x', 'x ? y', 'x{a~"b"}'])('refuses %s', (text) => expect(() => readPromql(text)).toThrow(/expected|open|nothing|duration|matcher|no PromQL/));

  test('finds names, matchers and lists of labels', () => {
    expect(readPromql('sum by (le, a) (rate(x_bucket{b=~"c|d", e!="f"}[5m])) * on (g) group_left (h) y > 0.5')).toEqual({
      selectors: [{ metric: 'x_bucket', matchers: [{ label: 'b', operator: '=~', value: 'c|d' }, { label: 'e', operator: '!=', value: 'f' }] }, { metric: 'y', matchers: [] }], labels: ['le', 'a', 'g', 'h'],
    });
  });

  test('a metric that no process emits is found out', () => {
    expect(() => check('rate(vfleet_nothing_total[5m])')).toThrow('no process emits vfleet_nothing_total');
    expect(() => check('sum by (colour) (workqueue_depth)')).toThrow('to deeply equal');
    expect(() => check('workqueue_depth{colour="red"}')).toThrow('to deeply equal');
  });
});
