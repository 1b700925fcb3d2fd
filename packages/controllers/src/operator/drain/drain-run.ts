import type { Clock, DrainRequest, KubeError } from '@vfleet/core';
import type { Informer, Pod } from '@vfleet/kube';
import { listSome } from '../text.ts';
import type { EvictionOutcome } from './eviction.ts';

export interface DrainTuning {
  /** A try that has not emptied the node by then has failed. */
  readonly tryMs: number;
  readonly triesMax: number;
  /** Between attempts to evict one pod. */
  readonly retryMs: number;
  /** After giving up: doubles with every time, up to the second value. */
  readonly backOffMs: number;
  readonly backOffMaxMs: number;
  /** Evictions under way at once, of one node. */
  readonly parallel: number;
}

export const drainTuningDefault: DrainTuning = { tryMs: 90_000, triesMax: 3, retryMs: 5000, backOffMs: 60_000, backOffMaxMs: 1_800_000, parallel: 10 };

/** What holds a drain up: the pod, and why. */
export interface Blocker {
  readonly pod: string;
  /** `namespace/name` of the PodDisruptionBudget, where one forbids the eviction. */
  readonly budget?: string;
  readonly why: string;
}

interface Attempt {
  readonly atMs: number;
  readonly outcome: EvictionOutcome;
}

/** One node's drain in this process: the pods there, which evictions were tried, and for how long. Not persistent: a new leader begins anew. */
export class DrainRun {
  readonly pods: Informer<Pod>;
  readonly #clock: Clock;
  readonly #tuning: DrainTuning;
  readonly #attempts = new Map<string, Attempt>();
  #tries = 1;
  #tryStartedMs: number;
  #request: DrainRequest;

  constructor(clock: Clock, tuning: DrainTuning, pods: Informer<Pod>, request: DrainRequest) {
    this.#clock = clock;
    this.#tuning = tuning;
    this.pods = pods;
    this.#tryStartedMs = clock.monotonicMs();
    this.#request = request;
  }

  get tries(): number {
    return this.#tries;
  }

  /** A request that grows to a reboot begins anew with its tries: there is more to do. */
  restartFor(request: DrainRequest): void {
    if (request === this.#request) return;
    this.#request = request;
    this.#tries = 1;
    this.#beginTry();
  }

  /** Looks at the deadline. `expired`: all tries are used up. */
  checkDeadline(): 'running' | 'expired' {
    if (this.#clock.monotonicMs() - this.#tryStartedMs < this.#tuning.tryMs) return 'running';
    if (this.#tries >= this.#tuning.triesMax) return 'expired';
    this.#tries++;
    this.#beginTry();
    return 'running';
  }

  /** Milliseconds until something is to be done without being woken: another eviction, or the deadline. */
  nextMs(remaining: readonly Pod[]): number {
    const now = this.#clock.monotonicMs();
    const deadlineMs = this.#tryStartedMs + this.#tuning.tryMs - now;
    const retriesMs = remaining
      .filter((pod) => pod.metadata.deletionTimestamp === undefined)
      .map((pod) => (this.#attempts.get(pod.metadata.uid ?? '')?.atMs ?? now) + this.#tuning.retryMs - now);
    return Math.max(1, Math.min(deadlineMs, ...retriesMs));
  }

  /** Pods whose eviction is to be asked for now. Those that terminate are waited for. */
  due(remaining: readonly Pod[]): readonly Pod[] {
    const now = this.#clock.monotonicMs();
    return remaining.filter((pod) => {
      if (pod.metadata.deletionTimestamp !== undefined) return false;
      const last = this.#attempts.get(pod.metadata.uid ?? '');
      return last === undefined || now - last.atMs >= this.#tuning.retryMs;
    });
  }

  tried(pod: Pod, outcome: EvictionOutcome): void {
    this.#attempts.set(pod.metadata.uid ?? '', { atMs: this.#clock.monotonicMs(), outcome });
  }

  /** Why each of the remaining pods is still there. */
  blockers(remaining: readonly Pod[]): readonly Blocker[] {
    return remaining.map((pod) => blockerOf(pod, this.#attempts.get(pod.metadata.uid ?? '')?.outcome));
  }

  #beginTry(): void {
    this.#tryStartedMs = this.#clock.monotonicMs();
    this.#attempts.clear();
  }
}

function blockerOf(pod: Pod, outcome: EvictionOutcome | undefined): Blocker {
  const { namespace = '', name, deletionTimestamp } = pod.metadata;
  const text = `${namespace}/${name}`;
  if (deletionTimestamp !== undefined) return { pod: text, why: `is terminating since ${deletionTimestamp}` };
  if (outcome?.kind === 'blocked') return { pod: text, budget: `${namespace}/${outcome.budget}`, why: `is protected by PodDisruptionBudget ${namespace}/${outcome.budget} (${outcome.detail})` };
  if (outcome?.kind === 'failed') return { pod: text, why: `cannot be evicted: ${failureText(outcome.error)}` };
  return { pod: text, why: 'has not gone yet' };
}

function failureText(error: KubeError): string {
  return error.message;
}

/** For people: who holds the drain up. */
export function describeBlockers(blockers: readonly Blocker[]): string {
  return listSome(blockers.map((blocker) => `pod ${blocker.pod} ${blocker.why}`));
}
