import type { Clock, Kube, Log } from '@vfleet/core';
import { isKubeError, rfc3339 } from '@vfleet/core';
import type { Informer, Node, Pod } from '@vfleet/kube';
import { Controller, nodes, objectKey, pods } from '@vfleet/kube';
import { isTerminal } from '../pods/state.ts';

export interface PodGarbageOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  /** With an index `node`. */
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly onBug?: (error: unknown, key: string) => void;
}

/** How long a node must be missing before its pods are given up (podgc, quarantineTime). */
const QUARANTINE_MS = 40_000;

/** Deletes pods on nodes that do not exist any more, or never did: no kubelet will ever do it (kubernetes pkg/controller/podgc). */
export class PodGarbageController {
  readonly #options: PodGarbageOptions;
  readonly #controller: Controller;

  constructor(options: PodGarbageOptions) {
    this.#options = options;
    this.#controller = new Controller(options, { name: 'pod-garbage', reconcile: (nodeName) => this.#reconcile(nodeName), ...(options.onBug !== undefined && { onBug: options.onBug }) });
  }

  start(): void {
    const quarantine = (nodeName: string) => this.#controller.queue.addAfter(nodeName, QUARANTINE_MS);
    const look = (pod: Pod) => {
      const nodeName = pod.spec?.nodeName ?? '';
      if (nodeName !== '' && this.#options.nodes.get(nodeName) === undefined) quarantine(nodeName);
    };
    this.#options.pods.subscribe({ added: look, updated: (old, pod) => (old.spec === pod.spec ? undefined : look(pod)) });
    this.#options.nodes.subscribe({ deleted: (node) => quarantine(node.metadata.name) });
    this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  async #reconcile(nodeName: string): Promise<void> {
    if (this.#options.nodes.get(nodeName) !== undefined || (await this.#exists(nodeName))) return;
    for (const pod of this.#options.pods.byIndex('node', nodeName)) await this.#giveUp(pod);
  }

  async #exists(nodeName: string): Promise<boolean> {
    try {
      await this.#options.kube.get(nodes, { name: nodeName });
      return true;
    } catch (error) {
      if (isKubeError(error, 'NotFound')) return false;
      throw error;
    }
  }

  async #giveUp(pod: Pod): Promise<void> {
    const { kube, clock } = this.#options;
    const { uid } = pod.metadata;
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists', lastTransitionTime: rfc3339(clock.now()) };
    try {
      if (!isTerminal(pod)) {
        const patch = { metadata: { uid }, status: { phase: 'Failed', conditions: [condition] } };
        await kube.patch(pods, objectKey(pod), { type: 'strategic', patch }, { subresource: 'status' });
      }
      await kube.delete(pods, objectKey(pod), { gracePeriodSeconds: 0, preconditions: { uid: uid! } });
    } catch (error) {
      if (!isKubeError(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}
