import type { Registry } from '../registry/registry.ts';
import { openApiPaths, openApiV3 } from './openapi.ts';
import type { Descriptions, OpenApiObject } from './openapi-schema.ts';

/** /openapi/v2 as JSON: the same schemas in the words of Swagger 2, for clients that have not learnt v3. */
export function openApiV2(registry: Registry, descriptions: Descriptions): OpenApiObject {
  const documents = openApiPaths(registry).map((path) => openApiV3(registry, path, descriptions)!);
  const schemas = documents.flatMap((document) => Object.entries((document['components'] as { readonly schemas: OpenApiObject }).schemas));
  return {
    swagger: '2.0',
    info: documents[0]!['info'],
    paths: {},
    definitions: Object.fromEntries(schemas.map(([name, schema]) => [name, inSwagger(schema)])),
  };
}

/** References move, defaults of references go, and what Swagger 2 cannot say is left unsaid. */
function inSwagger(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inSwagger);
  if (typeof value !== 'object' || value === null) return value;
  const { allOf, oneOf, $ref, ...rest } = value as Readonly<Record<string, unknown>>;
  const reference = $ref ?? (Array.isArray(allOf) && allOf.length === 1 ? (allOf[0] as { readonly $ref?: string }).$ref : undefined);
  if (typeof reference === 'string') {
    const { description } = rest;
    return { ...(description === undefined ? {} : { description }), $ref: reference.replace('#/components/schemas/', '#/definitions/') };
  }
  const type = Array.isArray(oneOf) ? { type: 'string' } : {};
  return Object.fromEntries(Object.entries({ ...rest, ...type }).map(([key, inner]) => [key, inSwagger(key === 'items' || key === 'additionalProperties' ? withoutDefault(inner) : inner)]));
}

function withoutDefault(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  const { default: _default, ...rest } = schema as Readonly<Record<string, unknown>>;
  return rest;
}
