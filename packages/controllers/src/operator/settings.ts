import { DEFAULT_OPERATOR_NAMESPACE, DEFAULT_RESOURCE_PREFIX } from '@vfleet/core';

/** How long a node state is kept after its node left: as upstream's STALE_NODE_STATE_CLEANUP_DELAY_MINUTES. */
export const STALE_NODE_STATE_DELAY_MINUTES_DEFAULT = 30;

export interface OperatorSettings {
  /** The operator's own: where policies, node states, pools and the configuration live. */
  readonly namespace?: string;
  /** Prefix of the resources that VFs are advertised as. */
  readonly resourcePrefix?: string;
  /** Tells this process from its replicas in the leader election and in Events: a pod name, as a rule. */
  readonly identity: string;
  /** 0 deletes at once; what is no whole number ≥ 0 counts as 30. */
  readonly staleNodeStateDelayMinutes?: number;
  /** Off: this process is the only one, and starts to work at once. */
  readonly leaderElection?: boolean;
}

export interface ResolvedSettings {
  readonly namespace: string;
  readonly resourcePrefix: string;
  readonly identity: string;
  readonly staleNodeStateDelayMs: number;
  readonly leaderElection: boolean;
}

export function resolveSettings(settings: OperatorSettings): ResolvedSettings {
  const minutes = settings.staleNodeStateDelayMinutes ?? STALE_NODE_STATE_DELAY_MINUTES_DEFAULT;
  const valid = Number.isInteger(minutes) && minutes >= 0;
  return {
    namespace: settings.namespace ?? DEFAULT_OPERATOR_NAMESPACE,
    resourcePrefix: settings.resourcePrefix ?? DEFAULT_RESOURCE_PREFIX,
    identity: settings.identity,
    staleNodeStateDelayMs: (valid ? minutes : STALE_NODE_STATE_DELAY_MINUTES_DEFAULT) * 60_000,
    leaderElection: settings.leaderElection ?? true,
  };
}
