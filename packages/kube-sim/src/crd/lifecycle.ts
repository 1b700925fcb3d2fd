import { rfc3339 } from '@vfleet/core';
import type { Core } from '../registry/core.ts';
import { deleteObject } from '../registry/deletion.ts';
import type { RequestContext } from '../registry/request.ts';
import { notFoundError } from '../errors/status.ts';
import type { Change } from '../store/change.ts';
import type { Collection } from '../store/store.ts';
import { sortedVisit } from '../store/sorted-map.ts';
import { findCondition, withCondition } from '../values/conditions.ts';
import { equalJson, objectAt, stringAt, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { CLEANUP_FINALIZER } from './crd-strategy.ts';
import type { CrdNames, CrdSpec } from './crd-types.ts';
import { customResource } from './custom-resource.ts';
import { decideNames } from './naming.ts';

const TERMINATING = 'Terminating';

export const CRD_COLLECTION = 'customresourcedefinitions.apiextensions.k8s.io';

/**
 * What the API server itself does about definitions: accepts names, serves and stops serving the custom resources, and
 * removes them all before a definition goes (apiextensions-apiserver pkg/controller/{status,establish,finalizer}).
 */
export class CrdLifecycle {
  readonly #core: Core;
  readonly #context: RequestContext;
  /** Versions served for each definition, to know what to withdraw. */
  readonly #served = new Map<string, readonly { readonly group: string; readonly version: string; readonly plural: string }[]>();

  constructor(core: Core, context: RequestContext) {
    this.#core = core;
    this.#context = context;
    core.store.onCommit((collection, change) => this.#onCommit(collection, change));
  }

  #isResuming = false;

  /** Serves the definitions that are there when a server starts, and goes on with deletions that its predecessor began. */
  resume(): void {
    this.#isResuming = true;
    const crds: ApiObject[] = [];
    sortedVisit(this.#core.store.collection(CRD_COLLECTION).objects, '', undefined, (_key, crd) => {
      crds.push(crd);
      return true;
    });
    for (const crd of crds) {
      if (crd.metadata.deletionTimestamp === undefined) this.#reconcile(crd, undefined);
      else {
        if (isEstablished(crd)) this.#serve(crd);
        void Promise.resolve().then(() => this.#cleanUp(crd));
      }
    }
    this.#isResuming = false;
  }

  #onCommit(collection: Collection, change: Change): void {
    if (collection.name !== CRD_COLLECTION) {
      if (change.type === 'DELETED') this.#onInstanceDeleted(collection);
      return;
    }
    if (change.type === 'DELETED') this.#release(change.object);
    else this.#reconcile(change.object, change.previous);
  }

  /** A definition has gone: its names are free for those that wait for them. */
  #release(crd: ApiObject): void {
    this.#withdraw(crd);
    for (const other of this.#othersInGroup(crd, stringAt(crd['spec'], 'group'))) {
      if (findCondition(other['status'], 'NamesAccepted')?.['status'] === 'False') this.#reconcile(other, other);
    }
  }

  #reconcile(crd: ApiObject, previous: ApiObject | undefined): void {
    if (crd.metadata.deletionTimestamp !== undefined) {
      if (previous?.metadata.deletionTimestamp === undefined) this.#beginDeletion(crd);
      return;
    }
    const accepted = this.#withNames(crd);
    if (accepted !== crd) {
      this.#putStatus(crd, accepted);
      return;
    }
    if (isEstablished(crd) && (previous === undefined || previous['spec'] !== crd['spec'] || !equalJson(namesOf(previous), namesOf(crd)) || !this.#served.has(crd.metadata.name))) this.#serve(crd);
  }

  #putStatus(crd: ApiObject, next: ApiObject): void {
    const resource = this.#core.registry.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')!;
    const owned = this.#core.ownership.afterWrite(resource, 'status', next, crd, this.#context);
    this.#core.store.put(this.#core.store.collection(CRD_COLLECTION), crd.metadata.name, owned, crd);
  }

  /** From here on nothing is created any more. */
  #beginDeletion(crd: ApiObject): void {
    const terminating = { type: TERMINATING, status: 'True', reason: 'InstanceDeletionInProgress', message: 'CustomResource deletion is in progress' };
    this.#putStatus(crd, withFields(crd, { status: withCondition(objectAt(crd, 'status'), terminating, rfc3339(this.#core.clock.now())) }));
    void Promise.resolve().then(() => this.#cleanUp(crd));
  }

  /** Sets NamesAccepted first and Established in a second write, as the two controllers of the real server do. */
  #withNames(crd: ApiObject): ApiObject {
    const status = objectAt(crd, 'status');
    const now = rfc3339(this.#core.clock.now());
    const spec = crd['spec'] as unknown as CrdSpec;
    const granted = objectAt(status, 'acceptedNames') as Partial<CrdNames>;
    const { accepted, conflict } = decideNames(spec, granted, this.#othersInGroup(crd, spec.group));
    if (conflict !== undefined) {
      const named = equalJson(accepted, granted) ? status : withFields(status, { acceptedNames: accepted });
      const refused = withCondition(named, { type: 'NamesAccepted', status: 'False', ...conflict }, now);
      const next = findCondition(status, 'Established') === undefined ? withCondition(refused, { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }, now) : refused;
      return next === status ? crd : withFields(crd, { status: next });
    }
    if (findCondition(status, 'NamesAccepted')?.['status'] !== 'True') {
      const named = withFields(withCondition(status, { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }, now), { acceptedNames: spec.names });
      const isServed = isEstablished(crd);
      return withFields(crd, { status: isServed ? named : withCondition(named, { type: 'Established', status: 'False', reason: 'Installing', message: 'the initial names have been accepted' }, now) });
    }
    const established = withCondition(status, { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }, now);
    const refreshed = equalJson(granted, spec.names) ? established : withFields(established, { acceptedNames: spec.names });
    return refreshed === status ? crd : withFields(crd, { status: refreshed });
  }

  #othersInGroup(crd: ApiObject, group: string): readonly ApiObject[] {
    const others: ApiObject[] = [];
    sortedVisit(this.#core.store.collection(CRD_COLLECTION).objects, '', undefined, (_key, other) => {
      if (other.metadata.name !== crd.metadata.name && stringAt(other['spec'], 'group') === group) others.push(other);
      return true;
    });
    return others;
  }

  #serve(crd: ApiObject): void {
    const spec = crd['spec'] as unknown as CrdSpec;
    const versions = spec.versions.filter((version) => version.served);
    this.#withdraw(crd, versions.map((version) => version.name));
    const isNew = !this.#served.has(crd.metadata.name);
    for (const version of versions) this.#core.registry.add(customResource(spec, version));
    // There is no history from before the resource was there.
    if (isNew && !this.#isResuming) this.#core.store.beginHistory(crd.metadata.name);
    this.#served.set(crd.metadata.name, versions.map((version) => ({ group: spec.group, version: version.name, plural: spec.names.plural })));
  }

  /** Stops serving the versions that are not in `keep`, and ends their watches. */
  #withdraw(crd: ApiObject, keep: readonly string[] = []): void {
    for (const { group, version, plural } of this.#served.get(crd.metadata.name) ?? []) {
      if (keep.includes(version)) continue;
      const resource = this.#core.registry.find(group, version, plural);
      this.#core.registry.remove(group, version, plural);
      if (resource === undefined || keep.length > 0) continue;
      for (const watcher of this.#core.hub(resource).watchers()) watcher.fail(notFoundError(resource, ''));
    }
    if (keep.length === 0) this.#served.delete(crd.metadata.name);
  }

  /** Deletes every instance; the definition goes when the last one has gone, which finalizers of their own may delay. */
  async #cleanUp(crd: ApiObject): Promise<void> {
    const served = this.#served.get(crd.metadata.name)?.[0];
    const resource = served === undefined ? undefined : this.#core.registry.find(served.group, served.version, served.plural);
    if (resource !== undefined) {
      const targets: { readonly name: string; readonly namespace?: string }[] = [];
      sortedVisit(this.#core.store.collection(resource.storage).objects, '', undefined, (_key, { metadata }) => {
        targets.push({ name: metadata.name, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) });
        return true;
      });
      for (const target of targets) {
        try {
          await deleteObject(this.#core, { resource, ...target }, {}, this.#context);
        } catch (error) {
          this.#core.log.warn('An instance of a custom resource could not be deleted with its definition.', { error: String(error), ...target });
        }
      }
    }
    this.#finish(crd.metadata.name);
  }

  #onInstanceDeleted(collection: Collection): void {
    const crd = this.#core.store.collection(CRD_COLLECTION).get(collection.name);
    if (crd?.metadata.deletionTimestamp === undefined) return;
    void Promise.resolve().then(() => this.#finish(collection.name));
  }

  /** Takes the finalizer away once nothing is left. */
  #finish(name: string): void {
    const { store } = this.#core;
    const definitions = store.collection(CRD_COLLECTION);
    const crd = definitions.get(name);
    if (crd?.metadata.deletionTimestamp === undefined || store.collection(name).objects.size > 0) return;
    const finalizers = (crd.metadata.finalizers ?? []).filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
    const reason = isEstablished(crd) ? { reason: 'InstanceDeletionCompleted', message: 'removed all instances' } : { reason: 'NeverEstablished', message: 'resource was never established' };
    const removed = { type: TERMINATING, status: 'False', ...reason };
    const done = withFields(crd, { status: withCondition(objectAt(crd, 'status'), removed, rfc3339(this.#core.clock.now())) });
    const rest = withMeta(done, { finalizers: finalizers.length === 0 ? undefined : Object.freeze(finalizers) });
    if (finalizers.length === 0) store.remove(definitions, name, crd, rest);
    else if (finalizers.length !== crd.metadata.finalizers?.length) store.put(definitions, name, rest, crd);
  }
}

function namesOf(crd: ApiObject): JsonObject {
  return objectAt(objectAt(crd, 'status'), 'acceptedNames');
}

function isEstablished(crd: ApiObject): boolean {
  return findCondition(crd['status'], 'Established')?.['status'] === 'True';
}
