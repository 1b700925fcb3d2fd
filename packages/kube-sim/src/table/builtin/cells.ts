import type { ApiObject } from '../../values/json.ts';
import { humanAge } from '../age.ts';
import { containerNames, formatLabels, formatSelector } from './format.ts';
import { arrayAt, isObject, objectAt, stringAt } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';
import { eventCells } from './event.ts';
import { jobCells } from './job.ts';
import { nodeCells } from './node.ts';
import { podCells } from './pod.ts';
import { endpointsText, externalIp, portsText } from './service.ts';

/** The cells of one object, in the order of the published columns, wide ones included. */
export type Cells = (object: ApiObject, nowMs: number) => readonly unknown[];

const age = ({ metadata }: ApiObject, nowMs: number) => humanAge(metadata.creationTimestamp, nowMs);
const number = (object: JsonObject, key: string) => (typeof object[key] === 'number' ? object[key] : 0);
const templateContainers = (object: ApiObject) => containerNames(arrayAt(objectAt(objectAt(object['spec'], 'template'), 'spec'), 'containers'));

/** How `kubectl get` shows the built-in kinds (kubernetes pkg/printers/internalversion/printers.go). */
export const builtinCells: Readonly<Record<string, Cells>> = {
  'autoscaling/v1/Scale': (object, nowMs) => [object.metadata.name, number(objectAt(object, 'spec'), 'replicas'), number(objectAt(object, 'status'), 'replicas'), age(object, nowMs)],
  '/v1/Namespace': (object, nowMs) => [object.metadata.name, stringAt(object['status'], 'phase'), age(object, nowMs)],
  '/v1/Node': nodeCells,
  '/v1/Pod': podCells,
  '/v1/ConfigMap': (object, nowMs) => [object.metadata.name, Object.keys(objectAt(object, 'data')).length + Object.keys(objectAt(object, 'binaryData')).length, age(object, nowMs)],
  '/v1/Secret': (object, nowMs) => [object.metadata.name, stringAt(object, 'type'), Object.keys(objectAt(object, 'data')).length, age(object, nowMs)],
  '/v1/Event': eventCells,
  'events.k8s.io/v1/Event': eventCells,
  '/v1/Service': (object, nowMs) => {
    const spec = objectAt(object, 'spec');
    return [object.metadata.name, stringAt(spec, 'type'), arrayAt(spec, 'clusterIPs')[0] ?? '<none>', externalIp(object), portsText(spec), age(object, nowMs), formatLabels(objectAt(spec, 'selector'))];
  },
  '/v1/Endpoints': (object, nowMs) => [object.metadata.name, endpointsText(object), age(object, nowMs)],
  '/v1/ServiceAccount': (object, nowMs) => [object.metadata.name, arrayAt(object, 'secrets').length, age(object, nowMs)],
  'apps/v1/DaemonSet': (object, nowMs) => {
    const status = objectAt(object, 'status');
    const counts = ['desiredNumberScheduled', 'currentNumberScheduled', 'numberReady', 'updatedNumberScheduled', 'numberAvailable'].map((key) => number(status, key));
    const nodeSelector = objectAt(objectAt(objectAt(object['spec'], 'template'), 'spec'), 'nodeSelector');
    return [object.metadata.name, ...counts, formatLabels(nodeSelector), age(object, nowMs), ...templateContainers(object), formatSelector(objectAt(object, 'spec')['selector'])];
  },
  'apps/v1/Deployment': (object, nowMs) => {
    const status = objectAt(object, 'status');
    const ready = `${number(status, 'readyReplicas')}/${number(objectAt(object, 'spec'), 'replicas')}`;
    return [object.metadata.name, ready, number(status, 'updatedReplicas'), number(status, 'availableReplicas'), age(object, nowMs), ...templateContainers(object), formatSelector(objectAt(object, 'spec')['selector'])];
  },
  'apps/v1/ReplicaSet': (object, nowMs) => {
    const status = objectAt(object, 'status');
    return [object.metadata.name, number(objectAt(object, 'spec'), 'replicas'), number(status, 'replicas'), number(status, 'readyReplicas'), age(object, nowMs), ...templateContainers(object), formatSelector(objectAt(object, 'spec')['selector'])];
  },
  'batch/v1/Job': jobCells,
  'coordination.k8s.io/v1/Lease': (object, nowMs) => [object.metadata.name, stringAt(object['spec'], 'holderIdentity'), age(object, nowMs)],
  'policy/v1/PodDisruptionBudget': (object, nowMs) => {
    const spec = objectAt(object, 'spec');
    const limit = (key: string) => (spec[key] === undefined ? 'N/A' : String(spec[key]));
    return [object.metadata.name, limit('minAvailable'), limit('maxUnavailable'), number(objectAt(object, 'status'), 'disruptionsAllowed'), age(object, nowMs)];
  },
  'rbac.authorization.k8s.io/v1/RoleBinding': bindingCells,
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': bindingCells,
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': webhookCells,
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': webhookCells,
};

function webhookCells(object: ApiObject, nowMs: number): readonly unknown[] {
  return [object.metadata.name, arrayAt(object, 'webhooks').length, age(object, nowMs)];
}

function bindingCells(object: ApiObject, nowMs: number): readonly unknown[] {
  const reference = objectAt(object, 'roleRef');
  const subjects = arrayAt(object, 'subjects').filter(isObject);
  const named = (kind: string) => subjects.filter((subject) => subject['kind'] === kind).map((subject) => (kind === 'ServiceAccount' ? `${stringAt(subject, 'namespace')}/${stringAt(subject, 'name')}` : stringAt(subject, 'name'))).join(', ');
  return [object.metadata.name, `${stringAt(reference, 'kind')}/${stringAt(reference, 'name')}`, age(object, nowMs), named('User'), named('Group'), named('ServiceAccount')];
}
