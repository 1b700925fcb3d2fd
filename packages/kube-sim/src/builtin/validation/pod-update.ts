import type { FieldError } from '../../errors/field-error.ts';
import { isIpv4, isIpv6 } from '../../schema/formats.ts';
import { arrayAt, equalJson, isObject, objectAt, stringAt, withFields } from '../../values/json.ts';
import type { ApiObject, JsonObject } from '../../values/json.ts';
import { dnsSubdomainProblems, qualifiedNameProblems } from '../../values/names.ts';
import { checkTolerations } from './affinity.ts';
import { faults } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { checkPod } from './pod-spec.ts';

const INT32_MAX = 2 ** 31 - 1;
const ONLY_THESE = 'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** What a pod may still change once it is there (validation.go, ValidatePodUpdate). The real server's message goes on with a diff of its inner form. */
export function validatePodUpdate(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  if (next['spec'] === previous['spec']) return [];
  return faults(next, '', (pod) => {
    checkPod(pod);
    const spec = pod.at('spec');
    const before = objectAt(previous, 'spec');
    for (const list of ['containers', 'initContainers']) if (!checkContainersStay(spec.at(list), arrayAt(before, list))) return;
    if (!checkDeadline(spec.at('activeDeadlineSeconds'), before['activeDeadlineSeconds'])) return;
    checkTolerationsStay(spec.at('tolerations'), arrayAt(before, 'tolerations'));
    const gates = arrayAt(before, 'schedulingGates').map((gate) => stringAt(gate, 'name'));
    for (const gate of spec.at('schedulingGates').items) if (!gates.includes(gate.at('name').text)) gate.at('name').forbidden(`only deletion is allowed, but found new scheduling gate '${gate.at('name').text}'`);
    const munged = withChangeable(spec.object, before);
    const settled = gates.length > 0 ? withGatedChanges(spec, munged, before) : munged;
    if (!equalJson(settled, before)) spec.forbidden(ONLY_THESE);
  });
}

/** False when nothing more can be said. */
function checkContainersStay(containers: Cursor, before: readonly unknown[]): boolean {
  if (containers.items.length !== before.length) {
    containers.forbidden('pod updates may not add or remove containers');
    return false;
  }
  for (const container of containers.items) {
    const image = container.at('image');
    if (image.text === '') image.required();
    if (image.text.trim() !== image.text) image.invalid('must not have leading or trailing whitespace');
  }
  return true;
}

function checkDeadline(deadline: Cursor, before: unknown): boolean {
  const count = deadline.errors.length;
  if (!deadline.isSet) {
    if (before !== undefined) deadline.invalid('must not update from a positive integer to nil value', null);
    return true;
  }
  deadline.between(0, INT32_MAX);
  if (deadline.errors.length === count && typeof before === 'number' && before < deadline.number!) deadline.invalid('must be less than or equal to previous value');
  return deadline.errors.length === count;
}

function checkTolerationsStay(tolerations: Cursor, before: readonly unknown[]): void {
  const timeless = (toleration: unknown) => (isObject(toleration) ? withFields(toleration, { tolerationSeconds: undefined }) : toleration);
  const kept = tolerations.items.map(({ value }) => timeless(value));
  if (before.some((toleration) => !kept.some((other) => equalJson(other, timeless(toleration))))) tolerations.forbidden('existing toleration can not be modified except its tolerationSeconds');
  else checkTolerations(tolerations);
}

/** The spec with everything that may change as it was. */
function withChangeable(spec: JsonObject, before: JsonObject): JsonObject {
  const images = (list: string) => (spec[list] === undefined ? undefined : arrayAt(spec, list).map((container, index) => {
    const old = arrayAt(before, list)[index];
    return isObject(container) && isObject(old) ? withFields(container, { image: old['image'] }) : container;
  }));
  const grace = before['terminationGracePeriodSeconds'];
  const isMended = typeof grace === 'number' && grace < 0 && spec['terminationGracePeriodSeconds'] === 1;
  return withFields(spec, {
    containers: images('containers'), initContainers: images('initContainers'),
    activeDeadlineSeconds: before['activeDeadlineSeconds'], schedulingGates: before['schedulingGates'], tolerations: before['tolerations'],
    ...(isMended ? { terminationGracePeriodSeconds: grace } : {}),
  });
}

/** While gates hold a pod, the nodes it may go to can be narrowed. */
function withGatedChanges(spec: Cursor, munged: JsonObject, before: JsonObject): JsonObject {
  const selector = objectAt(munged, 'nodeSelector');
  for (const [key, value] of Object.entries(objectAt(before, 'nodeSelector'))) {
    if (selector[key] === value) continue;
    spec.at('nodeSelector').invalid('only additions to spec.nodeSelector are allowed (no mutations or deletions)');
    break;
  }
  const affinity = withFields(objectAt(munged, 'affinity'), { nodeAffinity: objectAt(before, 'affinity')['nodeAffinity'] });
  const isEmpty = Object.keys(affinity).length === 0 && before['affinity'] === undefined;
  return withFields(munged, { nodeSelector: before['nodeSelector'], affinity: isEmpty ? undefined : affinity });
}

const SYSTEM_CONDITIONS: readonly string[] = ['PodScheduled', 'Ready', 'Initialized'];

/** Statuses that kubelets write (ValidatePodStatusUpdate). */
export function validatePodStatus(next: ApiObject, previous: ApiObject): readonly FieldError[] {
  return faults(next, '', (pod) => {
    const status = pod.at('status');
    const before = objectAt(previous, 'status');
    for (const condition of status.at('conditions').items) {
      if ((condition.at('observedGeneration').number ?? 0) < 0) condition.at('observedGeneration').invalid('must be a non-negative integer');
      if (SYSTEM_CONDITIONS.includes(condition.at('type').text)) continue;
      for (const problem of qualifiedNameProblems(condition.at('type').text)) condition.at('Type').invalid(problem, condition.at('type').text);
    }
    const nominated = status.at('nominatedNodeName');
    if (nominated.text !== '' && nominated.text !== before['nominatedNodeName']) nominated.check(dnsSubdomainProblems);
    if ((status.at('observedGeneration').number ?? 0) < 0) status.at('observedGeneration').invalid('must be a non-negative integer');
    if (stringAt(before, 'qosClass') !== status.at('qosClass').text) status.at('qosClass').invalid('field is immutable');
    checkStates(status.at('containerStatuses'), arrayAt(before, 'containerStatuses'), objectAt(previous, 'spec'), () => false);
    const sidecars = arrayAt(previous['spec'], 'initContainers').filter((container) => stringAt(container, 'restartPolicy') === 'Always').map((container) => stringAt(container, 'name'));
    checkStates(status.at('initContainerStatuses'), arrayAt(before, 'initContainerStatuses'), objectAt(previous, 'spec'), (name) => sidecars.includes(name));
    checkAddresses(status.at('podIPs'), arrayAt(before, 'podIPs'));
    const hosts = status.at('hostIPs');
    if (hosts.items.length === 0) return;
    if (hosts.index(0).at('ip').text !== status.at('hostIP').text) hosts.index(0).at('ip').invalid('must be equal to `hostIP`');
    checkAddresses(hosts, arrayAt(before, 'hostIPs'));
  });
}

/** A container that has ended and must not be started again stays ended. */
function checkStates(statuses: Cursor, before: readonly unknown[], spec: JsonObject, mayRestart: (name: string) => boolean): void {
  if (spec['restartPolicy'] === 'Always') return;
  before.forEach((old, index) => {
    const terminated = objectAt(isObject(old) ? old['state'] : undefined, 'terminated');
    const name = stringAt(old, 'name');
    if (Object.keys(terminated).length === 0 || mayRestart(name)) return;
    if (terminated['exitCode'] !== 0 && spec['restartPolicy'] === 'OnFailure') return;
    const current = statuses.items.find((status) => status.at('name').text === name);
    if (current !== undefined && !current.at('state').at('terminated').isSet) statuses.index(index).at('state').forbidden('may not be transitioned to non-terminated state');
  });
}

function checkAddresses(addresses: Cursor, before: readonly unknown[]): void {
  const known = before.map((address) => stringAt(address, 'ip'));
  const texts = addresses.items.map((address) => address.at('ip').text);
  for (const [index, text] of texts.entries()) if (!known.includes(text) && !isIpv4(text) && !isIpv6(text)) addresses.index(index).invalid('must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)', text);
  if (texts.length > 1 && (texts.length > 2 || isIpv6(texts[0]!) === isIpv6(texts[1]!))) addresses.invalid('may specify no more than one IP for each IP family');
}
