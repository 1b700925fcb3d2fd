import type { PodStatus } from './pod-status.ts';

/**
 * A strategic merge patch that makes a pod's status what kubelet says and leaves alone what others own: conditions merge by type.
 * The uid makes it miss another pod of the same name.
 */
export function statusPatch(podUid: string, before: PodStatus, after: PodStatus): Readonly<Record<string, unknown>> {
  const { conditions, podIPs, ...rest } = after;
  // Addresses merge by their value, so a new one would join the old one.
  const isNewAddress = podIPs !== undefined && (before.podIPs ?? []).some(({ ip }) => !podIPs.some((other) => other.ip === ip));
  return {
    metadata: { uid: podUid },
    status: {
      ...rest,
      ...(conditions !== undefined && { conditions: conditions.map((condition) => ({ ...condition, lastProbeTime: null, reason: condition.reason ?? null, message: condition.message ?? null })) }),
      ...(podIPs !== undefined && { podIPs: isNewAddress ? [...podIPs, { $patch: 'replace' }] : podIPs }),
    },
  };
}
