import type { Clock, Kube, LabelSelector, Log, OwnerReference } from '@vfleet/core';
import { parseRfc3339, rfc3339 } from '@vfleet/core';
import type { Deployment, Informer, LabelRequirements, Pod, PodDisruptionBudget, ReplicaSet } from '@vfleet/kube';
import { Controller, controllerOf, labelRequirementsOf, matchesLabels, objectKey, objectKeyText, podDisruptionBudgets } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import { isReady } from '../pods/state.ts';
import { resolveIntOrPercent } from './int-or-percent.ts';
import { unlessGone } from './unless-gone.ts';

export interface DisruptionControllerOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: EventRecorder;
  /** With an index `namespace`. */
  readonly pods: Informer<Pod>;
  readonly budgets: Informer<PodDisruptionBudget>;
  readonly deployments: Informer<Deployment>;
  readonly replicaSets: Informer<ReplicaSet>;
  readonly onBug?: (error: unknown, key: string) => void;
}

type BudgetStatus = NonNullable<PodDisruptionBudget['status']>;

/** An eviction that was allowed counts as a disruption this long, whether or not the pod goes (DeletionTimeout). */
const DELETION_TIMEOUT_MS = 120_000;

/** Keeps the status of PodDisruptionBudgets, by which the API server allows evictions (kubernetes pkg/controller/disruption). */
export class DisruptionController {
  readonly #options: DisruptionControllerOptions;
  readonly #controller: Controller;

  constructor(options: DisruptionControllerOptions) {
    this.#options = options;
    this.#controller = new Controller(options, {
      name: 'disruption', reconcile: (key) => unlessGone(this.#reconcile(key)), ...(options.onBug !== undefined && { onBug: options.onBug }),
    });
  }

  start(): void {
    const { budgets, pods } = this.#options;
    const look = (budget: PodDisruptionBudget) => this.#controller.queue.add(objectKeyText(budget));
    budgets.subscribe({ added: look, updated: (_, budget) => look(budget) });
    pods.subscribe({
      added: (pod) => this.#podChanged(pod),
      updated: (old, pod) => {
        if (old.metadata.labels !== pod.metadata.labels) this.#podChanged(old);
        this.#podChanged(pod);
      },
      deleted: (pod) => this.#podChanged(pod),
    });
    this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  #podChanged(pod: Pod): void {
    for (const budget of this.#options.budgets.byIndex('namespace', pod.metadata.namespace ?? '')) {
      const selector = selectorOf(budget);
      if (selector !== undefined && matchesLabels(selector, pod.metadata.labels)) this.#controller.queue.add(objectKeyText(budget));
    }
  }

  async #reconcile(key: string): Promise<void | { readonly requeueAfterMs: number }> {
    const budget = this.#options.budgets.get(key);
    if (budget === undefined) return undefined;
    const selector = selectorOf(budget);
    const selected = selector === undefined ? [] : this.#options.pods.byIndex('namespace', budget.metadata.namespace ?? '').filter((pod) => matchesLabels(selector, pod.metadata.labels));
    if (selected.length === 0) this.#options.recorder.record('Normal', budget, 'NoPods', 'No matching pods found');
    const { counts, problem } = this.#expected(budget, selected);
    const disrupted = this.#stillDisrupted(budget, selected);
    const currentHealthy = selected.filter((pod) => pod.metadata.deletionTimestamp === undefined && disrupted[pod.metadata.name] === undefined && isReady(pod)).length;
    const allowed = problem !== undefined || counts.expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - counts.desiredHealthy);
    if (problem !== undefined) this.#options.recorder.record('Warning', budget, 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${problem}`);
    await this.#write(budget, { ...counts, currentHealthy, disruptionsAllowed: allowed, ...(Object.keys(disrupted).length > 0 && { disruptedPods: disrupted }) }, problem);
    const soonestMs = Math.min(...Object.values(disrupted).map((time) => parseRfc3339(String(time))! + DELETION_TIMEOUT_MS));
    return Number.isFinite(soonestMs) ? { requeueAfterMs: Math.max(1, soonestMs - this.#options.clock.now() + 1) } : undefined;
  }

  #expected(budget: PodDisruptionBudget, selected: readonly Pod[]): { readonly counts: { readonly expectedPods: number; readonly desiredHealthy: number }; readonly problem?: string } {
    const { minAvailable, maxUnavailable } = budget.spec ?? {};
    if (maxUnavailable === undefined && typeof minAvailable === 'number') return { counts: { expectedPods: selected.length, desiredHealthy: minAvailable } };
    const scale = this.#scale(selected);
    if (typeof scale === 'string') return { counts: { expectedPods: selected.length, desiredHealthy: budget.status?.desiredHealthy ?? 0 }, problem: scale };
    if (maxUnavailable !== undefined) return { counts: { expectedPods: scale, desiredHealthy: Math.max(0, scale - resolveIntOrPercent(maxUnavailable, scale, 'up')) } };
    return { counts: { expectedPods: scale, desiredHealthy: minAvailable === undefined ? 0 : resolveIntOrPercent(minAvailable, scale, 'up') } };
  }

  /** How many pods the controllers of these pods want in all; a text when one of them is not known. Pods without controller do not count. */
  #scale(selected: readonly Pod[]): number | string {
    const scales = new Map<string, number>();
    for (const pod of selected) {
      const owner = controllerOf(pod);
      if (owner === undefined || scales.has(owner.uid)) continue;
      const found = this.#scaleOf(owner, pod.metadata.namespace ?? '');
      if (found === undefined) return `found no controllers for pod "${pod.metadata.name}"`;
      scales.set(found.uid, found.replicas);
    }
    return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  }

  #scaleOf(owner: OwnerReference, namespace: string): { readonly uid: string; readonly replicas: number } | undefined {
    if (owner.kind !== 'ReplicaSet') return undefined;
    const replicaSet = this.#options.replicaSets.get({ namespace, name: owner.name });
    if (replicaSet?.metadata.uid !== owner.uid) return undefined;
    const above = controllerOf(replicaSet);
    const deployment = above?.kind === 'Deployment' ? this.#options.deployments.get({ namespace, name: above.name }) : undefined;
    if (above !== undefined && deployment?.metadata.uid === above.uid) return { uid: above.uid, replicas: deployment.spec?.replicas ?? 1 };
    return { uid: owner.uid, replicas: replicaSet.spec?.replicas ?? 1 };
  }

  /** Evictions that were allowed and whose pods have not begun to go. */
  #stillDisrupted(budget: PodDisruptionBudget, selected: readonly Pod[]): Record<string, string> {
    const left: Record<string, string> = {};
    for (const pod of selected) {
      const time = budget.status?.disruptedPods?.[pod.metadata.name];
      if (time === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
      if (parseRfc3339(String(time))! + DELETION_TIMEOUT_MS > this.#options.clock.now()) left[pod.metadata.name] = String(time);
    }
    return left;
  }

  async #write(budget: PodDisruptionBudget, counts: Omit<BudgetStatus, 'conditions' | 'observedGeneration'>, problem: string | undefined): Promise<void> {
    const observedGeneration = budget.metadata.generation ?? 0;
    const condition = conditionOf(counts.disruptionsAllowed, problem);
    const before = budget.status?.conditions?.find(({ type }) => type === condition.type);
    const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : rfc3339(this.#options.clock.now());
    const status = { ...counts, observedGeneration, conditions: [{ ...condition, observedGeneration, lastTransitionTime }] };
    if (sameStatus(budget.status, status)) return;
    // With its version: an eviction allowed meanwhile must not be overwritten.
    const { resourceVersion } = budget.metadata;
    await this.#options.kube.update(podDisruptionBudgets, { ...budget, metadata: { ...budget.metadata, ...(resourceVersion !== undefined && { resourceVersion }) }, status: status as BudgetStatus }, { subresource: 'status' });
    this.#options.log.debug('A disruption budget was updated.', { budget: objectKey(budget), disruptionsAllowed: counts.disruptionsAllowed });
  }
}

function conditionOf(disruptionsAllowed: number | undefined, problem: string | undefined): { readonly type: string; readonly status: 'True' | 'False'; readonly reason: string; readonly message: string } {
  if (problem !== undefined) return { type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message: problem };
  return (disruptionsAllowed ?? 0) > 0
    ? { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', message: '' }
    : { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '' };
}

const COUNTS = ['currentHealthy', 'desiredHealthy', 'expectedPods', 'disruptionsAllowed', 'observedGeneration'] as const;

function sameStatus(before: BudgetStatus | undefined, after: Omit<BudgetStatus, 'conditions'> & { readonly conditions: readonly { readonly status: string; readonly reason: string }[] }): boolean {
  if (before === undefined || COUNTS.some((field) => before[field] !== after[field])) return false;
  const condition = before.conditions?.[0];
  return JSON.stringify(before.disruptedPods ?? {}) === JSON.stringify(after.disruptedPods ?? {})
    && condition?.status === after.conditions[0]?.status && condition?.reason === after.conditions[0]?.reason;
}

/** Undefined: selects nothing. An empty selector selects every pod of the namespace (policy/v1). */
function selectorOf(budget: PodDisruptionBudget): LabelRequirements | undefined {
  const { selector } = budget.spec ?? {};
  if (selector === undefined) return undefined;
  const requirements = labelRequirementsOf(selector as LabelSelector);
  return requirements.ok ? requirements.value : undefined;
}
