import type { MetricFamily, Sample } from './metric-family.ts';

/** Of the text format (prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4). */
export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** A family with its help and type, also while it has no series: a scrape shows what there may be. */
export function formatFamily(family: MetricFamily): string {
  const { name, help, type } = family.definition;
  const lines = family.samples().map((sample) => formatSample(name, sample));
  return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

function formatSample(name: string, { suffix, labels, value }: Sample): string {
  const inner = labels.map(([label, text]) => `${label}="${escapeValue(text)}"`).join(',');
  return `${name}${suffix}${inner === '' ? '' : `{${inner}}`} ${formatNumber(value)}`;
}

function formatNumber(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
