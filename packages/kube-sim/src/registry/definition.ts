import type { JsonSchema } from '@vfleet/core';
import type { FieldError } from '../errors/field-error.ts';
import type { MergeSchema } from '../patch/merge-schema.ts';
import type { TableDefinition } from '../table/definition.ts';
import type { GoStruct } from '../schema/go-type.ts';
import type { ScaleAccess } from '../subresources/scale.ts';
import type { FieldSet } from '../apply/field-set.ts';
import type { ApiObject, JsonObject } from '../values/json.ts';
import type { Strategy } from './strategy.ts';

/** A request body turned into an object of the version asked for: typed, pruned, defaulted, frozen. */
export interface Decoded {
  readonly object: ApiObject;
  /** What strict field validation refuses and `Warn` warns of: `unknown field "spec.colour"`. */
  readonly strictProblems: readonly string[];
  /** Types that do not fit the schema where the kind reports them together with its other field errors (custom resources). */
  readonly fieldErrors: readonly FieldError[];
}

export interface Subresource {
  readonly name: string;
  readonly kind: string;
  /** Group and version of its kind where they differ from the resource's: policy/v1 Eviction under pods. */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

/** One resource in one served version: everything the generic operations need to know of it. */
export interface ResourceDefinition {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly Subresource[];
  /** Collection in the store; several versions of one resource share it. */
  readonly storage: string;
  /** Group and version in which objects are stored. */
  readonly storageGroup: string;
  readonly storageVersion: string;
  /** True for kinds whose schema comes from a CustomResourceDefinition. */
  readonly custom: boolean;
  /** Name of its OpenAPI definition. */
  readonly schemaName: string;
  /** What answers in a deprecated version warn of. */
  readonly deprecationWarning?: string;
  /** The schema of a custom resource, as its definition has it. */
  readonly customSchema?: JsonSchema;
  /** The Go type of a built-in kind, which protobuf bodies are decoded by. */
  readonly goType?: () => GoStruct;
  /** What the scale subresource shows and sets, where there is one. */
  readonly scale?: ScaleAccess;
  readonly strategy: Strategy;
  /** How PUT and PATCH of `status` and other partial subresources treat the rest of the object. */
  readonly subresourceStrategies: Readonly<Record<string, Strategy>>;
  /**
   * Turns a JSON value into an object of this version. Throws StatusError (400) when it cannot be one. Parts that `normal`, which
   * was decoded before, has in the same place are taken as they are.
   */
  decode(value: unknown, normal?: ApiObject): Decoded;
  /** The same for what server-side apply has made, where that is not the same. */
  decodeApplied?(value: unknown): Decoded;
  /** The stored form in this version; the same object where they agree. */
  fromStored(object: ApiObject): ApiObject;
  toStored(object: ApiObject): ApiObject;
  isSelectableField(field: string): boolean;
  /** More than metadata.name and metadata.namespace can be selected by. */
  readonly hasOwnSelectableFields: boolean;
  fieldText(object: ApiObject, field: string): string;
  /** Fields that a write through a subresource (empty: the object itself) leaves as they were, whatever it says. */
  resetFields(subresource: string): FieldSet;
  /** What an object of the kind is before anything is said of it. */
  emptyObject(): JsonObject;
  /** Fields by which watchers are found without visiting all of them. */
  readonly indexedFields: readonly string[];
  readonly table: TableDefinition;
  /** Merge keys and list types for strategic merge patch and server-side apply. */
  readonly mergeSchema: MergeSchema;
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(definition: { readonly group: string; readonly version: string }): string {
  return definition.group === '' ? definition.version : `${definition.group}/${definition.version}`;
}

/** The key of an object within its collection. */
export function storeKey(definition: { readonly namespaced: boolean }, namespace: string | undefined, name: string): string {
  return definition.namespaced ? `${namespace ?? ''}/${name}` : name;
}
