/** Counts of what the nodes answered to one pod. */
export interface Diagnosis {
  readonly nodeCount: number;
  readonly reasons: ReadonlyMap<string, number>;
  /** Nodes that refused for something that removing pods could change. */
  readonly resolvableNodes: number;
}

/** The events API's limit on a note; the scheduler cuts its own text to it (pkg/scheduler/schedule_one.go, truncateMessage). */
const MESSAGE_MAX_LENGTH = 1024;

/**
 * The scheduler's sentence about a pod that fits nowhere (framework.FitError of 1.34, with the two post-filters of the default
 * profile). No pod is ever preempted here; the answer reads as if no victim had been found.
 */
export function fitErrorMessage({ nodeCount, reasons, resolvableNodes }: Diagnosis): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const available = `0/${nodeCount} nodes are available:`;
  const preemption: (readonly [string, number])[] = [
    ['No preemption victims found for incoming pod', resolvableNodes],
    ['Preemption is not helpful for scheduling', nodeCount - resolvableNodes],
  ];
  return `${available} ${histogram([...reasons])}. no new claims to deallocate, preemption: ${available} ${histogram(preemption)}.`;
}

/** As Go prints it: counts and texts joined, then sorted as text. */
function histogram(counts: readonly (readonly [string, number])[]): string {
  return counts.filter(([, count]) => count > 0).map(([reason, count]) => `${count} ${reason}`).sort().join(', ');
}

export function truncateMessage(message: string): string {
  return message.length <= MESSAGE_MAX_LENGTH ? message : `${message.slice(0, MESSAGE_MAX_LENGTH - 4)} ...`;
}
