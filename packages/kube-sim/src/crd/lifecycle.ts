import { rfc3339 } from '@vfleet/core';
import type { Core } from '../registry/core.ts';
import { deleteObject } from '../registry/deletion.ts';
import type { RequestContext } from '../registry/request.ts';
import { notFoundError } from '../errors/status.ts';
import type { Change } from '../store/change.ts';
import type { Collection } from '../store/store.ts';
import { sortedVisit } from '../store/sorted-map.ts';
import { findCondition, withCondition } from '../values/conditions.ts';
import { objectAt, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { CLEANUP_FINALIZER } from './crd-strategy.ts';
import type { CrdSpec } from './crd-types.ts';
import { customResource } from './custom-resource.ts';
import { nameConflict } from './naming.ts';

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

  /** Serves the definitions that are there when a server starts, and goes on with deletions that its predecessor began. */
  resume(): void {
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
  }

  #onCommit(collection: Collection, change: Change): void {
    if (collection.name !== CRD_COLLECTION) {
      if (change.type === 'DELETED') this.#onInstanceDeleted(collection);
      return;
    }
    if (change.type === 'DELETED') this.#withdraw(change.object);
    else this.#reconcile(change.object, change.previous);
  }

  #reconcile(crd: ApiObject, previous: ApiObject | undefined): void {
    if (crd.metadata.deletionTimestamp !== undefined) {
      if (previous?.metadata.deletionTimestamp === undefined) void Promise.resolve().then(() => this.#cleanUp(crd));
      return;
    }
    const accepted = this.#withNames(crd);
    if (accepted !== crd) {
      const resource = this.#core.registry.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')!;
      const owned = this.#core.ownership.afterWrite(resource, 'status', accepted, crd, this.#context);
      this.#core.store.put(this.#core.store.collection(CRD_COLLECTION), crd.metadata.name, owned, crd);
      return;
    }
    if (isEstablished(crd) && (previous === undefined || previous['spec'] !== crd['spec'] || !this.#served.has(crd.metadata.name))) this.#serve(crd);
  }

  /** Sets NamesAccepted first and Established in a second write, as the two controllers of the real server do. */
  #withNames(crd: ApiObject): ApiObject {
    const status = objectAt(crd, 'status');
    const now = rfc3339(this.#core.clock.now());
    const spec = crd['spec'] as unknown as CrdSpec;
    const conflict = nameConflict(this.#core.registry, spec);
    if (conflict !== undefined) {
      const refused = withCondition(withCondition(status, { type: 'NamesAccepted', status: 'False', ...conflict }, now), {
        type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted',
      }, now);
      return refused === status ? crd : withFields(crd, { status: refused });
    }
    const named = withFields(withCondition(status, { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }, now), {
      acceptedNames: spec.names, storedVersions: this.#storedVersions(status, spec),
    });
    if (findCondition(status, 'NamesAccepted')?.['status'] !== 'True') {
      const installing = withCondition(named, { type: 'Established', status: 'False', reason: 'Installing', message: 'the initial names have been accepted' }, now);
      return withFields(crd, { status: installing });
    }
    const established = withCondition(status, { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }, now);
    const refreshed = crdNamesChanged(status, spec) ? withFields(established, { acceptedNames: spec.names }) : established;
    return refreshed === status ? crd : withFields(crd, { status: refreshed });
  }

  #storedVersions(status: JsonObject, spec: CrdSpec): readonly unknown[] {
    const stored = Array.isArray(status['storedVersions']) ? (status['storedVersions'] as readonly unknown[]) : [];
    const storage = spec.versions.find((version) => version.storage)!.name;
    return stored.includes(storage) ? stored : [...stored, storage];
  }

  #serve(crd: ApiObject): void {
    const spec = crd['spec'] as unknown as CrdSpec;
    const versions = spec.versions.filter((version) => version.served);
    this.#withdraw(crd, versions.map((version) => version.name));
    for (const version of versions) this.#core.registry.add(customResource(spec, version));
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
    const rest = withMeta(crd, { finalizers: finalizers.length === 0 ? undefined : Object.freeze(finalizers) });
    if (finalizers.length === 0) store.remove(definitions, name, crd, rest);
    else if (finalizers.length !== crd.metadata.finalizers?.length) store.put(definitions, name, rest, crd);
  }
}

function isEstablished(crd: ApiObject): boolean {
  return findCondition(crd['status'], 'Established')?.['status'] === 'True';
}

function crdNamesChanged(status: JsonObject, spec: CrdSpec): boolean {
  return JSON.stringify(status['acceptedNames']) !== JSON.stringify(spec.names);
}
