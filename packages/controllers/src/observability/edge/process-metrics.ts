import { performance } from 'node:perf_hooks';
import type { MetricRegistry } from '../metric-registry.ts';
import { metricTable } from '../metric-table.ts';

/** What the process itself costs. */
export function collectProcess(metrics: MetricRegistry, version: string): void {
  metrics.family(metricTable.buildInfo).set({ version }, 1);
  metrics.family(metricTable.startTime).set({}, performance.timeOrigin / 1000);
  let before = performance.eventLoopUtilization();
  metrics.collect('process', () => {
    const { user, system } = process.cpuUsage();
    metrics.family(metricTable.cpuSeconds).set({}, (user + system) / 1e6);
    metrics.family(metricTable.residentMemory).set({}, process.memoryUsage.rss());
    const now = performance.eventLoopUtilization();
    metrics.family(metricTable.eventLoopUtilization).set({}, performance.eventLoopUtilization(now, before).utilization);
    before = now;
  });
}
