import type { Labels, OperatorConfigSpec } from '@vfleet/core';
import { hasLabels } from '@vfleet/core';

const WORKER = 'node-role.kubernetes.io/worker';
const CONTROL_PLANE = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
const OS = 'kubernetes.io/os';

/**
 * Whether a node gets a config daemon and a node state: those with the labels of `configDaemonNodeSelector`; where that is empty, every Linux
 * worker. A worker is labelled as one or, on clusters that label no workers, is no control-plane node.
 */
export function isNodeSelected(config: OperatorConfigSpec, labels: Labels): boolean {
  const wanted = config.configDaemonNodeSelector ?? {};
  if (Object.keys(wanted).length > 0) return hasLabels(wanted, labels);
  if (labels[OS] !== undefined && labels[OS] !== 'linux') return false;
  return labels[WORKER] !== undefined || !CONTROL_PLANE.some((role) => labels[role] !== undefined);
}
