import type { Clock, LabelSelector } from '@vfleet/core';
import type { DaemonSet, Informer, Node, Pod } from '@vfleet/kube';
import { Controller, controllerOf, daemonSets, labelRequirementsOf, matchesLabels, objectKeyText } from '@vfleet/kube';
import { matchesNodeAffinity } from '../../pods/node-affinity.ts';
import type { Toleration } from '../../pods/taints.ts';
import { untoleratedTaint } from '../../pods/taints.ts';
import { isTerminal } from '../../pods/state.ts';
import { resolveIntOrPercent } from '../int-or-percent.ts';
import type { PodTemplate, WorkloadPorts } from './pod-control.ts';
import { PodControl } from './pod-control.ts';
import { availableAtMs, isActive, readinessOf } from './pod-readiness.ts';
import { templateHash } from './template-hash.ts';
import { unlessGone } from '../unless-gone.ts';

export interface DaemonSetControllerOptions extends WorkloadPorts {
  readonly clock: Clock;
  readonly daemonSets: Informer<DaemonSet>;
  readonly nodes: Informer<Node>;
  readonly onBug?: (error: unknown, key: string) => void;
}

type Status = NonNullable<DaemonSet['status']>;

const HASH_LABEL = 'controller-revision-hash';
const COUNTS = ['currentNumberScheduled', 'desiredNumberScheduled', 'numberMisscheduled', 'numberReady', 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable', 'observedGeneration'] as const;

/** Daemons stay on nodes that are lost, under pressure or cordoned (pkg/controller/daemon/util, AddOrUpdateDaemonPodTolerations). */
const TOLERATIONS: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];
const HOST_NETWORK_TOLERATION: Toleration = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' };

/** One pod on every node that suits (kubernetes pkg/controller/daemon). maxSurge and the history of revisions are left out. */
export class DaemonSetController {
  readonly #options: DaemonSetControllerOptions;
  readonly #control: PodControl;
  readonly #controller: Controller;

  constructor(options: DaemonSetControllerOptions) {
    this.#options = options;
    this.#control = new PodControl(options);
    this.#controller = new Controller(options, { name: 'daemonset', workers: 2, reconcile: (key) => unlessGone(this.#reconcile(key)), ...(options.onBug !== undefined && { onBug: options.onBug }) });
  }

  start(): void {
    const { daemonSets: sets, nodes, pods } = this.#options;
    const look = (set: DaemonSet) => this.#controller.queue.add(objectKeyText(set));
    const lookAtAll = () => {
      for (const set of sets.values()) look(set);
    };
    sets.subscribe({ added: look, updated: (_, set) => look(set) });
    nodes.subscribe({
      added: lookAtAll,
      updated: (old, node) => (old.spec === node.spec && old.metadata.labels === node.metadata.labels ? undefined : lookAtAll()),
      deleted: lookAtAll,
    });
    const lookAtOwner = (pod: Pod) => {
      const owner = controllerOf(pod);
      if (owner?.kind === 'DaemonSet') this.#controller.queue.add(`${pod.metadata.namespace}/${owner.name}`);
    };
    pods.subscribe({ added: lookAtOwner, updated: (_, pod) => lookAtOwner(pod), deleted: lookAtOwner });
    this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  async #reconcile(key: string): Promise<void | { readonly requeueAfterMs: number }> {
    const set = this.#options.daemonSets.get(key);
    if (set === undefined || selectsAll(set) || this.#control.isBehind(set)) return undefined;
    const template = templateOf(set);
    const hash = templateHash(set.spec?.template);
    const byNode = this.#podsByNode(set);
    const suitable = [...this.#options.nodes.values()].filter((node) => suits(node, template)).map(({ metadata }) => metadata.name).sort();
    if (set.metadata.deletionTimestamp === undefined) await this.#place(set, template, hash, suitable, byNode);
    return this.#report(set, hash, suitable, byNode);
  }

  #podsByNode(set: DaemonSet): ReadonlyMap<string, readonly Pod[]> {
    const byNode = new Map<string, Pod[]>();
    for (const pod of this.#control.podsOf(set)) {
      const name = nodeNameOf(pod);
      byNode.set(name, [...(byNode.get(name) ?? []), pod]);
    }
    return byNode;
  }

  async #place(set: DaemonSet, template: PodTemplate, hash: string, suitable: readonly string[], byNode: ReadonlyMap<string, readonly Pod[]>): Promise<void> {
    const wanted = new Set(suitable);
    for (const name of suitable) {
      const pods = byNode.get(name) ?? [];
      for (const pod of pods) if (pod.status?.phase === 'Failed' && pod.metadata.deletionTimestamp === undefined) await this.#deleteFailed(set, pod, name);
      if (pods.length === 0) await this.#control.create(set, template, { labels: { [HASH_LABEL]: hash }, spec: { affinity: onlyOn(name, template) } });
    }
    for (const [name, pods] of byNode) if (!wanted.has(name)) for (const pod of pods) if (pod.metadata.deletionTimestamp === undefined) await this.#control.delete(set, pod);
    if (set.spec?.updateStrategy?.type !== 'OnDelete') await this.#roll(set, hash, suitable, byNode);
  }

  async #deleteFailed(set: DaemonSet, pod: Pod, nodeName: string): Promise<void> {
    this.#options.recorder.record('Warning', set, 'FailedDaemonPod', `Found failed daemon pod ${objectKeyText(pod)} on node ${nodeName}, will try to kill it`);
    await this.#control.delete(set, pod);
  }

  /** Replaces outdated pods: those that are not available at once, others as far as maxUnavailable allows (daemon/update.go). */
  async #roll(set: DaemonSet, hash: string, suitable: readonly string[], byNode: ReadonlyMap<string, readonly Pod[]>): Promise<void> {
    const nowMs = this.#options.clock.now();
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    const isAvailable = (pod: Pod) => isActive(pod) && (availableAtMs(pod, minReadySeconds) ?? Number.POSITIVE_INFINITY) <= nowMs;
    let spare = resolveIntOrPercent(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, suitable.length, 'up');
    const outdated: Pod[] = [];
    for (const name of suitable) {
      const pods = (byNode.get(name) ?? []).filter(isActive);
      if (!pods.some(isAvailable)) spare--;
      outdated.push(...pods.filter((pod) => pod.metadata.labels?.[HASH_LABEL] !== hash));
    }
    for (const pod of outdated) {
      if (!isAvailable(pod)) await this.#control.delete(set, pod);
      else if (spare-- > 0) await this.#control.delete(set, pod);
    }
  }

  async #report(set: DaemonSet, hash: string, suitable: readonly string[], byNode: ReadonlyMap<string, readonly Pod[]>): Promise<void | { readonly requeueAfterMs: number }> {
    const nowMs = this.#options.clock.now();
    const placed = suitable.flatMap((name) => (byNode.get(name) ?? []).filter((pod) => !isTerminal(pod)).slice(0, 1));
    const readiness = readinessOf(placed, set.spec?.minReadySeconds ?? 0, nowMs);
    const wanted = new Set(suitable);
    const status: Status = {
      currentNumberScheduled: placed.length,
      desiredNumberScheduled: suitable.length,
      numberMisscheduled: [...byNode.keys()].filter((name) => !wanted.has(name)).length,
      numberReady: readiness.ready,
      updatedNumberScheduled: placed.filter((pod) => pod.metadata.labels?.[HASH_LABEL] === hash).length,
      numberAvailable: readiness.available,
      numberUnavailable: suitable.length - readiness.available,
      observedGeneration: set.metadata.generation ?? 0,
    };
    if (!COUNTS.every((field) => (set.status?.[field] ?? 0) === status[field]) || set.status?.observedGeneration === undefined) {
      await this.#options.kube.update(daemonSets, { ...set, status }, { subresource: 'status' });
    }
    return readiness.nextAtMs === undefined ? undefined : { requeueAfterMs: readiness.nextAtMs - nowMs };
  }
}

/** The template with what every daemon tolerates. */
function templateOf(set: DaemonSet): PodTemplate {
  const template = (set.spec?.template ?? {}) as PodTemplate;
  if (template.spec === undefined) return template;
  const added = template.spec.hostNetwork === true ? [...TOLERATIONS, HOST_NETWORK_TOLERATION] : TOLERATIONS;
  const said = template.spec.tolerations ?? [];
  const missing = added.filter((toleration) => !said.some(({ key, effect }) => key === toleration.key && effect === toleration.effect));
  return { ...template, spec: { ...template.spec, tolerations: [...said, ...missing] } };
}

/** Whether a daemon should run on a node (daemon_controller.go, NodeShouldRunDaemonPod). */
function suits(node: Node, { spec, metadata }: PodTemplate): boolean {
  if (spec === undefined) return false;
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: '', ...(metadata?.labels !== undefined && { labels: metadata.labels }) }, spec };
  return matchesNodeAffinity(pod, node) && untoleratedTaint(node.spec?.taints, spec.tolerations, ['NoSchedule', 'NoExecute']) === undefined;
}

type Affinity = NonNullable<NonNullable<Pod['spec']>['affinity']>;

/** Node affinity for one node by name, in every term (daemon/util, ReplaceDaemonSetPodNodeNameNodeAffinity). */
function onlyOn(nodeName: string, { spec }: PodTemplate): Affinity {
  const nodeAffinity = { ...spec?.affinity?.nodeAffinity };
  const matchFields = [{ key: 'metadata.name', operator: 'In' as const, values: [nodeName] }];
  // What the template's own terms ask was met when the node was chosen.
  nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms: [{ matchFields }] };
  return { ...spec?.affinity, nodeAffinity };
}

/** Where a daemon runs, or is meant to run. */
function nodeNameOf(pod: Pod): string {
  if (pod.spec?.nodeName !== undefined && pod.spec.nodeName !== '') return pod.spec.nodeName;
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms[0]?.matchFields?.[0]?.values?.[0] ?? '';
}

function selectsAll(set: DaemonSet): boolean {
  const requirements = labelRequirementsOf((set.spec?.selector ?? {}) as LabelSelector);
  return !requirements.ok || requirements.value.length === 0 || !matchesLabels(requirements.value, templateOf(set).metadata?.labels);
}
