/** What an OpenAPI v3 document of the API server says, as far as this tool reads it. */
export interface OpenApiSchema {
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly items?: OpenApiSchema;
  readonly additionalProperties?: OpenApiSchema;
  readonly allOf?: readonly { readonly $ref: string }[];
  readonly oneOf?: readonly OpenApiSchema[];
  readonly $ref?: string;
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[];
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-unions'?: unknown;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface OpenApiDocument {
  readonly components: { readonly schemas: Readonly<Record<string, OpenApiSchema>> };
}

const PREFIX = '#/components/schemas/';

/** The definition a schema stands for; undefined when it says its type itself. */
export function referenceOf(schema: OpenApiSchema): string | undefined {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  return reference?.startsWith(PREFIX) === true ? reference.slice(PREFIX.length) : undefined;
}

/** The names of all definitions that those of `start` need, in alphabetical order. */
export function closure(schemas: OpenApiDocument['components']['schemas'], start: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const visit = (schema: OpenApiSchema | undefined): void => {
    if (schema === undefined) return;
    const name = referenceOf(schema);
    if (name !== undefined && !found.has(name)) {
      found.add(name);
      visit(schemas[name]);
    }
    visit(schema.items);
    visit(schema.additionalProperties);
    for (const property of Object.values(schema.properties ?? {})) visit(property);
  };
  for (const name of start) {
    found.add(name);
    visit(schemas[name]);
  }
  return [...found].sort();
}
