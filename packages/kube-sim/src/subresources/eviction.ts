import { rfc3339 } from '@vfleet/core';
import type { DeleteOptions, LabelSelector } from '@vfleet/core';
import { labelRequirementsOf, matchesLabels } from '@vfleet/kube/selectors/index.ts';
import { goDecoder } from '../builtin/decode.ts';
import { badRequestError, conflictError, forbiddenError, StatusError, tooManyRequestsError } from '../errors/status.ts';
import type { Core, ObjectTarget } from '../registry/core.ts';
import { defineResource } from '../registry/define.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { deleteObject } from '../registry/deletion.ts';
import { getObject } from '../registry/reading.ts';
import type { RequestContext } from '../registry/request.ts';
import { modifyObject } from '../registry/updating.ts';
import { goMergeSchema } from '../schema/go-merge-schema.ts';
import { publishedTypes } from '../schemas/published.ts';
import { once } from '../values/once.ts';
import { sortedVisit } from '../store/sorted-map.ts';
import { findCondition, withCondition } from '../values/conditions.ts';
import { getOwn, isObject, objectAt, stringAt, withFields } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';

/** Evictions not yet confirmed by the disruption controller, at most (eviction.go, MaxDisruptedPodSize). */
const DISRUPTED_PODS_MAX = 2000;
const BUDGETS = { group: 'policy', plural: 'poddisruptionbudget' };

/** The kind of the subresource's bodies, in the version that is served and in the one that was before it. */
const evictionKind = once((): ResourceDefinition => {
  const type = publishedTypes().ofKind('policy', 'v1', 'Eviction');
  const decode = goDecoder('policy', 'v1', 'Eviction', type, () => undefined);
  const current = (value: unknown) => (isObject(value) && value['apiVersion'] === 'policy/v1beta1' ? withFields(value, { apiVersion: 'policy/v1' }) : value);
  return defineResource({ group: 'policy', version: 'v1', kind: 'Eviction', plural: 'evictions', namespaced: true, decode: (value) => decode(current(value)), goType: () => type, mergeSchema: goMergeSchema(type) });
});

export function evictionResource(): ResourceDefinition {
  return evictionKind();
}

/** POST pods/NAME/eviction: a DELETE that PodDisruptionBudgets may refuse (kubernetes pkg/registry/core/pod/storage/eviction.go). */
export async function evictPod(core: Core, target: ObjectTarget, body: unknown, context: RequestContext): Promise<void> {
  const eviction = isObject(body) ? body : {};
  if (stringAt(eviction['metadata'], 'name') !== target.name) throw badRequestError('name in URL does not match name in Eviction object');
  const asked = deleteOptions(objectAt(eviction, 'deleteOptions'));
  const effective = asked.dryRun === true ? { ...context, dryRun: true } : context;
  const pod = getObject(core, target);
  const unguarded = canIgnoreBudgets(pod) || (await takeFromBudget(core, pod, effective)) === 'unguarded';
  const isOver = ['Succeeded', 'Failed'].includes(stringAt(pod['status'], 'phase')) || pod.metadata.deletionTimestamp !== undefined;
  // Where the budget did not count this pod, the pod must still be as it was when that was decided.
  const guardVersion = unguarded && !isOver && asked.preconditions?.resourceVersion === undefined;
  const options = guardVersion ? { ...asked, preconditions: { ...asked.preconditions, resourceVersion: pod.metadata.resourceVersion! } } : asked;
  await markAndDelete(core, target, options, effective);
}

function deleteOptions(said: JsonObject): DeleteOptions {
  const preconditions = objectAt(said, 'preconditions');
  const uid = stringAt(preconditions, 'uid');
  const resourceVersion = stringAt(preconditions, 'resourceVersion');
  const seconds = said['gracePeriodSeconds'];
  const policy = said['propagationPolicy'];
  return {
    ...(typeof seconds === 'number' ? { gracePeriodSeconds: seconds } : {}),
    ...(policy === 'Orphan' || policy === 'Foreground' || policy === 'Background' ? { propagationPolicy: policy } : {}),
    ...(uid === '' && resourceVersion === '' ? {} : { preconditions: { ...(uid === '' ? {} : { uid }), ...(resourceVersion === '' ? {} : { resourceVersion }) } }),
    ...(Array.isArray(said['dryRun']) && said['dryRun'].includes('All') ? { dryRun: true } : {}),
  };
}

/** Pods that are over, or never ran, disrupt nothing by going. */
function canIgnoreBudgets(pod: ApiObject): boolean {
  return ['Succeeded', 'Failed', 'Pending'].includes(stringAt(pod['status'], 'phase')) || pod.metadata.deletionTimestamp !== undefined;
}

async function takeFromBudget(core: Core, pod: ApiObject, context: RequestContext): Promise<'counted' | 'unguarded' | 'none'> {
  const budgets = budgetsOf(core, pod);
  if (budgets.length > 1) throw new StatusError('Unknown', 500, 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const [budget] = budgets;
  if (budget === undefined) return 'none';
  if (findCondition(pod['status'], 'Ready')?.['status'] !== 'True' && mayGoUnready(budget)) return 'unguarded';
  const resource = core.registry.find('policy', 'v1', 'poddisruptionbudgets')!;
  const target = { resource, namespace: budget.metadata.namespace!, name: budget.metadata.name };
  await modifyObject(core, target, { subresource: 'status', next: (current) => taken(core, current, pod.metadata.name) }, { ...context, fieldManager: 'kube-apiserver' });
  return 'counted';
}

function budgetsOf(core: Core, pod: ApiObject): readonly ApiObject[] {
  const found: ApiObject[] = [];
  const namespace = pod.metadata.namespace!;
  sortedVisit(core.store.collection('poddisruptionbudgets.policy').objects, `${namespace}/`, `${namespace}0`, (_key, budget) => {
    const selector = getOwn(objectAt(budget, 'spec'), 'selector');
    // No selector selects nothing; an empty one selects every pod of the namespace.
    const requirements = isObject(selector) ? labelRequirementsOf(selector as LabelSelector) : undefined;
    if (requirements?.ok === true && matchesLabels(requirements.value, pod.metadata.labels)) found.push(budget);
    return true;
  });
  return found;
}

function mayGoUnready(budget: ApiObject): boolean {
  if (stringAt(budget['spec'], 'unhealthyPodEvictionPolicy') === 'AlwaysAllow') return true;
  const status = objectAt(budget, 'status');
  return count(status, 'currentHealthy') >= count(status, 'desiredHealthy') && count(status, 'desiredHealthy') > 0;
}

function count(status: JsonObject, key: string): number {
  const value = status[key];
  return typeof value === 'number' ? value : 0;
}

function taken(core: Core, budget: ApiObject, podName: string): ApiObject {
  const { name } = budget.metadata;
  const status = objectAt(budget, 'status');
  const disrupted = objectAt(status, 'disruptedPods');
  const refusal = 'Cannot evict pod as it would violate the pod\'s disruption budget.';
  if (count(status, 'observedGeneration') < (budget.metadata.generation ?? 0)) {
    throw tooManyRequestsError(refusal, 10, [{ reason: 'DisruptionBudget', message: `The disruption budget ${name} is still being processed by the server.` }]);
  }
  const allowed = count(status, 'disruptionsAllowed');
  if (allowed < 0) throw forbiddenError(BUDGETS, name, 'pdb disruptions allowed is negative');
  if (Object.keys(disrupted).length > DISRUPTED_PODS_MAX) throw forbiddenError(BUDGETS, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (allowed === 0) {
    throw tooManyRequestsError(refusal, undefined, [{
      reason: 'DisruptionBudget', message: `The disruption budget ${name} needs ${count(status, 'desiredHealthy')} healthy pods and has ${count(status, 'currentHealthy')} currently`,
    }]);
  }
  const now = rfc3339(core.clock.now());
  const next = withFields(status, { disruptionsAllowed: allowed - 1, disruptedPods: withFields(disrupted, { [podName]: now }) });
  return withFields(budget, { status: allowed > 1 ? next : withCondition(next, exhausted(budget), now) });
}

function exhausted(budget: ApiObject): JsonObject & { readonly type: string; readonly status: string } {
  return { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', observedGeneration: budget.metadata.generation ?? 0, message: '' };
}

async function markAndDelete(core: Core, target: ObjectTarget, options: DeleteOptions, context: RequestContext): Promise<void> {
  if (context.dryRun) {
    await deleteObject(core, target, options, context);
    return;
  }
  const marked = await modifyObject(core, target, {
    subresource: 'eviction',
    skipsOwnership: true,
    next: (pod) => {
      checkPreconditions(pod, options);
      const condition = { type: 'DisruptionTarget', status: 'True', lastProbeTime: null, reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' };
      return withFields(pod, { status: withCondition(objectAt(pod, 'status'), condition, rfc3339(core.clock.now())) });
    },
  }, context);
  const preconditions = options.preconditions?.resourceVersion === undefined ? options.preconditions : { ...options.preconditions, resourceVersion: marked.metadata.resourceVersion! };
  await deleteObject(core, target, preconditions === undefined ? options : { ...options, preconditions }, context);
}

function checkPreconditions(pod: ApiObject, { preconditions }: DeleteOptions): void {
  const { name, uid, resourceVersion } = pod.metadata;
  const kind = { group: '', plural: 'Pod' };
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) throw conflictError(kind, name, `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`);
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) throw conflictError(kind, name, `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`);
}
