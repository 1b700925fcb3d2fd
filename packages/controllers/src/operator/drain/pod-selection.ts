import type { Pod } from '@vfleet/kube';

/** Why a pod stays on a node that is drained. */
export type StayReason = 'daemonSet' | 'mirror' | 'finished' | 'noDevices';

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** Whether any container, init containers too, asks for a resource with this prefix: `openshift.io/…`. */
export function usesResources(pod: Pod, resourcePrefix: string): boolean {
  const prefix = `${resourcePrefix}/`;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers.some(({ resources }) => {
    // A limit without a request is a request, for extended resources.
    const amounts = { ...resources?.limits, ...resources?.requests };
    return Object.entries(amounts).some(([name, amount]) => name.startsWith(prefix) && amount !== undefined && String(amount) !== '0');
  });
}

/** Undefined when the pod must go. `everything`: for a reboot, else only users of the prefix's resources. */
export function stayReason(pod: Pod, everything: boolean, resourcePrefix: string): StayReason | undefined {
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined) return 'mirror';
  if (pod.metadata.ownerReferences?.some((owner) => owner.controller === true && owner.kind === 'DaemonSet')) return 'daemonSet';
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return 'finished';
  return everything || usesResources(pod, resourcePrefix) ? undefined : 'noDevices';
}
