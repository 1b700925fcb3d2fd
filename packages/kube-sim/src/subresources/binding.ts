import { rfc3339 } from '@vfleet/core';
import { badRequestError, conflictError, StatusError } from '../errors/status.ts';
import type { Core, ObjectTarget } from '../registry/core.ts';
import type { RequestContext } from '../registry/request.ts';
import { modifyObject } from '../registry/updating.ts';
import { withCondition } from '../values/conditions.ts';
import { arrayAt, isObject, objectAt, stringAt, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';

const BINDING = { group: '', plural: 'pods/binding' };
const PODS = { group: '', plural: 'pods' };

/** POST pods/NAME/binding: the scheduler's decision (kubernetes pkg/registry/core/pod/storage, BindingREST). */
export async function bindPod(core: Core, target: ObjectTarget, body: unknown, context: RequestContext): Promise<void> {
  const binding = isObject(body) ? body : {};
  const metadata = objectAt(binding, 'metadata');
  if (stringAt(metadata, 'name') !== target.name) throw badRequestError('name in URL does not match name in Binding object');
  const problem = targetProblem(objectAt(binding, 'target'));
  if (problem !== undefined) throw new StatusError('Unknown', 500, problem);
  await modifyObject(core, target, { subresource: 'binding', skipsOwnership: true, next: (pod) => bound(core, pod, binding, metadata) }, context);
}

function targetProblem(target: JsonObject): string | undefined {
  const kind = stringAt(target, 'kind');
  const kindProblem = kind === '' || kind === 'Node' ? undefined : `target.kind: Unsupported value: "${kind}": supported values: "Node", "<empty>"`;
  const nameProblem = stringAt(target, 'name') === '' ? 'target.name: Required value' : undefined;
  if (kindProblem !== undefined && nameProblem !== undefined) return `[${kindProblem}, ${nameProblem}]`;
  return kindProblem ?? nameProblem;
}

function bound(core: Core, pod: ApiObject, binding: JsonObject, metadata: JsonObject): ApiObject {
  const { name, uid, resourceVersion } = pod.metadata;
  const refuse = (why: string) => conflictError(BINDING, name, why);
  const wantedUid = stringAt(metadata, 'uid');
  const wantedVersion = stringAt(metadata, 'resourceVersion');
  const precondition = (why: string) => conflictError(PODS, name, `StorageError: invalid object, Code: 4, Key: /registry/pods/${pod.metadata.namespace}/${name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${why}`);
  if (wantedUid !== '' && wantedUid !== uid) throw precondition(`UID in precondition: ${wantedUid}, UID in object meta: ${uid}`);
  if (wantedVersion !== '' && wantedVersion !== resourceVersion) throw precondition(`ResourceVersion in precondition: ${wantedVersion}, ResourceVersion in object meta: ${resourceVersion}`);
  if (pod.metadata.deletionTimestamp !== undefined) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  const spec = objectAt(pod, 'spec');
  const nodeName = stringAt(spec, 'nodeName');
  if (nodeName !== '') throw refuse(`pod ${name} is already assigned to node "${nodeName}"`);
  if (arrayAt(spec, 'schedulingGates').length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  const annotations = { ...pod.metadata.annotations, ...objectAt(metadata, 'annotations') };
  const withNode = withFields(pod, {
    spec: withFields(spec, { nodeName: stringAt(objectAt(binding, 'target'), 'name') }),
    status: withCondition(withFields(objectAt(pod, 'status'), { nominatedNodeName: undefined }), { type: 'PodScheduled', status: 'True', lastProbeTime: null }, rfc3339(core.clock.now())),
  });
  return withMeta(withNode, { annotations: Object.keys(annotations).length === 0 ? undefined : Object.freeze(annotations) });
}
