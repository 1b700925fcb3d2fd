import type { Clock, LabelSelector } from '@vfleet/core';
import { isKubeError, rfc3339 } from '@vfleet/core';
import type { Informer, LabelRequirements, Pod, ReplicaSet } from '@vfleet/kube';
import { Controller, controllerOf, labelRequirementsOf, matchesLabels, objectKeyText, replicaSets } from '@vfleet/kube';
import type { PodTemplate, WorkloadPorts } from './pod-control.ts';
import { PodControl } from './pod-control.ts';
import { compareByLoss, isActive, readinessOf } from './pod-readiness.ts';
import { unlessGone } from '../unless-gone.ts';

export interface ReplicaSetControllerOptions extends WorkloadPorts {
  readonly clock: Clock;
  readonly replicaSets: Informer<ReplicaSet>;
  readonly onBug?: (error: unknown, key: string) => void;
}

type Status = NonNullable<ReplicaSet['status']>;

/** Pods created or deleted in one go (BurstReplicas). */
const BURST = 500;

/** Keeps as many pods of a template as are wanted (kubernetes pkg/controller/replicaset). */
export class ReplicaSetController {
  readonly #options: ReplicaSetControllerOptions;
  readonly #control: PodControl;
  readonly #controller: Controller;

  constructor(options: ReplicaSetControllerOptions) {
    this.#options = options;
    this.#control = new PodControl(options);
    this.#controller = new Controller(options, { name: 'replicaset', workers: 5, reconcile: (key) => unlessGone(this.#reconcile(key)), ...(options.onBug !== undefined && { onBug: options.onBug }) });
  }

  start(): void {
    const look = (replicaSet: ReplicaSet) => this.#controller.queue.add(objectKeyText(replicaSet));
    this.#options.replicaSets.subscribe({ added: look, updated: (_, replicaSet) => look(replicaSet) });
    this.#options.pods.subscribe({
      added: (pod) => this.#podChanged(pod),
      updated: (old, pod) => {
        if (old.metadata.ownerReferences !== pod.metadata.ownerReferences) this.#podChanged(old);
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
    const owner = controllerOf(pod);
    const namespace = pod.metadata.namespace ?? '';
    if (owner !== undefined) {
      if (owner.kind === 'ReplicaSet') this.#controller.queue.add(`${namespace}/${owner.name}`);
      return;
    }
    // A pod without controller may be what some ReplicaSet looks for.
    for (const replicaSet of this.#options.replicaSets.byIndex('namespace', namespace)) {
      const selector = selectorOf(replicaSet);
      if (selector !== undefined && matchesLabels(selector, pod.metadata.labels)) this.#controller.queue.add(objectKeyText(replicaSet));
    }
  }

  async #reconcile(key: string): Promise<void | { readonly requeueAfterMs: number }> {
    const replicaSet = this.#options.replicaSets.get(key);
    const selector = replicaSet === undefined ? undefined : selectorOf(replicaSet);
    if (replicaSet === undefined || selector === undefined || this.#control.isBehind(replicaSet)) return undefined;
    let failure: string | undefined;
    const isGoing = replicaSet.metadata.deletionTimestamp !== undefined;
    if (!isGoing) {
      await this.#claim(replicaSet, selector);
      failure = await this.#scale(replicaSet);
    }
    const active = this.#control.podsOf(replicaSet).filter(isActive);
    const nowMs = this.#options.clock.now();
    const readiness = readinessOf(active, replicaSet.spec?.minReadySeconds ?? 0, nowMs);
    await this.#writeStatus(replicaSet, active, readiness, failure);
    return readiness.nextAtMs === undefined ? undefined : { requeueAfterMs: readiness.nextAtMs - nowMs };
  }

  /** Takes in pods that match and belong to nobody, lets go those that do not match any more. */
  async #claim(replicaSet: ReplicaSet, selector: LabelRequirements): Promise<void> {
    for (const pod of this.#control.podsOf(replicaSet)) if (!matchesLabels(selector, pod.metadata.labels)) await this.#control.release(replicaSet, pod);
    for (const pod of this.#options.pods.byIndex('namespace', replicaSet.metadata.namespace ?? '')) {
      if (controllerOf(pod) === undefined && isActive(pod) && matchesLabels(selector, pod.metadata.labels)) await this.#control.adopt(replicaSet, pod);
    }
  }

  /** Answers why pods could not be made or deleted, if so. */
  async #scale(replicaSet: ReplicaSet): Promise<string | undefined> {
    const active = this.#control.podsOf(replicaSet).filter(isActive);
    const missing = (replicaSet.spec?.replicas ?? 1) - active.length;
    try {
      for (let count = 0; count < Math.min(missing, BURST); count++) await this.#control.create(replicaSet, (replicaSet.spec?.template ?? {}) as PodTemplate);
      for (const pod of active.toSorted(compareByLoss).slice(0, Math.min(Math.max(0, -missing), BURST))) await this.#control.delete(replicaSet, pod);
      return undefined;
    } catch (error) {
      if (!isKubeError(error)) throw error;
      return error.message;
    }
  }

  async #writeStatus(replicaSet: ReplicaSet, active: readonly Pod[], readiness: { readonly ready: number; readonly available: number }, failure: string | undefined): Promise<void> {
    const template = (replicaSet.spec?.template ?? {}) as PodTemplate;
    const labels = Object.entries(template.metadata?.labels ?? {});
    const status: Status = {
      replicas: active.length,
      fullyLabeledReplicas: active.filter(({ metadata }) => labels.every(([key, value]) => metadata.labels?.[key] === value)).length,
      readyReplicas: readiness.ready,
      availableReplicas: readiness.available,
      observedGeneration: replicaSet.metadata.generation ?? 0,
      ...(failure !== undefined && { conditions: [this.#failed(replicaSet, failure)] }),
    };
    const before = replicaSet.status;
    const same = before !== undefined && (['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'] as const).every((field) => (before[field] ?? 0) === status[field])
      && before.conditions?.[0]?.message === status.conditions?.[0]?.message;
    if (!same) await this.#options.kube.update(replicaSets, { ...replicaSet, status }, { subresource: 'status' });
    if (failure !== undefined) this.#controller.queue.addRateLimited(objectKeyText(replicaSet), 1000);
  }

  #failed(replicaSet: ReplicaSet, message: string): NonNullable<Status['conditions']>[number] {
    const lastTransitionTime = replicaSet.status?.conditions?.[0]?.lastTransitionTime ?? rfc3339(this.#options.clock.now());
    return { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message, lastTransitionTime };
  }
}

/** Undefined for a selector that is broken or would select everything. */
function selectorOf(replicaSet: ReplicaSet): LabelRequirements | undefined {
  const requirements = labelRequirementsOf((replicaSet.spec?.selector ?? {}) as LabelSelector);
  return requirements.ok && requirements.value.length > 0 ? requirements.value : undefined;
}
