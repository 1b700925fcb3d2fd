export type MetricType = 'counter' | 'gauge' | 'histogram';

/** The processes that emit metrics. */
export type MetricProcess = 'operator' | 'node';

/** What a value counts, in Prometheus' base units (prometheus.io/docs/practices/naming). `state` is 0 or 1. */
export type MetricUnit = 'seconds' | 'bytes' | 'packets' | 'ratio' | 'count' | 'state' | 'unix seconds';

/** One metric family, as its table says it. Rules, dashboard and reference are made of nothing else. */
export interface MetricDefinition<Label extends string = string> {
  readonly name: string;
  readonly type: MetricType;
  readonly unit: MetricUnit;
  readonly labels: readonly Label[];
  readonly help: string;
  readonly processes: readonly MetricProcess[];
  /** Upper bounds of a histogram's buckets, rising; `+Inf` is understood. */
  readonly buckets?: readonly number[];
  /** Most series kept of this family; what would be more is counted and dropped. Default {@link SERIES_MAX}. */
  readonly seriesMax?: number;
}

export const SERIES_MAX = 1_000;

/** Label values by name: every label of the definition, and no other. */
export type LabelsOf<Definition> = Definition extends MetricDefinition<infer Label> ? { readonly [Name in Label]: string } : never;
