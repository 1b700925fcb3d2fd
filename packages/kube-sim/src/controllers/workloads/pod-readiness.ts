import { parseRfc3339 } from '@vfleet/core';
import type { Pod } from '@vfleet/kube';
import { isReady, isTerminal } from '../../pods/state.ts';

/** Neither over nor on its way out. */
export function isActive(pod: Pod): boolean {
  return !isTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** When a ready pod counts as available, in milliseconds since the epoch; undefined when it is not ready. */
export function availableAtMs(pod: Pod, minReadySeconds: number): number | undefined {
  if (!isReady(pod)) return undefined;
  const since = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  return minReadySeconds === 0 || since === undefined ? 0 : (parseRfc3339(String(since)) ?? 0) + minReadySeconds * 1000;
}

export interface Readiness {
  readonly ready: number;
  readonly available: number;
  /** When the next ready pod becomes available by the passing of time. */
  readonly nextAtMs?: number;
}

export function readinessOf(pods: readonly Pod[], minReadySeconds: number, nowMs: number): Readiness {
  let ready = 0;
  let available = 0;
  let nextAtMs = Number.POSITIVE_INFINITY;
  for (const pod of pods) {
    const atMs = availableAtMs(pod, minReadySeconds);
    if (atMs === undefined) continue;
    ready++;
    if (atMs <= nowMs) available++;
    else nextAtMs = Math.min(nextAtMs, atMs);
  }
  return { ready, available, ...(Number.isFinite(nextAtMs) && { nextAtMs }) };
}

const PHASES = ['Pending', 'Unknown', 'Running'];

/** Which of two pods is the smaller loss: not yet placed, not yet running, not ready, younger (controller_utils.go, ActivePodsWithRanks). */
export function compareByLoss(a: Pod, b: Pod): number {
  const placed = Number((a.spec?.nodeName ?? '') !== '') - Number((b.spec?.nodeName ?? '') !== '');
  if (placed !== 0) return placed;
  const phase = PHASES.indexOf(a.status?.phase ?? 'Pending') - PHASES.indexOf(b.status?.phase ?? 'Pending');
  if (phase !== 0) return phase;
  const ready = Number(isReady(a)) - Number(isReady(b));
  if (ready !== 0) return ready;
  const [one, two] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (one !== two) return one > two ? -1 : 1;
  return a.metadata.name > b.metadata.name ? -1 : 1;
}
