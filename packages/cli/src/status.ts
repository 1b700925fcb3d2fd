import { collectHealth } from '@vfleet/controllers/observability/common-metrics.ts';
import { collectProcess } from '@vfleet/controllers/observability/edge/process-metrics.ts';
import { serveStatus } from '@vfleet/controllers/observability/edge/status-server.ts';
import { Health } from '@vfleet/controllers/observability/health.ts';
import type { MetricProcess } from '@vfleet/controllers/observability/metric-definition.ts';
import { MetricRegistry } from '@vfleet/controllers/observability/metric-registry.ts';
import type { Log } from '@vfleet/core';
import { CliFailure } from './failure.ts';
import type { StatusOptions } from './options.ts';
import { VFLEET_VERSION } from './version.ts';

/** Metrics and health of this process, and where they are shown. */
export interface Status extends AsyncDisposable {
  readonly metrics: MetricRegistry;
  readonly health: Health;
}

/** Serves them where the options say; undefined when they say nowhere. */
export async function startStatus(process: MetricProcess, { statusPort: port, statusAddress: host }: StatusOptions, log: Log): Promise<Status | undefined> {
  if (port === undefined) return undefined;
  const metrics = new MetricRegistry(process, log);
  const health = new Health();
  collectProcess(metrics, VFLEET_VERSION);
  collectHealth(metrics, health);
  const server = await serveStatus({ metrics, health, log }, { host, port }).catch((error: unknown): never => {
    throw new CliFailure(`metrics and health cannot be served on ${host} port ${port}: ${error instanceof Error ? error.message : String(error)}`, 'Give --status-port another port; 0 takes a free one.');
  });
  log.info('metrics and health are served', { address: server.host, port: server.port });
  return { metrics, health, [Symbol.asyncDispose]: () => server.close() };
}
