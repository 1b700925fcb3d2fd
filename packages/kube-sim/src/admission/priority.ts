import { forbiddenError } from '../errors/status.ts';
import { objectAt, stringAt, withFields } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import type { AdmissionPlugin } from './admission.ts';
import { createdPod } from './pod-creation.ts';

/** The classes that every cluster has; others cannot be made here (kubernetes pkg/apis/scheduling/v1/helpers.go). */
const CLASSES: Readonly<Record<string, number>> = { 'system-cluster-critical': 2_000_000_000, 'system-node-critical': 2_000_001_000 };
const POLICY = 'PreemptLowerPriority';

/** The API server's Priority: the number behind a pod's priority class. */
export const priority: AdmissionPlugin = {
  name: 'Priority',
  admit(request) {
    const { resource, object, previous, operation } = request;
    if (operation === 'UPDATE' && resource.plural === 'pods' && resource.group === '' && object !== undefined && previous !== undefined) {
      const spec = objectAt(object, 'spec');
      const kept = keptFrom(spec, objectAt(previous, 'spec'));
      return kept === spec ? undefined : withFields(object, { spec: kept });
    }
    const created = createdPod(request);
    if (created === undefined) return undefined;
    const { pod, spec } = created;
    const className = stringAt(spec, 'priorityClassName');
    const refuse = (why: string) => forbiddenError(resource, pod.metadata.name ?? '', why);
    const value = className === '' ? 0 : Object.hasOwn(CLASSES, className) ? CLASSES[className]! : undefined;
    if (value === undefined) throw refuse(`no PriorityClass with name ${className} was found`);
    const said = spec['priority'];
    if (said !== undefined && said !== value) {
      throw refuse(`the integer value of priority (${String(said)}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`);
    }
    const policy = spec['preemptionPolicy'];
    if (policy !== undefined && policy !== POLICY) {
      throw refuse(`the string value of PreemptionPolicy (${String(policy)}) must not be provided in pod spec; priority admission controller computed ${POLICY} from the given PriorityClass name`);
    }
    return withFields(pod, { spec: withFields(spec, { priority: value, preemptionPolicy: POLICY }) });
  },
};

/** An update that leaves out what this plug-in has set keeps it. */
function keptFrom(spec: JsonObject, before: JsonObject): JsonObject {
  const missing = Object.fromEntries(['priority', 'preemptionPolicy'].filter((key) => spec[key] === undefined && before[key] !== undefined).map((key) => [key, before[key]]));
  return Object.keys(missing).length === 0 ? spec : withFields(spec, missing);
}
