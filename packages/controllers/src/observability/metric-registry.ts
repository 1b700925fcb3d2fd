import type { Log } from '@vfleet/core';
import { formatFamily } from './exposition.ts';
import type { MetricDefinition, MetricProcess } from './metric-definition.ts';
import { MetricFamily } from './metric-family.ts';
import { metricTable, metricsOf } from './metric-table.ts';

/** Collects what nobody counts as it happens. Run before each scrape. */
export type Collector = () => void | Promise<void>;

/** The metrics of one process. Any number of registries can live in one program: nothing is shared. */
export class MetricRegistry {
  readonly process: MetricProcess;
  readonly #log: Log;
  readonly #families = new Map<string, MetricFamily>();
  readonly #collectors = new Map<string, Collector>();
  #scraping: Promise<string> | undefined;

  constructor(process: MetricProcess, log: Log) {
    this.process = process;
    this.#log = log;
    const dropped = (metric: string) => {
      if (metric !== metricTable.droppedSeries.name) this.family(metricTable.droppedSeries).add({ metric });
    };
    for (const definition of metricsOf(process)) this.#families.set(definition.name, new MetricFamily(definition, dropped));
  }

  /** The family of a definition of this process. Asking for another's is a mistake in the program, and throws. */
  family<Definition extends MetricDefinition>(definition: Definition): MetricFamily<Definition> {
    const found = this.#families.get(definition.name);
    if (found === undefined) throw new Error(`${definition.name} is no metric of the ${this.process}`);
    // The map holds for each name the family of the definition with that name.
    return found as unknown as MetricFamily<Definition>;
  }

  /** `name` is what a failure is told under. */
  collect(name: string, collector: Collector): void {
    this.#collectors.set(name, collector);
  }

  /** Everything in Prometheus' text format. Scrapes at the same time share one look. */
  scrape(): Promise<string> {
    this.#scraping ??= this.#scrape().finally(() => {
      this.#scraping = undefined;
    });
    return this.#scraping;
  }

  async #scrape(): Promise<string> {
    await Promise.all([...this.#collectors].map(async ([collector, collect]) => {
      try {
        await collect();
      } catch (error) {
        this.family(metricTable.collectorFailures).add({ collector });
        this.#log.warn('part of the metrics could not be collected', { collector, cause: error instanceof Error ? error.message : String(error) });
      }
    }));
    return [...this.#families.values()].map(formatFamily).join('');
  }
}
