import type { Pod } from '@vfleet/kube';
import type { Amounts } from './amounts.ts';
import { accumulate, amountsOf, maximum } from './amounts.ts';

export type Container = NonNullable<Pod['spec']>['containers'][number];

/** An init container that keeps running beside the others (KEP-753). */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** What one container asks for; a limit without a request is a request (API defaulting does the same for stored pods). */
export function containerRequests(container: Container): Amounts {
  const { requests, limits } = container.resources ?? {};
  return amountsOf(limits === undefined ? requests : { ...limits, ...requests });
}

/**
 * What a pod asks of a node: the containers and sidecars together, or, where that is more, any one init container with the
 * sidecars started before it; plus the runtime's overhead (component-helpers resource.PodRequests).
 */
export function podRequests(pod: Pod): Amounts {
  const total = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) accumulate(total, containerRequests(container));

  const sidecars = new Map<string, number>();
  let initialising: Amounts = new Map();
  for (const container of pod.spec?.initContainers ?? []) {
    const requests = containerRequests(container);
    if (isSidecar(container)) {
      accumulate(total, requests);
      accumulate(sidecars, requests);
      initialising = maximum(initialising, sidecars);
    } else {
      const together = new Map(sidecars);
      accumulate(together, requests);
      initialising = maximum(initialising, together);
    }
  }
  const needed = new Map(maximum(total, initialising));
  accumulate(needed, amountsOf(pod.spec?.overhead));
  return needed;
}

/** Every container of a pod in the order in which kubelet starts them. */
export function containersOf(pod: Pod): readonly Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

/** Quality of service (pkg/apis/core/v1/helper/qos): from the cpu and memory of all containers. */
export function qosClass(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  let any = false;
  let guaranteed = true;
  for (const container of containersOf(pod)) {
    const limits = amountsOf(container.resources?.limits);
    const requests = containerRequests(container);
    for (const resource of ['cpu', 'memory']) {
      const limit = limits.get(resource) ?? 0;
      const request = requests.get(resource) ?? 0;
      if (limit > 0 || request > 0) any = true;
      if (limit === 0 || limit !== request) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
