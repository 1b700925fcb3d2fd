import type { Clock, Kube } from '@vfleet/core';
import { ObservedKube } from '@vfleet/kube';
import type { Health } from './health.ts';
import type { MetricRegistry } from './metric-registry.ts';
import { metricTable } from './metric-table.ts';

/** The same API, counted. */
export function countedKube(metrics: MetricRegistry, kube: Kube, clock: Pick<Clock, 'monotonicMs'>): Kube {
  const requests = metrics.family(metricTable.apiRequests);
  const durations = metrics.family(metricTable.apiRequestDuration);
  return new ObservedKube(kube, clock, ({ verb, resource: { group, plural: resource }, subresource, code, tookMs }) => {
    requests.add({ verb, group, resource, subresource, code });
    if (verb !== 'watch') durations.observe({ verb, resource }, tookMs / 1000);
  });
}

/** Checks as metrics, so that a rule can name the one that fails. */
export function collectHealth(metrics: MetricRegistry, health: Health): void {
  const family = metrics.family(metricTable.healthCheck);
  metrics.collect('health', () => {
    for (const [{ name: check }, problem] of health.states()) family.set({ check }, problem === undefined ? 1 : 0);
  });
}
