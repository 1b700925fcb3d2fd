import type { Node } from '@vfleet/kube';
import { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** Changes are kept this many times the number of nodes; whoever is further behind looks at all nodes instead. */
const LOG_FACTOR = 4;

/** All nodes with what is placed on them, and which of them changed in what order. */
export class ClusterView {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #placed = new Map<string, NodeInfo>();
  /** Placed pods that keep others away by required anti-affinity, and where they are. */
  readonly repelling = new Map<string, { readonly pod: PodInfo; readonly node: NodeInfo }>();
  #log: NodeInfo[] = [];
  #logStart = 0;
  #nodeCount = 0;

  /** Nodes that exist. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  /** A position in the log of changes: everything before it has been seen by whoever keeps it. */
  get position(): number {
    return this.#logStart + this.#log.length;
  }

  nodes(): Iterable<NodeInfo> {
    return this.#nodes.values();
  }

  /** The nodes changed since `position`, repeats included; undefined when that is too long ago to be known. */
  changedSince(position: number): readonly NodeInfo[] | undefined {
    return position < this.#logStart ? undefined : this.#log.slice(position - this.#logStart);
  }

  /** True when the change can matter to a pod. */
  setNode(node: Node): boolean {
    const info = this.#info(node.metadata.name);
    if (info.node === undefined) this.#nodeCount++;
    if (!info.setNode(node)) return false;
    this.#changed(info);
    return true;
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (info?.node === undefined) return;
    this.#nodeCount--;
    info.setNode(undefined);
    if (info.pods.size === 0) this.#nodes.delete(name);
    this.#changed(info);
  }

  nodeOf(uid: string): string | undefined {
    return this.#placed.get(uid)?.name;
  }

  /** Counts a pod on a node; what was known of the same pod is replaced. */
  place(pod: PodInfo, nodeName: string): void {
    const before = this.#placed.get(pod.uid);
    // A status update of a placed pod changes nothing that nodes are judged by.
    if (before?.name === nodeName && before.pods.get(pod.uid)?.shape === pod.shape && pod.antiAffinity.length === 0) return;
    if (before !== undefined) this.remove(pod.uid);
    // Only now: a node that nobody has told of yet is forgotten with its last pod.
    const info = this.#info(nodeName);
    info.add(pod);
    this.#placed.set(pod.uid, info);
    if (pod.antiAffinity.length > 0) this.repelling.set(pod.uid, { pod, node: info });
    this.#changed(info);
  }

  /** True when the pod was placed: its node has room again. */
  remove(uid: string): boolean {
    const info = this.#placed.get(uid);
    if (info === undefined) return false;
    this.#placed.delete(uid);
    this.repelling.delete(uid);
    info.remove(uid);
    if (info.node === undefined && info.pods.size === 0) this.#nodes.delete(info.name);
    this.#changed(info);
    return true;
  }

  #info(name: string): NodeInfo {
    let info = this.#nodes.get(name);
    if (info === undefined) {
      info = new NodeInfo(name);
      this.#nodes.set(name, info);
    }
    return info;
  }

  #changed(info: NodeInfo): void {
    this.#log.push(info);
    if (this.#log.length <= 64 + 2 * LOG_FACTOR * this.#nodes.size) return;
    const dropped = this.#log.length - LOG_FACTOR * this.#nodes.size;
    this.#log = this.#log.slice(dropped);
    this.#logStart += dropped;
  }
}
