import type { JsonSchema } from '@vfleet/core';

/**
 * A structural schema (KEP-1693) made ready: patterns compiled, properties in a map, and for every node the facts that the
 * walks over a value ask for. Shared by validation, pruning and defaulting.
 */
export interface SchemaNode {
  readonly schema: JsonSchema;
  readonly type: JsonSchema['type'] | 'intOrString' | undefined;
  readonly isNullable: boolean;
  readonly properties: ReadonlyMap<string, SchemaNode>;
  /** Values of the other keys: a schema, or true for anything; undefined when other keys are unknown fields. */
  readonly additional: SchemaNode | true | undefined;
  readonly items: SchemaNode | undefined;
  readonly required: readonly string[];
  readonly preservesUnknown: boolean;
  readonly isEmbeddedResource: boolean;
  /** Undefined when there is none; frozen. */
  readonly defaultValue: unknown;
  /** This node or one below it has a default. */
  readonly hasDefaults: boolean;
  readonly pattern: RegExp | undefined;
  readonly allOf: readonly SchemaNode[];
  readonly anyOf: readonly SchemaNode[];
  readonly oneOf: readonly SchemaNode[];
  readonly not: SchemaNode | undefined;
  /** Frozen lists that were found to be as this says: most writes leave most of an object as it is. */
  readonly known: Readonly<Record<'valid' | 'distinct' | 'pruned' | 'filled', WeakSet<readonly unknown[]>>>;
}

export function compileSchema(schema: JsonSchema): SchemaNode {
  const properties = new Map(Object.entries(schema.properties ?? {}).map(([name, property]) => [name, compileSchema(property)]));
  const { additionalProperties } = schema;
  const additional = additionalProperties === true ? true : typeof additionalProperties === 'object' ? compileSchema(additionalProperties) : undefined;
  const items = schema.items === undefined ? undefined : compileSchema(schema.items);
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true;
  const below = [...properties.values(), ...(items === undefined ? [] : [items]), ...(typeof additional === 'object' ? [additional] : [])];
  return {
    schema,
    type: isIntOrString ? 'intOrString' : schema.type,
    isNullable: schema.nullable === true,
    properties,
    additional,
    items,
    required: schema.required ?? [],
    preservesUnknown: schema['x-kubernetes-preserve-unknown-fields'] === true,
    isEmbeddedResource: schema['x-kubernetes-embedded-resource'] === true,
    defaultValue: schema.default,
    hasDefaults: schema.default !== undefined || below.some((node) => node.hasDefaults),
    pattern: schema.pattern === undefined ? undefined : compilePattern(schema.pattern),
    allOf: (schema.allOf ?? []).map(compileSchema),
    anyOf: (schema.anyOf ?? []).map(compileSchema),
    oneOf: (schema.oneOf ?? []).map(compileSchema),
    not: schema.not === undefined ? undefined : compileSchema(schema.not),
    known: { valid: new WeakSet(), distinct: new WeakSet(), pruned: new WeakSet(), filled: new WeakSet() },
  };
}

/**
 * Go's RE2 patterns as JavaScript has them: the dialects agree on what schemas use, except for flags at the start and a few
 * escapes. Throws SyntaxError when it does not compile, which the definition's validation reports.
 */
export function compilePattern(pattern: string): RegExp {
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  const body = (flags === null ? pattern : pattern.slice(flags[0].length))
    .replace(/\\A/g, '^').replace(/\\z/g, '$').replace(/\(\?P</g, '(?<')
    .replace(/\[\[:alnum:\]\]/g, '[0-9A-Za-z]').replace(/\[\[:alpha:\]\]/g, '[A-Za-z]').replace(/\[\[:digit:\]\]/g, '[0-9]');
  try {
    return new RegExp(body, `u${flags?.[1] ?? ''}`);
  } catch {
    // Unicode mode refuses needless escapes such as \- that RE2 takes.
    return new RegExp(body, flags?.[1] ?? '');
  }
}
