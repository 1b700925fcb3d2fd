import { arrayAt, equalJson, getOwn, isObject, objectAt, stringAt, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { plainStrategy } from '../registry/strategies.ts';
import type { Strategy } from '../registry/strategy.ts';
import { dnsLabelProblems } from '../values/names.ts';
import { withAppArmorFields } from './app-armor.ts';
import { faults } from './validation/cursor.ts';
import { checkNewPod } from './validation/pod-spec.ts';
import { validatePodStatus, validatePodUpdate } from './validation/pod-update.ts';
import { podTemplateWarnings } from './validation/pod-warnings.ts';

const PHASES_AT_END: readonly string[] = ['Failed', 'Succeeded'];

/** Pods (kubernetes pkg/registry/core/pod/strategy.go). */
export const podStrategy: Strategy = {
  ...plainStrategy,
  hasGeneration: true,
  returnsDeletedObject: true,
  metaChecksOnUpdate: ['change', 'whole'],
  prepareForCreate: (pod, { warn }) => withFields(withAppArmorFields(pod, warn), { status: { phase: 'Pending', ...gatedCondition(pod), qosClass: qosClass(objectAt(pod, 'spec')) } }),
  validateCreate: (pod) => faults(pod, '', checkNewPod),
  warnings: (pod, previous) => (previous === undefined ? [...nameWarnings(pod), ...podTemplateWarnings(pod, '')] : []),
  prepareForUpdate: (next, previous) => {
    const kept = withFields(next, { status: previous['status'] });
    return equalJson(kept['spec'], previous['spec']) ? kept : withMeta(kept, { generation: (previous.metadata.generation ?? 0) + 1 });
  },
  validateUpdate: validatePodUpdate,
  graceSeconds: (pod, requested) => {
    // Nothing runs yet, or nothing runs any more: there is nothing to wait for.
    if (stringAt(pod['spec'], 'nodeName') === '' || PHASES_AT_END.includes(stringAt(pod['status'], 'phase'))) return 0;
    const own = objectAt(pod, 'spec')['terminationGracePeriodSeconds'];
    const seconds = requested ?? (typeof own === 'number' ? own : 30);
    return seconds < 0 ? 1 : seconds;
  },
};

export const podStatusStrategy: Strategy = {
  ...plainStrategy,
  metaChecksOnUpdate: ['change'],
  prepareForUpdate: (next, previous) => {
    const metadata = { ...next.metadata, ownerReferences: previous.metadata.ownerReferences, deletionTimestamp: previous.metadata.deletionTimestamp };
    return withMeta(withFields(previous, { status: withQos(next, previous) }), metadata);
  },
  validateUpdate: validatePodStatus,
};

/** A pod that gates hold says from the start why it is not scheduled. */
function gatedCondition(pod: ApiObject): JsonObject {
  if (arrayAt(pod['spec'], 'schedulingGates').length === 0) return {};
  return { conditions: [{ type: 'PodScheduled', status: 'False', lastProbeTime: null, lastTransitionTime: pod.metadata.creationTimestamp ?? null, reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' }] };
}

function nameWarnings({ metadata }: ApiObject): readonly string[] {
  const problems = dnsLabelProblems(metadata.name);
  return problems.length === 0 ? [] : [`metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`];
}

function withQos(next: ApiObject, previous: ApiObject): JsonObject {
  const status = objectAt(next, 'status');
  const qos = stringAt(previous['status'], 'qosClass');
  return status['qosClass'] === undefined && qos !== '' ? withFields(status, { qosClass: qos }) : status;
}

/** Quality of service (kubernetes pkg/apis/core/v1/helper/qos): from CPU and memory of the pod as a whole, or of all containers. */
export function qosClass(spec: JsonObject): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = isObject(spec['resources']) ? [spec] : [...arrayAt(spec, 'containers'), ...arrayAt(spec, 'initContainers')].filter(isObject);
  const isSet = (container: JsonObject, kind: string, resource: string) => {
    const value = getOwn(objectAt(container['resources'], kind), resource);
    return value !== undefined && value !== '0' && value !== 0;
  };
  const any = containers.some((container) => ['cpu', 'memory'].some((resource) => isSet(container, 'requests', resource) || isSet(container, 'limits', resource)));
  if (!any) return 'BestEffort';
  const guaranteed = containers.every((container) => ['cpu', 'memory'].every((resource) => {
    const limit = getOwn(objectAt(container['resources'], 'limits'), resource);
    const request = getOwn(objectAt(container['resources'], 'requests'), resource) ?? limit;
    return isSet(container, 'limits', resource) && equalJson(limit, request);
  }));
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

