import { rfc3339 } from '@vfleet/core';
import { admit, validateAdmission } from '../admission/admission.ts';
import type { AdmissionRequest } from '../admission/admission.ts';
import { alreadyExistsError, badRequestError, invalidError, StatusError } from '../errors/status.ts';
import type { ApiObject } from '../values/json.ts';
import { pathSegmentProblems } from '../values/names.ts';
import { withMeta } from '../values/json.ts';
import { collectionOf } from './core.ts';
import type { Core, Target } from './core.ts';
import { decodeBody, inRequestNamespace, withWrittenStatus } from './decoding.ts';
import { storeKey } from './definition.ts';
import type { ResourceDefinition } from './definition.ts';
import { validateObjectMeta } from './object-meta.ts';
import { withDistinctOwners } from './owner-references.ts';
import type { RequestContext } from './request.ts';

/** Names longer than this lose their end before a suffix of five is added (apiserver pkg/storage/names/generate.go). */
const GENERATED_BASE_MAX = 58;
const GENERATED_SUFFIX_LENGTH = 5;
/** How often a generated name that is taken is drawn again (apiserver store.go, RetryGenerateName). */
const GENERATE_ATTEMPTS = 8;

/** POST: creates what the body says. Returns the stored object in the version asked for. */
export async function createObject(core: Core, target: Target, body: unknown, context: RequestContext): Promise<ApiObject> {
  const { resource } = target;
  if (resource.namespaced && (target.namespace ?? '') === '') throw badRequestError('an empty namespace may not be set during creation');
  const decoded = decodeBody(resource, body, context);
  const object = withDistinctOwners(inRequestNamespace(resource, decoded, target.namespace), context, 'as sent');
  return createDecoded(core, resource, object, context);
}

/** The part of a create that PUT and server-side apply of something new share; the latter has recorded who owns what. */
export async function createDecoded(core: Core, resource: ResourceDefinition, decoded: ApiObject, context: RequestContext, isOwned = false): Promise<ApiObject> {
  const { metadata } = decoded;
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '' && metadata.resourceVersion !== '0') {
    throw new StatusError('Unknown', 500, 'resourceVersion should not be set on objects to be created');
  }
  const isGenerated = (metadata.name ?? '') === '' && (metadata.generateName ?? '') !== '';
  for (let attempt = 1; ; attempt++) {
    const named = isGenerated ? withMeta(decoded, { name: generatedName(core, metadata.generateName!) }) : decoded;
    const stored = await createOnce(core, resource, named, context, isOwned);
    if (stored !== undefined) return resource.fromStored(stored);
    const standing = collectionOf(core, resource).get(storeKey(resource, named.metadata.namespace, named.metadata.name));
    if (!isGenerated) throw nameTaken(resource, metadata, standing);
    if (attempt === GENERATE_ATTEMPTS) throw nameSpaceExhausted(resource, named.metadata.name);
  }
}

function generatedName(core: Core, base: string): string {
  return base.slice(0, GENERATED_BASE_MAX) + core.random.suffix(GENERATED_SUFFIX_LENGTH);
}

function nameTaken(resource: ResourceDefinition, { name, generateName = '' }: ApiObject['metadata'], standing: ApiObject | undefined): StatusError {
  const taken = alreadyExistsError(resource, name);
  // A prefix beside a name changes nothing but the words.
  if (generateName !== '') return nameSpaceExhausted(resource, name);
  return standing?.metadata.deletionTimestamp === undefined ? taken : new StatusError('AlreadyExists', 409, `object is being deleted: ${taken.message}`, taken.status.details);
}

function nameSpaceExhausted(resource: ResourceDefinition, name: string): StatusError {
  const taken = alreadyExistsError(resource, name);
  const message = `${taken.message}, the server was not able to generate a unique name for the object`;
  return new StatusError('AlreadyExists', 409, message, { ...taken.status.details, retryAfterSeconds: 1 });
}

/** Undefined when the name is taken. */
async function createOnce(core: Core, resource: ResourceDefinition, decoded: ApiObject, context: RequestContext, isOwned: boolean): Promise<ApiObject | undefined> {
  const { strategy } = resource;
  const { name, namespace } = decoded.metadata;
  const wiped = withMeta(decoded, { uid: undefined, creationTimestamp: undefined, deletionTimestamp: undefined, deletionGracePeriodSeconds: undefined, selfLink: undefined });
  // Before admission: what plug-ins and the kind's own rules add belongs to nobody.
  const owned = isOwned ? wiped : core.ownership.afterWrite(resource, '', wiped, undefined, context);
  const request: AdmissionRequest = { operation: 'CREATE', resource, subresource: '', namespace, name: name ?? '', object: owned, context };
  const outcome = admit(core.admission, request);
  const admitted = withDistinctOwners(outcome instanceof Promise ? await outcome : outcome, context, 'after admission');
  const filled = withMeta(admitted, {
    uid: core.random.uuid(),
    creationTimestamp: rfc3339(core.clock.now()),
    resourceVersion: undefined,
    ...(strategy.hasGeneration ? { generation: 1 } : {}),
    ...(admitted.metadata.generateName === '' ? { generateName: undefined } : {}),
  });
  const prepared = withWrittenStatus(resource, strategy.prepareForCreate(filled, context));
  const kindMeta = strategy.checksMetaOnCreate ? validateObjectMeta(prepared.metadata, resource.namespaced, (text, isPrefix) => strategy.nameProblems(text, isPrefix), strategy.needsQualifiedFinalizers) : [];
  const errors = [...kindMeta, ...strategy.validateCreate(prepared)];
  // The kind is what the object says it is, the group that in which it is stored.
  if (errors.length > 0) throw invalidError({ group: resource.storageGroup, kind: prepared.kind ?? resource.kind }, prepared.metadata.name ?? '', errors);
  const metaErrors = validateObjectMeta(prepared.metadata, resource.namespaced, pathSegmentProblems);
  if (metaErrors.length > 0) throw invalidError(resource, prepared.metadata.name ?? '', metaErrors);
  for (const warning of strategy.warnings(prepared, undefined)) context.warn(warning);
  const pending = validateAdmission(core.admission, { ...request, object: prepared });
  if (pending !== undefined) await pending;
  return commit(core, resource, prepared, context);
}


function commit(core: Core, resource: ResourceDefinition, object: ApiObject, context: RequestContext): ApiObject | undefined {
  const collection = collectionOf(core, resource);
  const key = storeKey(resource, object.metadata.namespace, object.metadata.name);
  const toStore = resource.toStored(object);
  if (context.dryRun) return collection.get(key) === undefined ? toStore : undefined;
  return core.store.put(collection, key, toStore, undefined);
}
