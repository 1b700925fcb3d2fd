import type { OperatorConfigSpec } from '@vfleet/core';
import { hasLabels } from '@vfleet/core';
import type { Node } from '@vfleet/kube';

const WORKER = 'node-role.kubernetes.io/worker';
const CONTROL_PLANE = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
const OS = 'kubernetes.io/os';

/** What of a node decides. */
export type SelectableNode = Pick<Node, 'metadata' | 'spec'>;

/**
 * Whether a node gets a config daemon and a node state: those with the labels of `configDaemonNodeSelector`; where that is empty, every Linux
 * worker. A worker is labelled as one or, on clusters that label no workers, takes whatever pods there are: it is no control-plane node, or one
 * without the taint that keeps pods away, as the only node of kind and the servers of k3s.
 */
export function isNodeSelected(config: OperatorConfigSpec, node: SelectableNode): boolean {
  const wanted = config.configDaemonNodeSelector ?? {};
  const labels = node.metadata.labels ?? {};
  if (Object.keys(wanted).length > 0) return hasLabels(wanted, labels);
  if (labels[OS] !== undefined && labels[OS] !== 'linux') return false;
  return labels[WORKER] !== undefined || !CONTROL_PLANE.some((role) => labels[role] !== undefined) || roleTaints(node).length === 0;
}

/** Those of a node's taints that decide. */
export function roleTaints({ spec }: Pick<Node, 'spec'>): NonNullable<NonNullable<Node['spec']>['taints']> {
  return (spec?.taints ?? []).filter(({ key, effect }) => CONTROL_PLANE.includes(key) && effect !== 'PreferNoSchedule');
}
