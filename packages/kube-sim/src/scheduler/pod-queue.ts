import { Heap } from '@vfleet/core';
import type { PodInfo } from './pod-info.ts';

/** A pod that waits for a node. */
export interface QueuedPod {
  /** The newest known state; its shape and priority never change. */
  info: PodInfo;
  readonly sequence: number;
  /** Attempts that failed for another reason than room: a refused binding. */
  failures: number;
  where: 'active' | 'parked' | 'delayed' | 'binding' | 'gone';
}

/** Highest priority first, then the longest waiting (queuesort PrioritySort). */
export function goesBefore(a: QueuedPod, b: QueuedPod): boolean {
  const byPriority = b.info.priority - a.info.priority;
  return byPriority < 0 || (byPriority === 0 && a.sequence < b.sequence);
}

/** A heap of queued pods from which pods may vanish: those that are elsewhere by now are skipped. */
export class PodQueue {
  readonly #heap = new Heap<QueuedPod>(goesBefore);
  readonly #where: QueuedPod['where'];

  constructor(where: 'active' | 'parked') {
    this.#where = where;
  }

  push(pod: QueuedPod): void {
    pod.where = this.#where;
    this.#heap.push(pod);
  }

  peek(): QueuedPod | undefined {
    for (;;) {
      const top = this.#heap.peek();
      if (top === undefined || top.where === this.#where) return top;
      this.#heap.pop();
    }
  }

  pop(): QueuedPod | undefined {
    const top = this.peek();
    if (top !== undefined) this.#heap.pop();
    return top;
  }
}
