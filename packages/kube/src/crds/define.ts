import type { JsonSchema, Resource, Schema } from '@vfleet/core';
import type { CustomResourceDefinition, PrinterColumn } from './custom-resource-definition.ts';

export interface KindDefinition {
  readonly resource: Resource;
  /** What the kind is for, in one or two sentences. */
  readonly description: string;
  readonly spec: Schema<unknown>;
  readonly status?: Schema<unknown>;
  /** The spec that an object without one gets. */
  readonly specDefault?: Readonly<Record<string, unknown>>;
  readonly columns?: readonly PrinterColumn[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

export const ageColumn: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** The CustomResourceDefinition of a kind with one version. */
export function defineCustomResource(kind: KindDefinition): CustomResourceDefinition {
  const { group, version, plural, kind: name, namespaced } = kind.resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: {
        plural,
        singular: singularOf(kind),
        kind: name,
        listKind: `${name}List`,
        ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
        ...(kind.categories === undefined ? {} : { categories: kind.categories }),
      },
      versions: [{
        name: version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: rootSchema(kind) },
        ...(kind.status === undefined ? {} : { subresources: { status: {} } }),
        ...(kind.columns === undefined ? {} : { additionalPrinterColumns: kind.columns }),
      }],
    },
  };
}

/** The kind in lower case, with the words kept apart where the plural does so. */
function singularOf({ resource: { plural, kind } }: KindDefinition): string {
  return plural.includes('-') ? kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase() : kind.toLowerCase();
}

/** A structural schema (KEP-1693). A spec that needs something is itself required. */
function rootSchema({ description, spec, specDefault, status }: KindDefinition): JsonSchema {
  return {
    type: 'object',
    description,
    properties: {
      apiVersion: { type: 'string', description: 'Group and version of the schema.' },
      kind: { type: 'string', description: 'Kind of the object.' },
      metadata: { type: 'object' },
      spec: specDefault === undefined ? spec.json : { ...spec.json, default: specDefault },
      ...(status === undefined ? {} : { status: status.json }),
    },
    ...((spec.json.required ?? []).length > 0 ? { required: ['spec'] } : {}),
  };
}
