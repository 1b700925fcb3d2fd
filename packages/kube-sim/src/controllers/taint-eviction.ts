import type { Clock, Kube, Log } from '@vfleet/core';
import { isKubeError, parseRfc3339, rfc3339 } from '@vfleet/core';
import type { Informer, Node, Pod } from '@vfleet/kube';
import { Controller, objectKey, objectKeyText, pods } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import { isTerminal } from '../pods/state.ts';
import type { Taint, Toleration } from '../pods/taints.ts';
import { tolerates } from '../pods/taints.ts';

export interface TaintEvictionOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: EventRecorder;
  /** With an index `node`. */
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly onBug?: (error: unknown, key: string) => void;
}

/** Deletes pods that do not tolerate a NoExecute taint of their node, or not for ever (kubernetes pkg/controller/tainteviction). */
export class TaintEvictionController {
  readonly #options: TaintEvictionOptions;
  readonly #controller: Controller;
  /** Since when each node's taints are as they are, by our own clock: tolerationSeconds count from there. */
  readonly #since = new Map<string, { readonly taints: string; readonly atMs: number }>();

  constructor(options: TaintEvictionOptions) {
    this.#options = options;
    this.#controller = new Controller(options, { name: 'taint-eviction', workers: 4, reconcile: (key) => this.#reconcile(key), ...(options.onBug !== undefined && { onBug: options.onBug }) });
  }

  start(): void {
    this.#options.nodes.subscribe({
      added: (node) => this.#nodeChanged(node),
      updated: (old, node) => (old.spec === node.spec ? undefined : this.#nodeChanged(node)),
      deleted: ({ metadata }) => this.#since.delete(metadata.name),
    });
    this.#options.pods.subscribe({ added: (pod) => this.#podChanged(pod), updated: (old, pod) => (old.spec === pod.spec ? undefined : this.#podChanged(pod)) });
    this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  #nodeChanged(node: Node): void {
    const { name } = node.metadata;
    const taints = noExecuteTaints(node);
    const text = JSON.stringify(taints.map(({ key, value }) => [key, value]));
    if (this.#since.get(name)?.taints === text) return;
    if (taints.length === 0) {
      this.#since.delete(name);
      return;
    }
    this.#since.set(name, { taints: text, atMs: addedAtMs(taints) ?? this.#options.clock.now() });
    for (const pod of this.#options.pods.byIndex('node', name)) this.#controller.queue.add(objectKeyText(pod));
  }

  #podChanged(pod: Pod): void {
    if (this.#since.has(pod.spec?.nodeName ?? '')) this.#controller.queue.add(objectKeyText(pod));
  }

  async #reconcile(key: string): Promise<void | { readonly requeueAfterMs: number }> {
    const pod = this.#options.pods.get(key);
    const node = this.#options.nodes.get(pod?.spec?.nodeName ?? '');
    const since = this.#since.get(node?.metadata.name ?? '');
    if (pod === undefined || node === undefined || since === undefined || isTerminal(pod) || pod.metadata.deletionTimestamp !== undefined) return undefined;
    const graceMs = toleratedMs(noExecuteTaints(node), pod.spec?.tolerations ?? []);
    if (graceMs === undefined) return undefined;
    const leftMs = since.atMs + graceMs - this.#options.clock.now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    await this.#evict(pod);
    return undefined;
  }

  async #evict(pod: Pod): Promise<void> {
    const { kube, clock, recorder } = this.#options;
    recorder.record('Normal', pod, 'TaintManagerEviction', `Marking for deletion Pod ${objectKeyText(pod)}`);
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint', lastTransitionTime: rfc3339(clock.now()) };
    const uid = pod.metadata.uid!;
    try {
      await kube.patch(pods, objectKey(pod), { type: 'strategic', patch: { metadata: { uid }, status: { conditions: [condition] } } }, { subresource: 'status' });
      await kube.delete(pods, objectKey(pod), { preconditions: { uid } });
    } catch (error) {
      if (!isKubeError(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

function noExecuteTaints(node: Node): readonly Taint[] {
  return (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
}

function addedAtMs(taints: readonly Taint[]): number | undefined {
  const times = taints.map(({ timeAdded }) => (timeAdded === undefined ? undefined : parseRfc3339(String(timeAdded))));
  return times.some((time) => time === undefined) ? undefined : Math.max(...(times as number[]));
}

/** How long all taints together are tolerated, in milliseconds; undefined: for ever. Not at all is 0. */
export function toleratedMs(taints: readonly Taint[], tolerations: readonly Toleration[]): number | undefined {
  const used = taints.map((taint) => tolerations.find((toleration) => tolerates(toleration, taint)));
  if (used.includes(undefined)) return 0;
  const seconds = used.flatMap((toleration) => (toleration?.tolerationSeconds === undefined ? [] : [toleration.tolerationSeconds]));
  return seconds.length === 0 ? undefined : Math.max(0, Math.min(...seconds)) * 1000;
}
