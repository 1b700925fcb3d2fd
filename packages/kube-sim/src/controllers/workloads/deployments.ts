import type { Clock, Kube, Log } from '@vfleet/core';
import { isKubeError, parseRfc3339, rfc3339 } from '@vfleet/core';
import type { Deployment, Informer, ReplicaSet } from '@vfleet/kube';
import { Controller, controllerOf, deployments, objectKey, objectKeyText, ownerReferenceTo, replicaSets } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import type { Scaling } from './deployment-plan.ts';
import { availableOf, fenceposts, HASH_LABEL, hasTemplate, nextScalings, REVISION, revisionOf, total, wantedOf } from './deployment-plan.ts';
import type { PodTemplate } from './pod-control.ts';
import { templateHash } from './template-hash.ts';
import { unlessGone } from '../unless-gone.ts';

export interface DeploymentControllerOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: EventRecorder;
  readonly deployments: Informer<Deployment>;
  /** With an index `controller`. */
  readonly replicaSets: Informer<ReplicaSet>;
  readonly onBug?: (error: unknown, key: string) => void;
}

type Status = NonNullable<Deployment['status']>;
type Condition = NonNullable<Status['conditions']>[number];

const HISTORY_LIMIT = 10;
const PROGRESS_DEADLINE_SECONDS = 600;
const COUNTS = ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas', 'observedGeneration'] as const;

/** Rolls templates out over ReplicaSets (kubernetes pkg/controller/deployment). Proportional scaling of several ReplicaSets is left out. */
export class DeploymentController {
  readonly #options: DeploymentControllerOptions;
  readonly #controller: Controller;

  constructor(options: DeploymentControllerOptions) {
    this.#options = options;
    this.#controller = new Controller(options, { name: 'deployment', workers: 5, reconcile: (key) => unlessGone(this.#reconcile(key)), ...(options.onBug !== undefined && { onBug: options.onBug }) });
  }

  start(): void {
    const look = (deployment: Deployment) => this.#controller.queue.add(objectKeyText(deployment));
    this.#options.deployments.subscribe({ added: look, updated: (_, deployment) => look(deployment) });
    const lookAtOwner = (replicaSet: ReplicaSet) => {
      const owner = controllerOf(replicaSet);
      if (owner?.kind === 'Deployment') this.#controller.queue.add(`${replicaSet.metadata.namespace}/${owner.name}`);
    };
    this.#options.replicaSets.subscribe({ added: lookAtOwner, updated: (_, replicaSet) => lookAtOwner(replicaSet), deleted: lookAtOwner });
    this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  async #reconcile(key: string): Promise<void | { readonly requeueAfterMs: number }> {
    const deployment = this.#options.deployments.get(key);
    if (deployment === undefined) return undefined;
    const owned = this.#options.replicaSets.byIndex('controller', deployment.metadata.uid!).toSorted(byAge);
    const template = (deployment.spec?.template ?? {}) as PodTemplate;
    const current = owned.find((replicaSet) => hasTemplate(replicaSet, template));
    if (deployment.metadata.deletionTimestamp !== undefined) return this.#report(deployment, owned, current);
    const old = owned.filter((replicaSet) => replicaSet !== current);
    if (current === undefined) {
      // A paused deployment makes no new ReplicaSet; the next look finds the one made here in the cache.
      if (deployment.spec?.paused !== true) await this.#createCurrent(deployment, template, old);
      return this.#report(deployment, owned, undefined);
    }
    if (deployment.spec?.paused === true) await this.#scale(deployment, wantedOf(current) === wantedOf(deployment) || old.some((one) => wantedOf(one) > 0) ? [] : [{ replicaSet: current, replicas: wantedOf(deployment) }]);
    else {
      await this.#annotate(deployment, current, old);
      await this.#scale(deployment, nextScalings(deployment, current, old));
      await this.#forgetHistory(deployment, current, old);
    }
    return this.#report(deployment, owned, current);
  }

  async #createCurrent(deployment: Deployment, template: PodTemplate, old: readonly ReplicaSet[]): Promise<void> {
    const { kube, recorder } = this.#options;
    const hash = templateHash(template);
    const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
    const { selector } = deployment.spec!;
    const replicas = deployment.spec?.strategy?.type === 'Recreate' && old.length > 0
      ? 0
      : Math.max(0, Math.min(wantedOf(deployment), wantedOf(deployment) + fenceposts(deployment).maxSurge - total(old, wantedOf)));
    const replicaSet: ReplicaSet = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${deployment.metadata.name}-${hash}`, namespace: deployment.metadata.namespace ?? '', labels,
        annotations: annotationsFor(deployment, Math.max(0, ...old.map(revisionOf)) + 1),
        ownerReferences: [ownerReferenceTo(deployment, { controller: true, blockOwnerDeletion: true })],
      },
      spec: {
        replicas,
        ...(deployment.spec?.minReadySeconds !== undefined && { minReadySeconds: deployment.spec.minReadySeconds }),
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    };
    try {
      await kube.create(replicaSets, replicaSet);
      if (replicas > 0) recorder.record('Normal', deployment, 'ScalingReplicaSet', `Scaled up replica set ${replicaSet.metadata.name} from 0 to ${replicas}`);
    } catch (error) {
      // Made by the last look already: the cache lags.
      if (!isKubeError(error, 'AlreadyExists')) throw error;
    }
  }

  /** The current ReplicaSet has the highest revision, and the deployment carries it too: `kubectl rollout history` reads both. */
  async #annotate(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Promise<void> {
    const revision = Math.max(revisionOf(current), Math.max(0, ...old.map(revisionOf)) + 1);
    const patch = { type: 'merge', patch: { metadata: { annotations: { [REVISION]: String(revision) } } } } as const;
    if (revisionOf(current) !== revision) await this.#options.kube.patch(replicaSets, objectKey(current), patch);
    // As a status, since a change of its annotations would count as a new generation of the deployment.
    if (revisionOf(deployment) !== revision) await this.#options.kube.patch(deployments, objectKey(deployment), patch, { subresource: 'status' });
  }

  async #scale(deployment: Deployment, scalings: readonly Scaling[]): Promise<void> {
    for (const { replicaSet, replicas } of scalings) {
      const before = wantedOf(replicaSet);
      const { resourceVersion } = replicaSet.metadata;
      await this.#options.kube.patch(replicaSets, objectKey(replicaSet), { type: 'merge', patch: { metadata: { resourceVersion }, spec: { replicas } } });
      this.#options.recorder.record('Normal', deployment, 'ScalingReplicaSet', `Scaled ${replicas > before ? 'up' : 'down'} replica set ${replicaSet.metadata.name} from ${before} to ${replicas}`);
    }
  }

  /** Old ReplicaSets are kept for undoing, up to the history limit. */
  async #forgetHistory(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Promise<void> {
    if (!isComplete(deployment, current, old)) return;
    const idle = old.filter((one) => wantedOf(one) === 0 && (one.status?.replicas ?? 0) === 0 && one.metadata.deletionTimestamp === undefined).toSorted((a, b) => revisionOf(a) - revisionOf(b));
    const limit = deployment.spec?.revisionHistoryLimit ?? HISTORY_LIMIT;
    for (const replicaSet of idle.slice(0, Math.max(0, idle.length - limit))) await this.#options.kube.delete(replicaSets, objectKey(replicaSet), { preconditions: { uid: replicaSet.metadata.uid! } });
  }

  async #report(deployment: Deployment, owned: readonly ReplicaSet[], current: ReplicaSet | undefined): Promise<void | { readonly requeueAfterMs: number }> {
    const available = total(owned, availableOf);
    const counts = {
      replicas: total(owned, ({ status }) => status?.replicas ?? 0),
      updatedReplicas: current?.status?.replicas ?? 0,
      readyReplicas: total(owned, ({ status }) => status?.readyReplicas ?? 0),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, total(owned, wantedOf) - available),
      observedGeneration: deployment.metadata.generation ?? 0,
    };
    const progressing = this.#progressing(deployment, current, counts, isComplete(deployment, current, owned.filter((one) => one !== current)));
    const conditions = [this.#available(deployment, available), ...(progressing === undefined ? [] : [progressing])];
    const before = deployment.status;
    const same = before !== undefined && COUNTS.every((field) => (before[field] ?? 0) === counts[field]) && conditions.every((condition) => {
      const old = before.conditions?.find(({ type }) => type === condition.type);
      return old?.status === condition.status && old.reason === condition.reason && old.lastUpdateTime === condition.lastUpdateTime;
    });
    if (!same) await this.#options.kube.update(deployments, { ...deployment, status: { ...counts, conditions } }, { subresource: 'status' });
    if (progressing?.reason !== 'ReplicaSetUpdated' && progressing?.reason !== 'NewReplicaSetCreated') return undefined;
    const deadlineMs = parseRfc3339(String(progressing.lastUpdateTime))! + this.#deadlineSeconds(deployment) * 1000;
    return { requeueAfterMs: Math.max(1000, deadlineMs - this.#options.clock.now() + 1000) };
  }

  #deadlineSeconds(deployment: Deployment): number {
    return deployment.spec?.progressDeadlineSeconds ?? PROGRESS_DEADLINE_SECONDS;
  }

  #available(deployment: Deployment, available: number): Condition {
    const enough = available >= wantedOf(deployment) - fenceposts(deployment).maxUnavailable;
    return this.#condition(deployment, 'Available', enough
      ? { status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
      : { status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' });
  }

  /** Whether the roll-out moves (deployment/progress.go): every step forward starts the deadline anew. */
  #progressing(deployment: Deployment, current: ReplicaSet | undefined, counts: Status, complete: boolean): Condition | undefined {
    const before = deployment.status?.conditions?.find(({ type }) => type === 'Progressing');
    const named = current === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${current.metadata.name}"`;
    if (deployment.spec?.paused === true) return this.#condition(deployment, 'Progressing', { status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' });
    if (complete || (before?.reason === 'NewReplicaSetAvailable' && counts.replicas === counts.updatedReplicas)) return this.#condition(deployment, 'Progressing', { status: 'True', reason: 'NewReplicaSetAvailable', message: `${named} has successfully progressed.` });
    const old = deployment.status;
    const moved = old === undefined || before === undefined || before.reason === 'NewReplicaSetAvailable' || before.reason === 'DeploymentPaused'
      || (counts.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) || (counts.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
      || (old.replicas ?? 0) - (old.updatedReplicas ?? 0) > (counts.replicas ?? 0) - (counts.updatedReplicas ?? 0);
    const now = rfc3339(this.#options.clock.now());
    if (moved) return { ...this.#condition(deployment, 'Progressing', { status: 'True', reason: 'ReplicaSetUpdated', message: `${named} is progressing.` }), lastUpdateTime: now };
    const lateMs = parseRfc3339(String(before.lastUpdateTime))! + this.#deadlineSeconds(deployment) * 1000;
    if (before.reason === 'ProgressDeadlineExceeded' || this.#options.clock.now() > lateMs) return this.#condition(deployment, 'Progressing', { status: 'False', reason: 'ProgressDeadlineExceeded', message: `${named} has timed out progressing.` });
    return before;
  }

  #condition(deployment: Deployment, type: string, update: Pick<Condition, 'reason' | 'message'> & { readonly status: string }): Condition {
    const before = deployment.status?.conditions?.find((condition) => condition.type === type);
    if (before?.status === update.status && before.reason === update.reason) return before;
    const now = rfc3339(this.#options.clock.now());
    return { type, ...update, lastUpdateTime: now, lastTransitionTime: before?.status === update.status ? (before.lastTransitionTime ?? now) : now };
  }
}

function annotationsFor(deployment: Deployment, revision: number): Record<string, string> {
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, ...annotations } = deployment.metadata.annotations ?? {};
  return {
    ...annotations,
    [REVISION]: String(revision),
    'deployment.kubernetes.io/desired-replicas': String(wantedOf(deployment)),
    'deployment.kubernetes.io/max-replicas': String(wantedOf(deployment) + fenceposts(deployment).maxSurge),
  };
}

function isComplete(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): boolean {
  const wanted = wantedOf(deployment);
  return current !== undefined && (current.status?.observedGeneration ?? 0) >= (current.metadata.generation ?? 0) && wantedOf(current) === wanted
    && (current.status?.replicas ?? 0) === wanted && availableOf(current) >= wanted && total(old, ({ status }) => status?.replicas ?? 0) === 0;
}

function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const [one, two] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (one !== two) return one < two ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
