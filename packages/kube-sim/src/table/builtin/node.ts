import { arrayAt, isObject, objectAt, stringAt } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { findCondition } from '../../values/conditions.ts';
import { humanAge } from '../age.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';

export function nodeCells(node: ApiObject, nowMs: number): readonly unknown[] {
  const info = objectAt(node['status'], 'nodeInfo');
  const text = (key: string) => stringAt(info, key) || '<unknown>';
  return [
    node.metadata.name, status(node), roles(node), humanAge(node.metadata.creationTimestamp, nowMs), stringAt(info, 'kubeletVersion'),
    address(node, 'InternalIP'), address(node, 'ExternalIP'), text('osImage'), text('kernelVersion'), text('containerRuntimeVersion'),
  ];
}

function status(node: ApiObject): string {
  const ready = findCondition(node['status'], 'Ready');
  const readiness = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady';
  return objectAt(node, 'spec')['unschedulable'] === true ? `${readiness},SchedulingDisabled` : readiness;
}

function roles(node: ApiObject): string {
  const found = new Set<string>();
  for (const [label, value] of Object.entries(node.metadata.labels ?? {})) {
    if (label.startsWith(ROLE_PREFIX) && label.length > ROLE_PREFIX.length) found.add(label.slice(ROLE_PREFIX.length));
    else if (label === ROLE_LABEL && value !== '') found.add(value);
  }
  return [...found].sort().join(',') || '<none>';
}

function address(node: ApiObject, type: string): string {
  const found = arrayAt(node['status'], 'addresses').find((candidate) => isObject(candidate) && candidate['type'] === type);
  return stringAt(found, 'address') || '<none>';
}
