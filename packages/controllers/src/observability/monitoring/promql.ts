import type { MetricDefinition } from '../metric-definition.ts';

/** A part of an expression: a metric of the table, a series of a histogram, or what another expression says. */
export type PromqlPart = MetricDefinition | Expression;

export interface Expression {
  readonly promql: string;
}

/** A PromQL expression, in which metrics are named by their definitions only, so that a name that is not there cannot be written. */
export function promql(texts: TemplateStringsArray, ...parts: readonly PromqlPart[]): Expression {
  return { promql: texts.reduce((whole, text, index) => whole + textOf(parts[index - 1]!) + text) };
}

function textOf(part: PromqlPart): string {
  return 'promql' in part ? part.promql : part.name;
}

/** The buckets of a histogram, for histogram_quantile. */
export function bucketsOf({ type, name }: MetricDefinition): Expression {
  if (type !== 'histogram') throw new Error(`${name} is no histogram`);
  return { promql: `${name}_bucket` };
}

/** The p-quantile of a histogram over five minutes, by labels of it. */
export function quantile(p: number, histogram: MetricDefinition, by: readonly string[] = []): Expression {
  return promql`histogram_quantile(${{ promql: String(p) }}, sum by (${{ promql: ['le', ...by].join(', ') }}) (rate(${bucketsOf(histogram)}[5m])))`;
}
