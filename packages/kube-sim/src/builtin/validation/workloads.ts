import type { FieldError } from '../../errors/field-error.ts';
import { equalJson } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { faults } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { checkAtMostHundredPercent, checkIntOrPercent, rawIntOrPercent } from './numbers.ts';
import { checkPodTemplate, checkSelectsTemplate, isEmptySelector, selectorRequirements, selectorText } from './pod-template.ts';
import { checkLabelSelector } from './selector.ts';

/** Deployments (kubernetes pkg/apis/apps/validation, ValidateDeploymentSpec). */
export function validateDeployment(deployment: ApiObject): readonly FieldError[] {
  return faults(deployment, '', (object) => {
    const spec = object.at('spec');
    spec.at('replicas').notNegative();
    checkSelectedTemplate(spec);
    checkDeploymentStrategy(spec.at('strategy'));
    spec.at('minReadySeconds').notNegative();
    spec.at('revisionHistoryLimit').notNegative();
    const deadline = spec.at('progressDeadlineSeconds');
    deadline.notNegative();
    if (deadline.number !== undefined && deadline.number <= (spec.at('minReadySeconds').number ?? 0)) deadline.invalid('must be greater than minReadySeconds');
  });
}

export function validateReplicaSet(replicaSet: ApiObject): readonly FieldError[] {
  return faults(replicaSet, '', (object) => {
    const spec = object.at('spec');
    spec.at('replicas').notNegative();
    spec.at('minReadySeconds').notNegative();
    checkSelectedTemplate(spec);
  });
}

/** What deployments and replica sets share: a selector that is said, and pods that it finds and that always restart. */
function checkSelectedTemplate(spec: Cursor): void {
  const [selector, template] = [spec.at('selector'), spec.at('template')];
  if (selector.isSet) checkLabelSelector(selector);
  else selector.required();
  // Both kinds say deployment here.
  if (isEmptySelector(selector)) selector.invalid('empty selector is invalid for deployment', selectorText(selector));
  const requirements = selectorRequirements(selector);
  if (requirements === undefined) return selector.invalid('invalid label selector', selectorText(selector));
  if (requirements.length > 0) checkSelectsTemplate(requirements, template);
  checkPodTemplate(template);
  checkAlwaysRestarts(template, 'ReplicaSet');
}

function checkAlwaysRestarts(template: Cursor, kind: string): void {
  const policy = template.at('spec').at('restartPolicy');
  if (policy.text !== 'Always') policy.notSupported(['Always'], policy.text);
  const deadline = template.at('spec').at('activeDeadlineSeconds');
  if (deadline.isSet) deadline.forbidden(`activeDeadlineSeconds in ${kind} is not Supported`);
}

function checkDeploymentStrategy(strategy: Cursor): void {
  const rolling = strategy.at('rollingUpdate');
  const type = strategy.at('type').text;
  if (type === 'Recreate') {
    if (rolling.isSet) rolling.forbidden("may not be specified when strategy `type` is 'Recreate'");
  } else if (type === 'RollingUpdate') {
    const [unavailable, surge] = [rolling.at('maxUnavailable'), rolling.at('maxSurge')];
    checkIntOrPercent(unavailable);
    checkIntOrPercent(surge);
    if (rawIntOrPercent(unavailable) === 0 && rawIntOrPercent(surge) === 0) unavailable.invalid('may not be 0 when `maxSurge` is 0');
    checkAtMostHundredPercent(unavailable);
  } else unknownStrategy(strategy, ['Recreate', 'RollingUpdate']);
}

function unknownStrategy(strategy: Cursor, supported: readonly string[]): void {
  const rolling = strategy.at('rollingUpdate');
  const shown = rolling.isSet ? { MaxUnavailable: rolling.at('maxUnavailable').value, MaxSurge: rolling.at('maxSurge').value } : null;
  strategy.notSupportedStruct(supported, { Type: strategy.at('type').text, RollingUpdate: shown });
}

export function validateDaemonSet(daemonSet: ApiObject): readonly FieldError[] {
  return faults(daemonSet, '', (object) => {
    const spec = object.at('spec');
    const [selector, template, strategy] = [spec.at('selector'), spec.at('template'), spec.at('updateStrategy')];
    checkLabelSelector(selector);
    const requirements = selectorRequirements(selector);
    if (requirements !== undefined) checkSelectsTemplate(requirements, template);
    if (isEmptySelector(selector)) selector.invalid('empty selector is invalid for daemonset', selectorText(selector));
    checkPodTemplate(template);
    checkAlwaysRestarts(template, 'DaemonSet');
    spec.at('minReadySeconds').notNegative();
    if (strategy.at('type').text === 'RollingUpdate') checkDaemonRolling(strategy.at('rollingUpdate'));
    else if (strategy.at('type').text !== 'OnDelete') unknownStrategy(strategy, ['RollingUpdate', 'OnDelete']);
    spec.at('revisionHistoryLimit').notNegative();
  });
}

function checkDaemonRolling(rolling: Cursor): void {
  if (!rolling.isSet) return rolling.required();
  const [unavailable, surge] = [rolling.at('maxUnavailable'), rolling.at('maxSurge')];
  checkIntOrPercent(unavailable);
  checkIntOrPercent(surge);
  checkAtMostHundredPercent(unavailable);
  checkAtMostHundredPercent(surge);
  const [hasUnavailable, hasSurge] = [rawIntOrPercent(unavailable) !== 0, rawIntOrPercent(surge) !== 0];
  if (hasUnavailable && hasSurge) surge.invalid('may not be set when maxUnavailable is non-zero');
  if (!hasUnavailable && !hasSurge) unavailable.required('cannot be 0 when maxSurge is 0');
}

/** The selector of a workload is for good: it says which pods are its own. */
export function checkSameSelector(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return faults(next, '', (object) => {
    const selector = object.at('spec').at('selector');
    const before = (previous['spec'] as Readonly<Record<string, unknown>> | undefined)?.['selector'];
    if (!equalJson(selector.value, before)) selector.invalid('field is immutable', selectorText(selector));
  });
}

const COUNTS: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas', 'terminatingReplicas', 'collisionCount'],
  ReplicaSet: ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration', 'terminatingReplicas'],
  DaemonSet: ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady', 'observedGeneration', 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable', 'collisionCount'],
};
const PARTS: Readonly<Record<string, readonly string[]>> = { Deployment: ['updatedReplicas', 'readyReplicas', 'availableReplicas'], ReplicaSet: ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] };

/** Counts of a workload's status (ValidateDeploymentStatus and its like). */
export function validateWorkloadStatus(kind: string): (next: ApiObject, previous: ApiObject) => readonly FieldError[] {
  return (next, previous) => faults(next, '', (object) => {
    const status = object.at('status');
    const count = (name: string) => status.at(name).number ?? 0;
    for (const name of COUNTS[kind]!) status.at(name).notNegative();
    const parts = PARTS[kind];
    if (parts !== undefined) {
      for (const name of parts) if (count(name) > count('replicas')) status.at(name).invalid('cannot be greater than status.replicas', count(name));
      if (count('availableReplicas') > count('readyReplicas')) status.at('availableReplicas').invalid('cannot be greater than readyReplicas', count('availableReplicas'));
    }
    const collisions = (previous['status'] as Readonly<Record<string, unknown>> | undefined)?.['collisionCount'];
    if (kind !== 'ReplicaSet' && typeof collisions === 'number' && count('collisionCount') < collisions) status.at('collisionCount').invalid('cannot be decremented', count('collisionCount'));
  });
}
