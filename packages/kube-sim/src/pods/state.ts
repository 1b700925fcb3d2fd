import type { Pod } from '@vfleet/kube';

/** A pod that is over: its devices, addresses and share of the node are free again (podutil.IsPodTerminal). */
export function isTerminal(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed';
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** `namespace/name`. */
export function podKey(pod: Pod): string {
  return `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
}

/** The ports a pod takes on its node, as `protocol/address/port`. */
export function hostPorts(pod: Pod): readonly { readonly protocol: string; readonly hostIP: string; readonly hostPort: number }[] {
  const ports = [];
  for (const container of pod.spec?.containers ?? []) {
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if (hostPort !== undefined && hostPort > 0) ports.push({ protocol: protocol ?? 'TCP', hostIP: hostIP === undefined || hostIP === '' ? '0.0.0.0' : hostIP, hostPort });
    }
  }
  return ports;
}
