import type { Pod } from '@vfleet/kube';
import type { Amounts } from '../pods/amounts.ts';
import type { PodTerm } from '../pods/pod-affinity.ts';
import { requiredPodTerms } from '../pods/pod-affinity.ts';
import { podRequests } from '../pods/requests.ts';
import { hostPorts, podKey } from '../pods/state.ts';

/** What a container without a request counts as when nodes are scored, so that such pods spread too (pkg/scheduler/util/pod_resources.go). */
const SCORED_MILLI_CPU = 100;
const SCORED_MEMORY_BYTES = 200 * 1024 * 1024;

/** A pod with everything the scheduler works out once. */
export interface PodInfo {
  readonly pod: Pod;
  readonly uid: string;
  readonly key: string;
  readonly requests: Amounts;
  /** Requests for scoring only: thousandths of a core, and bytes. */
  readonly scoredMilliCpu: number;
  readonly scoredMemoryBytes: number;
  readonly ports: ReturnType<typeof hostPorts>;
  readonly affinity: readonly PodTerm[];
  readonly antiAffinity: readonly PodTerm[];
  readonly priority: number;
  /** Equal for pods that every node treats alike. */
  readonly shape: string;
}

export function podInfoOf(pod: Pod): PodInfo {
  const requests = podRequests(pod);
  const ports = hostPorts(pod);
  const { nodeSelector, affinity, tolerations } = pod.spec ?? {};
  const containers = Math.max(1, pod.spec?.containers.length ?? 1);
  return {
    pod,
    uid: pod.metadata.uid ?? podKey(pod),
    key: podKey(pod),
    requests,
    scoredMilliCpu: requests.get('cpu') || SCORED_MILLI_CPU * containers,
    scoredMemoryBytes: requests.get('memory') || SCORED_MEMORY_BYTES * containers,
    ports,
    affinity: affinity === undefined ? [] : requiredPodTerms(pod, 'podAffinity'),
    antiAffinity: affinity === undefined ? [] : requiredPodTerms(pod, 'podAntiAffinity'),
    priority: pod.spec?.priority ?? 0,
    shape: JSON.stringify([[...requests], containers, ports, nodeSelector, affinity?.nodeAffinity, tolerations]),
  };
}
