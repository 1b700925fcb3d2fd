import type { Clock } from '@vfleet/core';
import type { ControllerObserver, EventRecorder, ReconcileOutcome } from '@vfleet/kube';
import type { AdmissionObserver } from '../admission/admission-observer.ts';
import type { OperatorHooks } from '../operator/controllers.ts';
import type { Operator } from '../operator/operator.ts';
import { LEASE_NAME } from '../operator/operator.ts';
import type { Health, HealthCheck } from './health.ts';
import type { MetricRegistry } from './metric-registry.ts';
import { metricTable } from './metric-table.ts';

/** Outcomes in the words of controller-runtime, where it has one. */
const RESULTS: Readonly<Record<ReconcileOutcome, string>> = { done: 'success', requeued: 'requeue_after', conflict: 'conflict', failed: 'error' };

/** Events of drains, which count; others are for people. */
const DRAIN_EVENTS: readonly string[] = ['DrainStarted', 'Drained', 'DrainEnded', 'DrainFailed', 'SriovEvicted'];

/** What an operator is started with so that its work is counted. */
export function operatorHooks(metrics: MetricRegistry, clock: Pick<Clock, 'monotonicMs'>): OperatorHooks {
  return { observer: controllerObserver(metrics), recorder: (recorder) => drainCounter(metrics, clock, recorder) };
}

function controllerObserver(metrics: MetricRegistry): ControllerObserver {
  const [reconciles, errors, times, active] = [metrics.family(metricTable.reconciles), metrics.family(metricTable.reconcileErrors), metrics.family(metricTable.reconcileTime), metrics.family(metricTable.activeWorkers)];
  const [depths, adds, durations, retries] = [metrics.family(metricTable.queueDepth), metrics.family(metricTable.queueAdds), metrics.family(metricTable.queueDuration), metrics.family(metricTable.queueRetries)];
  const working = new Map<string, number>();
  const changeWorking = (controller: string, by: number) => {
    const now = (working.get(controller) ?? 0) + by;
    working.set(controller, now);
    active.set({ controller }, now);
  };
  return {
    started: (controller) => changeWorking(controller, 1),
    finished: (controller, _key, outcome, tookMs) => {
      changeWorking(controller, -1);
      reconciles.add({ controller, result: RESULTS[outcome] });
      if (outcome === 'failed') errors.add({ controller });
      times.observe({ controller }, tookMs / 1000);
    },
    queue: (name) => {
      // From the start, so that a rate has a zero to begin from.
      errors.add({ controller: name }, 0);
      retries.add({ name }, 0);
      return {
        depth: (length) => depths.set({ name }, length),
        added: () => adds.add({ name }),
        taken: (waitedMs) => durations.observe({ name }, waitedMs / 1000),
        retried: () => retries.add({ name }),
      };
    },
  };
}

/** Passes Events on, and counts those of drains. */
function drainCounter(metrics: MetricRegistry, clock: Pick<Clock, 'monotonicMs'>, recorder: EventRecorder): EventRecorder {
  const counts = metrics.family(metricTable.drainEvents);
  const durations = metrics.family(metricTable.drainDuration);
  for (const event of DRAIN_EVENTS) counts.add({ event }, 0);
  const startedMs = new Map<string, number>();
  return {
    record: (type, about, reason, message) => {
      recorder.record(type, about, reason, message);
      if (!DRAIN_EVENTS.includes(reason)) return;
      counts.add({ event: reason });
      const node = about.metadata.name;
      if (reason === 'DrainStarted') startedMs.set(node, clock.monotonicMs());
      else if (reason !== 'SriovEvicted') {
        const since = startedMs.get(node);
        startedMs.delete(node);
        if (reason === 'Drained' && since !== undefined) durations.observe({}, (clock.monotonicMs() - since) / 1000);
      }
    },
  };
}

/** What the operator knows of the fleet, looked at on each scrape. */
export function collectOperator(metrics: MetricRegistry, operator: Operator): void {
  const [leader, nodeStates, drains] = [metrics.family(metricTable.leader), metrics.family(metricTable.nodeStates), metrics.family(metricTable.drainNodes)];
  metrics.collect('operator', () => {
    leader.set({ name: LEASE_NAME }, operator.leading ? 1 : 0);
    const { fleet } = operator.view();
    nodeStates.clear();
    drains.clear();
    if (fleet === undefined) return;
    for (const [sync_status, count] of Object.entries(fleet.nodeStates)) nodeStates.set({ sync_status }, count);
    for (const [phase, count] of Object.entries(fleet.drains)) drains.set({ phase }, count);
  });
}

/** The checks of an operator: it leads with all it needs listed, or stands by for one that does. */
export function operatorChecks(operator: Operator): readonly HealthCheck[] {
  return [
    {
      name: 'leadership', counts: 'ready',
      state: () => {
        const view = operator.view();
        if (view.role === 'stopped') return 'the operator does not run';
        return view.role === 'leader' || view.leader !== undefined ? undefined : 'this process does not lead, and it is not known who does: the Lease could not be read or taken yet';
      },
    },
    { name: 'caches', counts: 'ready', state: () => listed(operator.view().fleet?.unsynced) },
    { name: 'network-caches', counts: 'told', state: () => listed(operator.view().fleet?.unsyncedNetworks) },
  ];
}

function listed(unsynced: readonly string[] | undefined): string | undefined {
  return unsynced === undefined || unsynced.length === 0 ? undefined : `not listed yet: ${unsynced.join(', ')}`;
}

export interface AdmissionStatus {
  /** API servers are sent here, and requests are answered. */
  readonly isReady: boolean;
  /** Epoch milliseconds. */
  readonly expiry: { readonly serving: number; readonly authority: number };
}

/** Webhooks: counted, and their certificates watched. `status` is undefined until they are served. */
export function collectAdmission(metrics: MetricRegistry, health: Health, clock: Pick<Clock, 'now'>, status: () => AdmissionStatus | undefined): AdmissionObserver {
  const [requests, durations, expiry] = [metrics.family(metricTable.admissionRequests), metrics.family(metricTable.admissionDuration), metrics.family(metricTable.certificateExpiry)];
  metrics.collect('admission', () => {
    const found = status()?.expiry;
    if (found === undefined) return;
    expiry.set({ certificate: 'serving' }, found.serving / 1000);
    expiry.set({ certificate: 'authority' }, found.authority / 1000);
  });
  health.add(
    {
      name: 'webhook-certificates', counts: 'ready',
      state: () => {
        const found = status()?.expiry;
        if (found === undefined) return 'no certificate has been issued or loaded yet';
        return Math.min(found.serving, found.authority) <= clock.now() ? 'a certificate of the webhooks has ended and was not renewed' : undefined;
      },
    },
    { name: 'webhooks', counts: 'ready', state: () => (status()?.isReady === true ? undefined : 'the cluster is being listed, or the webhook configurations are not up to date yet') },
  );
  return {
    answered: (webhook, outcome, tookMs) => {
      requests.add({ webhook, outcome });
      if (tookMs !== undefined) durations.observe({ webhook }, tookMs / 1000);
    },
  };
}
