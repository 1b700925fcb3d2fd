import { faults } from '../builtin/validation/cursor.ts';
import { rfc3339 } from '@vfleet/core';
import { withCondition } from '../values/conditions.ts';
import { plainStrategy, specStrategy, withNextGeneration, keepingStatus } from '../registry/strategies.ts';
import type { Strategy } from '../registry/strategy.ts';
import { arrayAt, isObject, objectAt, stringAt, withFields, withMeta } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { checkNames } from './definition/names.ts';
import { definitionProblems } from './definition/validate-definition.ts';

/** Said when somebody asks for the deletion, before it begins. */
const PENDING = { type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon' };

export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** CustomResourceDefinitions (apiextensions-apiserver pkg/registry/customresourcedefinition). */
export const crdStrategy: Strategy = {
  ...specStrategy,
  needsQualifiedFinalizers: false,
  allowUnconditionalUpdate: false,
  prepareForCreate: (crd) => withFields(crd, { status: { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: storageVersion(crd) } }),
  validateCreate: (crd) => definitionProblems(crd, undefined),
  prepareForUpdate: (next, previous) => withStoredVersion(withNextGeneration(keepingStatus(next, previous), previous)),
  validateUpdate: definitionProblems,
  heldDeletion: { begin: (crd, nowMs) => withMeta(withFields(crd, { status: withCondition(objectAt(crd, 'status'), PENDING, rfc3339(nowMs)) }), { finalizers: withCleanup(crd) }), isHeld: () => false },
};

export const crdStatusStrategy: Strategy = {
  ...plainStrategy,
  prepareForUpdate: (next, previous) => withFields(previous, { metadata: next.metadata, status: next['status'] }),
  validateUpdate: (crd) => faults(crd, '', (root) => checkNames(root.at('status').at('acceptedNames'))),
};

function withCleanup({ metadata }: ApiObject): readonly string[] {
  const finalizers = metadata.finalizers ?? [];
  return finalizers.includes(CLEANUP_FINALIZER) ? finalizers : [...finalizers, CLEANUP_FINALIZER];
}

/** The first one marked so. */
function storageVersion(crd: ApiObject): readonly string[] {
  const storage = arrayAt(crd['spec'], 'versions').find((version) => isObject(version) && version['storage'] === true);
  return storage === undefined ? [] : [stringAt(storage, 'name')];
}

/** Objects may be stored in the new version from now on. */
function withStoredVersion(crd: ApiObject): ApiObject {
  const status = objectAt(crd, 'status');
  const stored = arrayAt(status, 'storedVersions');
  const added = storageVersion(crd).filter((name) => !stored.includes(name));
  return added.length === 0 ? crd : withFields(crd, { status: { ...status, storedVersions: [...stored, ...added] } });
}
