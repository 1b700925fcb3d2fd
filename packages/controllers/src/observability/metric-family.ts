import type { LabelsOf, MetricDefinition } from './metric-definition.ts';
import { SERIES_MAX } from './metric-definition.ts';

/** One line of the exposition, but for its text: `suffix` is `_bucket`, `_sum`, `_count` or empty. */
export interface Sample {
  readonly suffix: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number;
}

interface Series {
  readonly values: readonly string[];
  value: number;
  /** Of histograms: observations at most at each bound, not summed up; the last is above all bounds. */
  readonly counts?: number[];
}

/** The series of one metric. Made by a registry; what is done with it depends on its type. */
export class MetricFamily<Definition extends MetricDefinition = MetricDefinition> {
  readonly definition: Definition;
  readonly #dropped: (name: string) => void;
  readonly #series = new Map<string, Series>();

  constructor(definition: Definition, dropped: (name: string) => void) {
    this.definition = definition;
    this.#dropped = dropped;
  }

  /** Adds to a counter. */
  add(labels: LabelsOf<Definition>, by = 1): void {
    const series = this.#of(labels);
    if (series !== undefined) series.value += by;
  }

  /** Sets a gauge, or a counter that somebody else counts. */
  set(labels: LabelsOf<Definition>, value: number): void {
    const series = this.#of(labels);
    if (series !== undefined) series.value = value;
  }

  /** Takes an observation into a histogram. */
  observe(labels: LabelsOf<Definition>, value: number): void {
    const series = this.#of(labels);
    if (series?.counts === undefined) return;
    series.value += value;
    const bucket = this.definition.buckets!.findIndex((bound) => value <= bound);
    const at = bucket === -1 ? series.counts.length - 1 : bucket;
    series.counts[at] = series.counts[at]! + 1;
  }

  /** Forgets every series: what is collected at each scrape begins with this. */
  clear(): void {
    this.#series.clear();
  }

  samples(): readonly Sample[] {
    const { labels, buckets = [] } = this.definition;
    return [...this.#series.values()].flatMap((series): readonly Sample[] => {
      const own = labels.map((label, at) => [label, series.values[at]!] as const);
      if (series.counts === undefined) return [{ suffix: '', labels: own, value: series.value }];
      let sum = 0;
      const filled = series.counts.map((count, at): Sample => ({ suffix: '_bucket', labels: [...own, ['le', at < buckets.length ? String(buckets[at]) : '+Inf']], value: (sum += count) }));
      return [...filled, { suffix: '_sum', labels: own, value: series.value }, { suffix: '_count', labels: own, value: sum }];
    });
  }

  #of(labels: LabelsOf<Definition>): Series | undefined {
    const { labels: names, buckets, name, seriesMax = SERIES_MAX } = this.definition;
    const byName = labels as Readonly<Record<string, string>>;
    const values = names.map((label) => byName[label]!);
    const key = values.length === 1 ? values[0]! : JSON.stringify(values);
    const found = this.#series.get(key);
    if (found !== undefined) return found;
    if (this.#series.size >= seriesMax) {
      this.#dropped(name);
      return undefined;
    }
    const series: Series = { values, value: 0, ...(buckets === undefined ? {} : { counts: Array.from({ length: buckets.length + 1 }, () => 0) }) };
    this.#series.set(key, series);
    return series;
  }
}
