import { collectHealth } from '@vfleet/controllers/observability/common-metrics.ts';
import { collectProcess } from '@vfleet/controllers/observability/edge/process-metrics.ts';
import { serveStatus } from '@vfleet/controllers/observability/edge/status-server.ts';
import type { StatusServer, StatusServerPorts } from '@vfleet/controllers/observability/edge/status-server.ts';
import { Health } from '@vfleet/controllers/observability/health.ts';
import type { MetricProcess } from '@vfleet/controllers/observability/metric-definition.ts';
import { MetricRegistry } from '@vfleet/controllers/observability/metric-registry.ts';
import type { Clock, Log, Timer } from '@vfleet/core';
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
  const own = observed(process, log);
  const server = await serveStatus({ ...own, log }, { host, port }).catch((error: unknown): never => {
    throw new CliFailure(`metrics and health cannot be served on ${host} port ${port}: ${error instanceof Error ? error.message : String(error)}`, 'Give --status-port another port; 0 takes a free one.');
  });
  log.info('metrics and health are served', { address: server.host, port: server.port });
  return { ...own, [Symbol.asyncDispose]: () => server.close() };
}

function observed(process: MetricProcess, log: Log): { readonly metrics: MetricRegistry; readonly health: Health } {
  const metrics = new MetricRegistry(process, log);
  const health = new Health();
  collectProcess(metrics, VFLEET_VERSION);
  collectHealth(metrics, health);
  return { metrics, health };
}

/** A port that the processes of one node have one after the other. */
export interface SharedStatus extends Status {
  /** Serves as soon as the port is free. */
  claim(): void;
  /** Leaves the port to another process. */
  leave(): void;
}

/** How soon a port that has become free is noticed. */
const TRY_MS = 500;

/** As {@link startStatus}, where a port that another process has is waited for. */
export async function startSharedStatus(process: MetricProcess, options: StatusOptions, { log, clock }: { readonly log: Log; readonly clock: Clock }): Promise<SharedStatus | undefined> {
  if (options.statusPort === undefined) return undefined;
  const own = observed(process, log);
  const place = new StatusPlace({ ...own, log, clock }, { host: options.statusAddress, port: options.statusPort });
  await place.claim();
  return { ...own, claim: () => void place.claim(), leave: () => void place.leave(), [Symbol.asyncDispose]: () => place.leave() };
}

class StatusPlace {
  readonly #ports: StatusServerPorts & { readonly clock: Clock };
  readonly #where: { readonly host: string; readonly port: number };
  /** What is done to the port, one after the other. */
  #queue: Promise<void> = Promise.resolve();
  #server: StatusServer | undefined;
  #timer: Timer | undefined;
  #problem: string | undefined;

  constructor(ports: StatusServerPorts & { readonly clock: Clock }, where: { readonly host: string; readonly port: number }) {
    this.#ports = ports;
    this.#where = where;
  }

  claim(): Promise<void> {
    this.#timer?.cancel();
    return this.#inTurn(() => this.#try());
  }

  leave(): Promise<void> {
    this.#timer?.cancel();
    return this.#inTurn(async () => {
      this.#timer?.cancel();
      const server = this.#server;
      this.#server = undefined;
      await server?.close();
    });
  }

  async #try(): Promise<void> {
    if (this.#server !== undefined) return;
    const { log, clock } = this.#ports;
    try {
      this.#server = await serveStatus(this.#ports, this.#where);
      this.#problem = undefined;
      log.info('metrics and health are served', { address: this.#server.host, port: this.#server.port });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== this.#problem) log.warn('metrics and health cannot be served yet', { ...this.#where, cause: problem, remedy: 'An earlier process of this node leaves the port in a second; another program has --status-port for as long as it runs.' });
      this.#problem = problem;
      this.#timer = clock.setTimer(TRY_MS, () => void this.claim());
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work);
    return this.#queue;
  }
}
