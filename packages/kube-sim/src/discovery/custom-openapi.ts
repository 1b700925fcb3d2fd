import type { JsonSchema } from '@vfleet/core';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { OpenApiObject } from './openapi-schema.ts';

const META = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1';
const TEXTS = {
  apiVersion: 'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
  kind: 'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
  metadata: "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
  listMetadata: 'Standard list metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
};

/** `com.example.v1.Widget`: the group backwards, as the real server names definitions. */
export function customSchemaName(group: string, version: string, kind: string): string {
  return `${group.split('.').toReversed().join('.')}.${version}.${kind}`;
}

/** A custom resource's schema and its list's, as they are published. */
export function customSchema({ schemaName, group, version, kind, listKind, plural }: ResourceDefinition, schema: JsonSchema): Readonly<Record<string, OpenApiObject>> {
  const gvk = (name: string) => [{ group, version, kind: name }];
  const types = { apiVersion: { description: TEXTS.apiVersion, type: 'string' }, kind: { description: TEXTS.kind, type: 'string' } };
  return {
    [schemaName]: {
      ...schema,
      properties: { ...schema.properties, ...types, metadata: { description: TEXTS.metadata, allOf: [{ $ref: `${META}.ObjectMeta` }] } },
      'x-kubernetes-group-version-kind': gvk(kind),
    },
    [`${schemaName}List`]: {
      description: `${listKind} is a list of ${kind}`,
      type: 'object',
      required: ['items'],
      properties: {
        ...types,
        items: { description: `List of ${plural}. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md`, type: 'array', items: { $ref: `#/components/schemas/${schemaName}` } },
        metadata: { description: TEXTS.listMetadata, allOf: [{ $ref: `${META}.ListMeta` }] },
      },
      'x-kubernetes-group-version-kind': gvk(listKind),
    },
  };
}
