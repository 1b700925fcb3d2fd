import { admit, validateAdmission } from '../admission/admission.ts';
import type { AdmissionRequest } from '../admission/admission.ts';
import { conflictError, invalidError, notFoundError, OPTIMISTIC_LOCK, StatusError } from '../errors/status.ts';
import { goQuote, invalid } from '../errors/field-error.ts';
import { equalJson, getOwn, withMeta } from '../values/json.ts';
import type { ApiObject } from '../values/json.ts';
import { collectionOf } from './core.ts';
import type { Core, ObjectTarget } from './core.ts';
import { createDecoded } from './creation.ts';
import { decodeBody, inRequestNamespace, requireName, withWrittenStatus } from './decoding.ts';
import { storeKey } from './definition.ts';
import { validateCommonUpdate, validateKindUpdate } from './object-meta.ts';
import { withDistinctOwners } from './owner-references.ts';
import type { RequestContext } from './request.ts';

export interface ModifyOptions {
  /** Empty for the object itself. */
  readonly subresource: string;
  /** What becomes of an object that is not there: refused, or created by the caller's own means. */
  readonly createMissing?: () => Promise<ApiObject>;
  /** The next state, in the version asked for. Called again when somebody else wrote meanwhile. */
  next(current: ApiObject): ApiObject;
  /** No ordinary bookkeeping of managedFields: server-side apply has done its own, and some subresources do none. */
  readonly skipsOwnership?: true;
}

/** PUT: replaces an object, or one of its subresources, by the body. */
export async function updateObject(core: Core, target: ObjectTarget, subresource: string, body: unknown, context: RequestContext): Promise<{ readonly object: ApiObject; readonly created: boolean }> {
  const { resource, name, namespace } = target;
  const stored = collectionOf(core, resource).get(storeKey(resource, namespace, name));
  const decoded = decodeBody(resource, body, context, stored === undefined ? undefined : resource.fromStored(stored));
  requireName(decoded, name);
  const object = withDistinctOwners(inRequestNamespace(resource, decoded, namespace), context, 'as sent');
  const root = context.dryRun ? '' : '/registry';
  let created = false;
  const strategy = subresource === '' ? resource.strategy : resource.subresourceStrategies[subresource]!;
  const options: ModifyOptions = {
    subresource,
    next: (current) => withRequestVersion(resource, object, current, root),
    ...(strategy.allowCreateOnUpdate
      ? {
          createMissing: () => {
            const { uid } = object.metadata;
            if (uid !== undefined && uid !== '') throw conflictError(resource, name, uidMismatch(`${root}/${storagePrefix(resource)}/${storeKey(resource, namespace, name)}`, uid, ''));
            created = true;
            return createDecoded(core, resource, withMeta(object, { resourceVersion: undefined, uid: undefined }), context);
          },
        }
      : {}),
  };
  const result = await modifyObject(core, target, options, context);
  return { object: result, created };
}

function uidMismatch(key: string, wanted: string, found: string | undefined): string {
  return `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`;
}

/** Checks the precondition that a PUT's body carries; `root` is where a message says that things are stored. */
function withRequestVersion(resource: ObjectTarget['resource'], object: ApiObject, current: ApiObject, root: string): ApiObject {
  const { uid } = object.metadata;
  if (uid !== undefined && uid !== '' && uid !== current.metadata.uid) {
    throw conflictError(resource, current.metadata.name, uidMismatch(`${root}/${storagePrefix(resource)}/${storeKey(resource, current.metadata.namespace, current.metadata.name)}`, uid, current.metadata.uid));
  }
  return object;
}

/** Who names no version overwrites what is there, of most kinds; others want to know the version that was seen. */
function withVersion({ resource, name }: ObjectTarget, subresource: string, object: ApiObject, current: ApiObject): ApiObject {
  const { resourceVersion } = object.metadata;
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0') return object;
  if (!resource.strategy.allowUnconditionalUpdate) throw invalidError({ group: resource.group, kind: resource.plural }, name, [invalid('metadata.resourceVersion', 0, 'must be specified for an update')]);
  const strategy = subresource === '' ? resource.strategy : resource.subresourceStrategies[subresource];
  return strategy?.allowUnconditionalUpdate === true ? withMeta(object, { resourceVersion: current.metadata.resourceVersion }) : object;
}

/** Reads, changes and writes one object until nobody else was faster. The one way in which objects change. */
export async function modifyObject(core: Core, target: ObjectTarget, options: ModifyOptions, context: RequestContext): Promise<ApiObject> {
  const { resource, name, namespace } = target;
  const collection = collectionOf(core, resource);
  const key = storeKey(resource, namespace, name);
  for (;;) {
    const stored = collection.get(key);
    if (stored === undefined) {
      if (options.createMissing !== undefined) return options.createMissing();
      throw notFoundError(resource, name);
    }
    const current = resource.fromStored(stored);
    const candidate = withVersion(target, options.subresource, options.next(current), current);
    const askedVersion = candidate.metadata.resourceVersion;
    if (askedVersion !== undefined && !/^\d*$/.test(askedVersion)) throw new StatusError('Unknown', 500, `strconv.ParseUint: parsing ${goQuote(askedVersion)}: invalid syntax`);
    if (askedVersion !== undefined && askedVersion !== '' && askedVersion !== current.metadata.resourceVersion) {
      throw conflictError(resource, name, OPTIMISTIC_LOCK);
    }
    const pending = prepareAndValidate(core, target, options, candidate, current, context);
    const next = pending instanceof Promise ? await pending : pending;
    const written = commit(core, target, options.subresource, key, stored, current, next, context);
    if (written !== undefined) return resource.fromStored(written);
  }
}

function prepareAndValidate(
  core: Core, target: ObjectTarget, options: ModifyOptions, candidate: ApiObject, current: ApiObject, context: RequestContext,
): ApiObject | Promise<ApiObject> {
  const { resource, name, namespace } = target;
  const owned = options.skipsOwnership === true ? candidate : core.ownership.afterWrite(resource, options.subresource, candidate, current, context);
  const request: AdmissionRequest = { operation: 'UPDATE', resource, subresource: options.subresource, namespace, name, object: owned, previous: current, context };
  const validated = (admitted: ApiObject): ApiObject | Promise<ApiObject> => {
    const prepared = beforeUpdate(target, options.subresource, withDistinctOwners(admitted, context, 'after admission'), current, context);
    const pending = validateAdmission(core.admission, { ...request, object: prepared });
    return pending === undefined ? prepared : pending.then(() => prepared);
  };
  const outcome = admit(core.admission, request);
  return outcome instanceof Promise ? outcome.then(validated) : validated(outcome);
}

/** What every update of every kind goes through (apiserver pkg/registry/rest/update.go, BeforeUpdate). */
function beforeUpdate(target: ObjectTarget, subresource: string, admitted: ApiObject, current: ApiObject, context: RequestContext): ApiObject {
  const { resource } = target;
  const strategy = subresource === '' ? resource.strategy : resource.subresourceStrategies[subresource]!;
  const before = current.metadata;
  const withGeneration = withMeta(admitted, { generation: before.generation });
  const prepared = withWrittenStatus(resource, strategy.prepareForUpdate(withGeneration, current));
  const asked = prepared.metadata;
  const next = withMeta(prepared, {
    uid: asked.uid === undefined || asked.uid === '' ? before.uid : asked.uid,
    creationTimestamp: before.creationTimestamp ?? asked.creationTimestamp,
    selfLink: undefined,
    ...(before.deletionTimestamp === undefined ? {} : { deletionTimestamp: before.deletionTimestamp }),
    ...(before.deletionGracePeriodSeconds === undefined || asked.deletionGracePeriodSeconds !== undefined ? {} : { deletionGracePeriodSeconds: before.deletionGracePeriodSeconds }),
  });
  const errors = [
    ...validateCommonUpdate(next.metadata, before, resource.namespaced),
    ...validateKindUpdate(next.metadata, before, resource.namespaced, strategy),
    ...strategy.validateUpdate(next, current),
  ];
  if (errors.length > 0) throw invalidError({ group: resource.storageGroup, kind: resource.kind }, before.name, errors);
  for (const warning of strategy.warnings(next, current)) context.warn(warning);
  return next;
}

/** Undefined when somebody else wrote first. */
function commit(
  core: Core, { resource }: ObjectTarget, subresource: string, key: string, stored: ApiObject, current: ApiObject, next: ApiObject, context: RequestContext,
): ApiObject | undefined {
  const collection = collectionOf(core, resource);
  if (isSettledDeletion(resource, next)) {
    if (context.dryRun) return resource.toStored(next);
    // The answer is the state that was removed; only watchers see the revision of the removal.
    return core.store.remove(collection, key, stored) === undefined ? undefined : resource.toStored(next);
  }
  // A write that changes nothing is none: no new version, no event (apiserver pkg/storage/etcd3, GuaranteedUpdate).
  const toStore = resource.toStored(next);
  // Custom resources may be stored without the defaults that they are read with.
  const [before, after] = resource.custom ? [stored, toStore] : [current, next];
  // Times in managedFields alone are no reason for a write, but the order that changes with them where scale takes one away.
  if (isSameButForTimes(after, before, subresource === 'scale')) return stored;
  return context.dryRun ? toStore : core.store.put(collection, key, toStore, stored);
}

/** The last finalizer is gone and no grace period runs any more: the object goes with this write. */
function isSettledDeletion({ strategy }: ObjectTarget['resource'], object: ApiObject): boolean {
  const { metadata } = object;
  if (strategy.heldDeletion?.isHeld(object) === true) return false;
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0 && (metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

/** The place of a resource in etcd, which one message of the real server names. */
function storagePrefix({ group, plural, custom }: ObjectTarget['resource']): string {
  if (custom) return `${group}/${plural}`;
  return plural === 'nodes' ? 'minions' : plural;
}

/** Whether only the times of managedFields differ: a write that takes nothing new is no reason for a new version. */
function isSameButForTimes(next: ApiObject, current: ApiObject, isInOrder: boolean): boolean {
  if (!isSameContent(next, current)) return false;
  const before = current.metadata.managedFields;
  const after = next.metadata.managedFields;
  if (before === after || before === undefined || after === undefined || before.length !== after.length) return equalJson(next, current);
  const times = new Map(before.map((entry) => [entryKey(entry), entry['time']]));
  const reset = after.map((entry) => ({ ...entry, time: times.get(entryKey(entry)) ?? entry['time'] }));
  const sorted = (entries: readonly Readonly<Record<string, unknown>>[]) => isInOrder ? entries : [...entries].sort((a, b) => (entryKey(a) < entryKey(b) ? -1 : 1));
  return equalJson(withMeta(next, { managedFields: sorted(reset) }), withMeta(current, { managedFields: sorted(before) }));
}

/** Equal in all but metadata. */
function isSameContent(a: ApiObject, b: ApiObject): boolean {
  for (const key in a) if (key !== 'metadata' && !equalJson(a[key], getOwn(b, key))) return false;
  for (const key in b) if (getOwn(a, key) === undefined && b[key] !== undefined) return false;
  return true;
}

function entryKey(entry: Readonly<Record<string, unknown>>): string {
  return JSON.stringify([entry['manager'], entry['operation'], entry['apiVersion'], entry['subresource']]);
}
