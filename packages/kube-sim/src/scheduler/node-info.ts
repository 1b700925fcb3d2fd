import type { Node } from '@vfleet/kube';
import type { Amounts } from '../pods/amounts.ts';
import { accumulate, amountsOf, NO_AMOUNTS } from '../pods/amounts.ts';
import type { PodInfo } from './pod-info.ts';

/** One node as the scheduler counts it: what it offers and what the pods bound or about to be bound there take. */
export class NodeInfo {
  readonly name: string;
  /** Undefined while only pods are known of a node that is not (or no longer) there. */
  node: Node | undefined;
  allocatable: Amounts = NO_AMOUNTS;
  readonly requested = new Map<string, number>();
  readonly pods = new Map<string, PodInfo>();
  scoredMilliCpu = 0;
  scoredMemoryBytes = 0;
  /** Grows with every change that can matter to a pod. */
  version = 0;
  #relevant = '';

  constructor(name: string) {
    this.name = name;
  }

  /** Takes over a newer state of the node; false when nothing a pod could care about has changed (a heartbeat, say). */
  setNode(node: Node | undefined): boolean {
    const relevant = node === undefined ? '' : JSON.stringify([node.metadata.labels, node.spec?.taints, node.spec?.unschedulable, node.status?.allocatable]);
    this.node = node;
    if (relevant === this.#relevant) return false;
    this.#relevant = relevant;
    this.allocatable = amountsOf(node?.status?.allocatable);
    this.version++;
    return true;
  }

  add(pod: PodInfo): void {
    this.#count(pod, 1);
    this.pods.set(pod.uid, pod);
    this.version++;
  }

  remove(uid: string): PodInfo | undefined {
    const pod = this.pods.get(uid);
    if (pod === undefined) return undefined;
    this.pods.delete(uid);
    this.#count(pod, -1);
    this.version++;
    return pod;
  }

  free(resource: string): number {
    return (this.allocatable.get(resource) ?? 0) - (this.requested.get(resource) ?? 0);
  }

  #count(pod: PodInfo, by: 1 | -1): void {
    accumulate(this.requested, pod.requests, by);
    this.scoredMilliCpu += by * pod.scoredMilliCpu;
    this.scoredMemoryBytes += by * pod.scoredMemoryBytes;
  }
}
