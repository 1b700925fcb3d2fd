import { parseRfc3339 } from '@vfleet/core';
import { arrayAt, isObject, objectAt, stringAt } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';
import { findCondition } from '../../values/conditions.ts';
import { humanAge, humanDuration } from '../age.ts';

/** What is counted over the containers of a pod. */
interface Tally {
  reason: string;
  restarts: number;
  lastRestartMs: number | undefined;
  ready: number;
}

/** Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates. */
export function podCells(pod: ApiObject, nowMs: number): readonly unknown[] {
  const spec = objectAt(pod, 'spec');
  const status = objectAt(pod, 'status');
  const sidecars = new Set(arrayAt(spec, 'initContainers').filter((container) => stringAt(container, 'restartPolicy') === 'Always').map((container) => stringAt(container, 'name')));
  const tally = count(status, spec, sidecars);
  const total = arrayAt(spec, 'containers').length + sidecars.size;
  const restarts = tally.restarts !== 0 && tally.lastRestartMs !== undefined ? `${tally.restarts} (${humanDuration(nowMs - tally.lastRestartMs)} ago)` : String(tally.restarts);
  return [
    pod.metadata.name, `${tally.ready}/${total}`, deletionReason(pod, status) ?? tally.reason, restarts, humanAge(pod.metadata.creationTimestamp, nowMs),
    stringAt(arrayAt(status, 'podIPs')[0], 'ip') || '<none>', stringAt(spec, 'nodeName') || '<none>', stringAt(status, 'nominatedNodeName') || '<none>', readinessGates(spec, status),
  ];
}

function count(status: JsonObject, spec: JsonObject, sidecars: ReadonlySet<string>): Tally {
  const tally: Tally = { reason: phaseReason(status), restarts: 0, lastRestartMs: undefined, ready: 0 };
  const sidecarTally: Tally = { ...tally };
  const isInitializing = countInitContainers(status, spec, sidecars, tally, sidecarTally);
  if (isInitializing && findCondition(status, 'Initialized')?.['status'] !== 'True') return tally;
  tally.restarts = sidecarTally.restarts;
  tally.lastRestartMs = sidecarTally.lastRestartMs;
  countContainers(status, tally);
  return tally;
}

function phaseReason(status: JsonObject): string {
  if (findCondition(status, 'PodScheduled')?.['reason'] === 'SchedulingGated') return 'SchedulingGated';
  return stringAt(status, 'reason') || stringAt(status, 'phase');
}

function addRestarts(tally: Tally, container: JsonObject): void {
  tally.restarts += typeof container['restartCount'] === 'number' ? container['restartCount'] : 0;
  const finishedMs = parseRfc3339(stringAt(objectAt(container['lastState'], 'terminated'), 'finishedAt'));
  if (finishedMs !== undefined && finishedMs > (tally.lastRestartMs ?? -Infinity)) tally.lastRestartMs = finishedMs;
}

/** True when an init container keeps the pod from starting; it then gives the reason. */
function countInitContainers(status: JsonObject, spec: JsonObject, sidecars: ReadonlySet<string>, tally: Tally, sidecarTally: Tally): boolean {
  const containers = arrayAt(status, 'initContainerStatuses').filter(isObject);
  for (const [index, container] of containers.entries()) {
    const isSidecar = sidecars.has(stringAt(container, 'name'));
    addRestarts(tally, container);
    if (isSidecar) addRestarts(sidecarTally, container);
    const terminated = stateOf(container, 'terminated');
    if (terminated?.['exitCode'] === 0) continue;
    if (isSidecar && container['started'] === true) {
      if (container['ready'] === true) tally.ready++;
      continue;
    }
    const waiting = stringAt(stateOf(container, 'waiting'), 'reason');
    if (terminated !== undefined) tally.reason = `Init:${endReason(terminated)}`;
    else if (waiting !== '' && waiting !== 'PodInitializing') tally.reason = `Init:${waiting}`;
    else tally.reason = `Init:${index}/${arrayAt(spec, 'initContainers').length}`;
    return true;
  }
  return false;
}

function countContainers(status: JsonObject, tally: Tally): void {
  let hasRunning = false;
  for (const container of arrayAt(status, 'containerStatuses').filter(isObject).toReversed()) {
    addRestarts(tally, container);
    const waiting = stringAt(stateOf(container, 'waiting'), 'reason');
    const terminated = stateOf(container, 'terminated');
    if (waiting !== '') tally.reason = waiting;
    else if (terminated !== undefined) tally.reason = endReason(terminated);
    else if (container['ready'] === true && stateOf(container, 'running') !== undefined) {
      hasRunning = true;
      tally.ready++;
    }
  }
  if (tally.reason === 'Completed' && hasRunning) tally.reason = findCondition(status, 'Ready')?.['status'] === 'True' ? 'Running' : 'NotReady';
}

function stateOf(container: JsonObject, key: string): JsonObject | undefined {
  const state = objectAt(container, 'state')[key];
  return isObject(state) ? state : undefined;
}

function endReason(terminated: JsonObject): string {
  const reason = stringAt(terminated, 'reason');
  if (reason !== '') return reason;
  return typeof terminated['signal'] === 'number' && terminated['signal'] !== 0 ? `Signal:${terminated['signal']}` : `ExitCode:${String(terminated['exitCode'] ?? 0)}`;
}

function deletionReason(pod: ApiObject, status: JsonObject): string | undefined {
  if (pod.metadata.deletionTimestamp === undefined) return undefined;
  if (stringAt(status, 'reason') === 'NodeLost') return 'Unknown';
  return ['Succeeded', 'Failed'].includes(stringAt(status, 'phase')) ? undefined : 'Terminating';
}

function readinessGates(spec: JsonObject, status: JsonObject): string {
  const gates = arrayAt(spec, 'readinessGates');
  if (gates.length === 0) return '<none>';
  return `${gates.filter((gate) => findCondition(status, stringAt(gate, 'conditionType'))?.['status'] === 'True').length}/${gates.length}`;
}

const ENDED: Readonly<Record<string, string>> = { Succeeded: 'The pod has completed successfully.', Failed: 'The pod failed.' };

/** A pod that has ended says so in its row, so that clients may hide it. */
export function podRowConditions(pod: ApiObject): readonly object[] | undefined {
  const phase = stringAt(pod['status'], 'phase');
  const message = ENDED[phase];
  return message === undefined ? undefined : [{ type: 'Completed', status: 'True', reason: phase, message }];
}
