/**
 * A builder for structural OpenAPI v3 schemas (KEP-1693 "structural schema") whose TypeScript type is inferred, so that the
 * API types, the CRDs, the validation and the field reference have one source. Our own hundred lines, because the schema
 * libraries measured cost 64–153 ms at start-up and emit `const`/`anyOf` where a CRD needs `enum`.
 */
export interface JsonSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly nullable?: boolean;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'granular' | 'atomic';
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message?: string; readonly fieldPath?: string }[];
}

declare const staticType: unique symbol;
declare const optionality: unique symbol;

/** A schema that remembers the TypeScript type of the values it admits. */
export interface Schema<Type> {
  readonly json: JsonSchema;
  readonly [staticType]?: Type;
}

/** A property that may be absent. */
export interface OptionalSchema<Type> extends Schema<Type> {
  readonly optional: true;
  readonly [optionality]?: true;
}

/** The TypeScript type of the values a schema admits. */
export type Static<S> = S extends Schema<infer Type> ? Type : never;

type Facets = Omit<JsonSchema, 'type' | 'properties' | 'items' | 'required' | 'enum'>;
type Properties = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<P extends Properties> = { [K in keyof P]: P[K] extends { readonly optional: true } ? K : never }[keyof P];
type ObjectOf<P extends Properties> = { [K in Exclude<keyof P, OptionalKeys<P>>]: Static<P[K]> } & {
  [K in OptionalKeys<P>]?: Static<P[K]>;
} extends infer Flat
  ? { [K in keyof Flat]: Flat[K] }
  : never;

function schema<Type>(json: JsonSchema): Schema<Type> {
  return { json };
}

export function string(facets: Facets = {}): Schema<string> {
  return schema({ type: 'string', ...facets });
}

/** A string out of a closed list. */
export function oneOf<const Values extends readonly string[]>(values: Values, facets: Facets = {}): Schema<Values[number]> {
  return schema({ type: 'string', enum: values, ...facets });
}

export function integer(facets: Facets = {}): Schema<number> {
  return schema({ type: 'integer', ...facets });
}

export function boolean(facets: Facets = {}): Schema<boolean> {
  return schema({ type: 'boolean', ...facets });
}

/** An integer or a string such as "25%" (apimachinery IntOrString). */
export function integerOrString(facets: Facets = {}): Schema<number | string> {
  return schema({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }], ...facets });
}

export function array<Item>(items: Schema<Item>, facets: Facets = {}): Schema<Item[]> {
  return schema({ type: 'array', items: items.json, ...facets });
}

/** A map with free keys. */
export function map<Value>(values: Schema<Value>, facets: Facets = {}): Schema<Record<string, Value>> {
  return schema({ type: 'object', additionalProperties: values.json, ...facets });
}

export function object<const P extends Properties>(properties: P, facets: Facets = {}): Schema<ObjectOf<P>> {
  const required = Object.keys(properties).filter((name) => !('optional' in properties[name]!));
  return schema({
    type: 'object',
    ...facets,
    properties: Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, property.json])),
    ...(required.length > 0 ? { required } : {}),
  });
}

export function optional<Type>(inner: Schema<Type>): OptionalSchema<Type> {
  return { json: inner.json, optional: true };
}
