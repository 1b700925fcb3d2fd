import { parseRfc3339, rfc3339 } from '@vfleet/core';
import type { DeleteOptions } from '@vfleet/core';
import { admit, validateAdmission } from '../admission/admission.ts';
import { conflictError, notFoundError } from '../errors/status.ts';
import type { ApiObject } from '../values/json.ts';
import { equalJson, withMeta } from '../values/json.ts';
import { collectionOf } from './core.ts';
import type { Core, ObjectTarget } from './core.ts';
import { storeKey } from './definition.ts';
import type { ResourceDefinition } from './definition.ts';
import type { RequestContext } from './request.ts';

/** Finalizers of the garbage collector (apimachinery pkg/apis/meta/v1/types.go). */
const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

export interface DeleteOutcome {
  /** The object's last state, or its state while its deletion is pending. */
  readonly object: ApiObject;
  /** False while finalizers or a grace period hold it. */
  readonly deleted: boolean;
  /** A deletion was pending already and this one adds nothing. */
  readonly alreadyPending: boolean;
}

/** What a DELETE does to the object as it is now. */
type Verdict =
  | { readonly action: 'nothing' }
  /** Write `object`, and remove it right after when `thenRemove`. */
  | { readonly action: 'mark'; readonly object: ApiObject; readonly thenRemove: boolean }
  | { readonly action: 'remove' };

/** DELETE of one object, with preconditions, grace period, finalizers and propagation policy. */
export async function deleteObject(core: Core, target: ObjectTarget, options: DeleteOptions, context: RequestContext): Promise<DeleteOutcome> {
  const { resource, name, namespace } = target;
  const collection = collectionOf(core, resource);
  const key = storeKey(resource, namespace, name);
  const { unsaidPropagationWarning } = resource.strategy;
  if (unsaidPropagationWarning !== undefined && options.propagationPolicy === undefined) context.warn(unsaidPropagationWarning);
  for (;;) {
    const stored = collection.get(key);
    if (stored === undefined) throw notFoundError(resource, name);
    const current = resource.fromStored(stored);
    checkPreconditions(resource, current, options);
    const request = { operation: 'DELETE', resource, subresource: '', namespace, name, previous: current, context } as const;
    const admitted = admit(core.admission, request);
    if (admitted instanceof Promise) await admitted;
    const validated = validateAdmission(core.admission, request);
    if (validated !== undefined) await validated;
    const verdict = judge(core, resource, stored, options);
    if (verdict.action === 'nothing') return { object: current, deleted: false, alreadyPending: true };
    if (context.dryRun) {
      const object = verdict.action === 'mark' ? verdict.object : stored;
      return { object: resource.fromStored(object), deleted: verdict.action === 'remove' || verdict.thenRemove, alreadyPending: false };
    }
    const done = carryOut(core, resource, key, stored, verdict);
    if (done !== undefined) return { object: resource.fromStored(done.object), deleted: done.deleted, alreadyPending: false };
  }
}

function checkPreconditions(resource: ResourceDefinition, { metadata }: ApiObject, { preconditions }: DeleteOptions): void {
  // The real server names the kind here and not the plural.
  const subject = { group: resource.group, plural: resource.kind };
  if (preconditions?.uid !== undefined && preconditions.uid !== metadata.uid) {
    throw conflictError(subject, metadata.name, `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`);
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== metadata.resourceVersion) {
    throw conflictError(subject, metadata.name, `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`);
  }
}

function judge(core: Core, resource: ResourceDefinition, stored: ApiObject, options: DeleteOptions): Verdict {
  const nowMs = core.clock.now();
  const { heldDeletion } = resource.strategy;
  if (heldDeletion !== undefined) {
    if (stored.metadata.deletionTimestamp === undefined) return { action: 'mark', object: begun(resource, heldDeletion.begin(stored, nowMs), options, nowMs), thenRemove: false };
    if (heldDeletion.isHeld(stored)) return { action: 'nothing' };
  }
  const graceful = resource.strategy.graceSeconds === undefined ? undefined : gracefulState(resource, stored, options, nowMs);
  if (graceful === 'pending') return { action: 'nothing' };
  const finalizers = finalizersFor(resource, stored, options);
  const withFinalizers = (object: ApiObject) => withOnlyFinalizers(object, finalizers);
  if (graceful !== undefined) {
    const seconds = graceful.metadata.deletionGracePeriodSeconds ?? 0;
    return { action: 'mark', object: withFinalizers(graceful), thenRemove: finalizers.length === 0 && seconds === 0 };
  }
  if (finalizers.length === 0) return { action: 'remove' };
  return { action: 'mark', object: withFinalizers(markedAsDeleting(stored, nowMs)), thenRemove: false };
}

/** The object with a running grace period; 'pending' when one runs that this request does not shorten; undefined when there is none to set. */
function gracefulState(resource: ResourceDefinition, stored: ApiObject, options: DeleteOptions, nowMs: number): ApiObject | 'pending' | undefined {
  const { metadata } = stored;
  const asked = options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0 ? 1 : options.gracePeriodSeconds;
  if (metadata.deletionTimestamp === undefined) {
    const seconds = resource.strategy.graceSeconds!(stored, asked);
    return withMeta(stored, {
      deletionTimestamp: rfc3339(nowMs + seconds * 1000),
      deletionGracePeriodSeconds: seconds,
      ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
    });
  }
  const running = metadata.deletionGracePeriodSeconds ?? 0;
  if (running === 0) return undefined;
  if (asked === undefined || asked >= running) return 'pending';
  const shortenedMs = parseRfc3339(metadata.deletionTimestamp)! + (asked - running) * 1000;
  const isPast = shortenedMs < nowMs;
  return withMeta(stored, {
    deletionTimestamp: rfc3339(isPast ? nowMs : shortenedMs),
    deletionGracePeriodSeconds: isPast && asked !== 0 ? 1 : asked,
  });
}

/** Namespaces stay until their own controller has emptied them: the first DELETE only says that it shall. */
function begun(resource: ResourceDefinition, object: ApiObject, options: DeleteOptions, nowMs: number): ApiObject {
  return withMeta(withOnlyFinalizers(object, finalizersFor(resource, object, options)), { deletionTimestamp: rfc3339(nowMs) });
}

function withOnlyFinalizers(object: ApiObject, finalizers: readonly string[]): ApiObject {
  if (sameItems(finalizers, object.metadata.finalizers ?? [])) return object;
  return withMeta(object, { finalizers: finalizers.length === 0 ? undefined : Object.freeze([...finalizers]) });
}

function markedAsDeleting(stored: ApiObject, nowMs: number): ApiObject {
  const { metadata } = stored;
  const isFirst = metadata.deletionTimestamp === undefined;
  return withMeta(stored, {
    deletionTimestamp: isFirst ? rfc3339(nowMs) : metadata.deletionTimestamp,
    deletionGracePeriodSeconds: 0,
    ...(isFirst && metadata.generation !== undefined ? { generation: metadata.generation + 1 } : {}),
  });
}

/** The garbage collector's finalizers as the request, the object or the kind ask (apiserver store.go). */
function finalizersFor(resource: ResourceDefinition, { metadata }: ApiObject, { propagationPolicy }: DeleteOptions): string[] {
  const existing = metadata.finalizers ?? [];
  const rest = existing.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND);
  if (propagationPolicy === 'Orphan') return [...rest, ORPHAN];
  if (propagationPolicy === 'Foreground') return [...rest, FOREGROUND];
  if (propagationPolicy === 'Background') return rest;
  if (existing.includes(ORPHAN)) return [...rest, ORPHAN];
  if (existing.includes(FOREGROUND)) return [...rest, FOREGROUND];
  return resource.strategy.defaultPropagation === 'Orphan' ? [...rest, ORPHAN] : rest;
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** Undefined when somebody else wrote first. */
function carryOut(
  core: Core, resource: ResourceDefinition, key: string, stored: ApiObject, verdict: Exclude<Verdict, { action: 'nothing' }>,
): { readonly object: ApiObject; readonly deleted: boolean } | undefined {
  const collection = collectionOf(core, resource);
  if (verdict.action === 'remove') {
    const last = core.store.remove(collection, key, stored);
    return last === undefined ? undefined : { object: last, deleted: true };
  }
  const marked = equalJson(verdict.object, stored) ? stored : core.store.put(collection, key, verdict.object, stored);
  if (marked === undefined) return undefined;
  if (!verdict.thenRemove) return { object: marked, deleted: false };
  return { object: core.store.remove(collection, key, marked)!, deleted: true };
}
