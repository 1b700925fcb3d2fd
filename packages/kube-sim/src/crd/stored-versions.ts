import { applyDefaults } from '../schema/default.ts';
import { prune } from '../schema/prune.ts';
import { compileSchema } from '../schema/structural.ts';
import type { SchemaNode } from '../schema/structural.ts';
import { EMPTY_OBJECT, frozen, isObject, withFields, withMeta } from '../values/json.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import { once } from '../values/once.ts';
import type { CrdSpec, CrdVersion } from './crd-types.ts';

/** The schema of a version; one that takes everything where there is none. */
export function schemaOf({ schema }: CrdVersion): SchemaNode {
  return compileSchema(schema?.openAPIV3Schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
}

/** How objects go between the version of a request, of which `node` is the schema, and those in which they are or shall be stored. */
export interface StoredVersions {
  /**
   * A stored object as the definition of today has it: with the defaults of the version in which it is stored, and without what
   * the version asked for does not know. Most objects are so already; each is looked at once.
   */
  read(object: ApiObject): ApiObject;
  /** What the version that is stored does not know is lost, where that is another one. */
  write(object: ApiObject): ApiObject;
}

/** Versions without conversion differ in apiVersion only (apiextensions-apiserver pkg/apiserver: the converter and the decoder of storage). */
export function storedVersions({ group, versions }: CrdSpec, { name }: CrdVersion, node: SchemaNode): StoredVersions {
  const apiVersion = `${group}/${name}`;
  const schemas = new Map(versions.map((version) => [`${group}/${version.name}`, version.name === name ? () => node : once(() => schemaOf(version))]));
  const storageVersion = `${group}/${versions.find(({ storage }) => storage)!.name}`;
  const known = new WeakMap<ApiObject, ApiObject>();
  const converted = (object: ApiObject, wanted: string, schema: SchemaNode) => frozen(prune(object.apiVersion === wanted ? object : withFields(object, { apiVersion: wanted }), schema, '', { unknown: () => {} }, true)) as ApiObject;
  return {
    read(object) {
      let read = known.get(object);
      if (read === undefined) {
        const stored = schemas.get(object.apiVersion ?? apiVersion)?.() ?? node;
        read = converted(applyDefaults(withoutEmptyParts(object), stored) as ApiObject, apiVersion, node);
        known.set(object, read);
      }
      return read;
    },
    write: (object) => (object.apiVersion === storageVersion ? object : converted(object, storageVersion, schemas.get(storageVersion)!())),
  };
}

/** Lists and maps in metadata that hold nothing: they are stored where apply stated or emptied them, and never shown. */
export function emptyParts(metadata: unknown): JsonObject {
  const isEmpty = (value: unknown) => value === null || (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0);
  return isObject(metadata) ? Object.fromEntries(['labels', 'annotations', 'finalizers', 'ownerReferences'].filter((key) => isEmpty(metadata[key])).map((key) => [key, metadata[key]])) : EMPTY_OBJECT;
}

function withoutEmptyParts(object: ApiObject): ApiObject {
  const empty = Object.keys(emptyParts(object.metadata));
  return empty.length === 0 ? object : withMeta(object, Object.fromEntries(empty.map((key) => [key, undefined])));
}
