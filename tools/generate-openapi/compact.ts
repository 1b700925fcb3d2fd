import type { GoField, GoPackage } from './go-types.ts';
import { allFields } from './go-types.ts';
import { referenceOf } from './document.ts';
import type { OpenApiSchema } from './document.ts';

/**
 * One field in short: the type (`string`, `#Definition`, `[]string`, `{}#Definition`), then words for what else is said of it.
 * The reader in packages/kube-sim/src/schemas/published.ts knows the same words.
 */
export type CompactField = string | { readonly field: string; readonly enum?: readonly unknown[]; readonly default?: unknown };

export interface CompactDefinition {
  readonly gvk?: readonly string[];
  readonly required?: readonly string[];
  readonly mapType?: string;
  /** Definitions that are no objects: their OpenAPI schema as it stands. */
  readonly plain?: OpenApiSchema;
  readonly unions?: unknown;
  readonly fields?: Readonly<Record<string, CompactField>>;
}

export function compactDefinition(schema: OpenApiSchema, goFields: readonly GoField[]): CompactDefinition {
  const gvk = schema['x-kubernetes-group-version-kind']?.map(({ group, version, kind }) => `${group}/${version}/${kind}`);
  const common = {
    ...(gvk === undefined ? {} : { gvk }),
    ...(schema.required === undefined ? {} : { required: schema.required }),
    ...(schema['x-kubernetes-map-type'] === undefined ? {} : { mapType: schema['x-kubernetes-map-type'] }),
    ...(schema['x-kubernetes-unions'] === undefined ? {} : { unions: schema['x-kubernetes-unions'] }),
  };
  if (schema.properties === undefined) {
    const { description: _description, 'x-kubernetes-group-version-kind': _gvk, ...plain } = schema;
    return { ...common, plain };
  }
  const byName = new Map(goFields.map((field) => [field.jsonName, field]));
  return {
    ...common,
    fields: Object.fromEntries(Object.entries(schema.properties).map(([name, property]) => [name, compactField(property, byName.get(name))])),
  };
}

function compactField(schema: OpenApiSchema, go: GoField | undefined): CompactField {
  const words = [typeOf(schema), ...markers(schema), ...goFacts(go)];
  const itemEnum = schema.items?.enum;
  const more = {
    ...(schema.enum === undefined ? {} : { enum: schema.enum }),
    ...(itemEnum === undefined ? {} : { itemEnum }),
    ...(schema.default === undefined || isImpliedDefault(schema.default) ? {} : { default: schema.default }),
  };
  const field = words.join(' ');
  return Object.keys(more).length === 0 ? field : { field, ...more };
}

function typeOf(schema: OpenApiSchema): string {
  const reference = referenceOf(schema);
  if (reference !== undefined) return schema.$ref === undefined ? `#${reference}` : `##${reference}`;
  if (schema.type === 'array') return `[]${typeOf(schema.items!)}`;
  if (schema.additionalProperties !== undefined) return `{}${typeOf(schema.additionalProperties)}`;
  return schema.format === undefined ? schema.type! : `${schema.type}:${schema.format}`;
}

function markers(schema: OpenApiSchema): readonly string[] {
  const words: string[] = [];
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== undefined) words.push(listType === 'map' ? `list=map:${schema['x-kubernetes-list-map-keys']!.join(',')}` : `list=${listType}`);
  if (schema['x-kubernetes-map-type'] !== undefined) words.push(`map=${schema['x-kubernetes-map-type']}`);
  if (schema['x-kubernetes-patch-strategy'] !== undefined) words.push(`strategy=${schema['x-kubernetes-patch-strategy']}`);
  if (schema['x-kubernetes-patch-merge-key'] !== undefined) words.push(`key=${schema['x-kubernetes-patch-merge-key']}`);
  if (schema.default !== undefined && isImpliedDefault(schema.default)) words.push('zero');
  return words;
}

/** The zero value of the type, which the schema generator states for every field that Go always writes. */
function isImpliedDefault(value: unknown): boolean {
  return value === '' || value === 0 || value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

function goFacts(go: GoField | undefined): readonly string[] {
  if (go === undefined) return [];
  return [`go=${go.type}`, ...(go.isPointer ? ['pointer'] : []), ...(go.omitsEmpty ? [] : ['always']), ...(go.omitsZero ? ['omitzero'] : []), ...(go.protobufPath.length === 0 ? [] : [`pb=${go.protobufPath.join('.')}`])];
}

/** Where Kubernetes' definitions live in Go: `io.k8s.api.core.v1.Pod` → `k8s.io/api/core/v1`. */
export function goFolderOf(definition: string): { readonly module: string; readonly path: string; readonly name: string } | undefined {
  const parts = definition.split('.');
  const name = parts.pop()!;
  const rest = parts.slice(2);
  if (parts[0] !== 'io' || parts[1] !== 'k8s') return undefined;
  return { module: rest[0]!, path: rest.slice(1).join('/'), name };
}

export function fieldsOf(packages: readonly GoPackage[], home: GoPackage | undefined, name: string): readonly GoField[] {
  return home === undefined ? [] : allFields(packages, home, name);
}
