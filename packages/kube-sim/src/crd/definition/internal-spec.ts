import { GoText } from '../../errors/field-error.ts';
import { equalJson, isObject, withFields } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';

/**
 * The spec of a definition as the real server validates it: what all versions say alike is taken out of them and said once,
 * for the definition as a whole (apiextensions-apiserver pkg/apis/apiextensions/v1/conversion.go). Messages point there.
 */
export interface InternalSpec {
  readonly spec: JsonObject;
  /** Without what is said once. */
  readonly versions: readonly JsonObject[];
  readonly validation: JsonObject | undefined;
  readonly subresources: JsonObject | undefined;
  readonly columns: readonly unknown[] | undefined;
  readonly selectableFields: readonly unknown[] | undefined;
}

const SHARED = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'] as const;

export function internalSpec(spec: JsonObject): InternalSpec {
  const said = Array.isArray(spec['versions']) ? (spec['versions'] as readonly unknown[]).filter(isObject) : [];
  const [first = {}] = said;
  const isShared = (name: string) => said.every((version) => sameOrEmpty(version[name], first[name]));
  const shared = SHARED.filter(isShared);
  const object = (name: (typeof SHARED)[number]) => (shared.includes(name) && isObject(first[name]) ? first[name] : undefined);
  const list = (name: (typeof SHARED)[number]) => (shared.includes(name) && Array.isArray(first[name]) ? (first[name] as readonly unknown[]) : undefined);
  return {
    spec,
    versions: said.map((version) => withFields(version, Object.fromEntries(shared.map((name) => [name, undefined])))),
    validation: object('schema'),
    subresources: object('subresources'),
    columns: list('additionalPrinterColumns'),
    selectableFields: list('selectableFields'),
  };
}

/** An empty list is as good as none to Go's semantic comparison. */
function sameOrEmpty(a: unknown, b: unknown): boolean {
  const size = (value: unknown) => (Array.isArray(value) ? value.length : value === undefined || value === null ? 0 : 1);
  return (size(a) === 0 && size(b) === 0) || equalJson(a ?? null, b ?? null);
}

/** All versions as a message shows them: structs of Go without names for JSON. */
export function shownVersions(versions: readonly JsonObject[]): GoText {
  return new GoText(versions.map((version) => ({
    Name: version['name'] ?? '',
    Served: version['served'] === true,
    Storage: version['storage'] === true,
    Deprecated: version['deprecated'] === true,
    DeprecationWarning: version['deprecationWarning'] ?? null,
    Schema: isObject(version['schema']) ? { OpenAPIV3Schema: isObject(version['schema']['openAPIV3Schema']) ? shownSchema(version['schema']['openAPIV3Schema']) : null } : null,
    Subresources: isObject(version['subresources']) ? shownSubresources(version['subresources']) : null,
    AdditionalPrinterColumns: shownList(version['additionalPrinterColumns'], ({ name, type, format = '', description = '', priority = 0, jsonPath }) => ({ Name: name, Type: type, Format: format, Description: description, Priority: priority, JSONPath: jsonPath })),
    SelectableFields: shownList(version['selectableFields'], ({ jsonPath }) => ({ JSONPath: jsonPath })),
  })));
}

function shownSubresources({ status, scale }: JsonObject): JsonObject {
  return {
    Status: isObject(status) ? {} : null,
    Scale: isObject(scale) ? { SpecReplicasPath: scale['specReplicasPath'], StatusReplicasPath: scale['statusReplicasPath'], LabelSelectorPath: scale['labelSelectorPath'] ?? null } : null,
  };
}

function shownList(value: unknown, show: (item: JsonObject) => JsonObject): readonly JsonObject[] | null {
  return Array.isArray(value) ? (value as readonly unknown[]).filter(isObject).map(show) : null;
}

/** A schema as a struct of Go's, with every field it has and has not. */
export function shownSchema(schema: JsonObject): JsonObject {
  const own = (name: string, absent: unknown = null) => schema[name] ?? absent;
  const below = (name: string) => (isObject(schema[name]) ? shownSchema(schema[name]) : null);
  const map = (name: string) => (isObject(schema[name]) ? Object.fromEntries(Object.keys(schema[name]).sort().map((key) => [key, isObject((schema[name] as JsonObject)[key]) ? shownSchema((schema[name] as JsonObject)[key] as JsonObject) : {}])) : null);
  const orBool = (name: string) => (schema[name] === undefined ? null : { Allows: schema[name] !== false, Schema: below(name) });
  const list = (name: string) => shownList(schema[name], shownSchema);
  return {
    ID: own('id', ''), Schema: own('$schema', ''), Ref: own('$ref'), Description: own('description', ''), Type: own('type', ''), Nullable: own('nullable', false),
    Format: own('format', ''), Title: own('title', ''), Default: own('default'), Maximum: own('maximum'), ExclusiveMaximum: own('exclusiveMaximum', false),
    Minimum: own('minimum'), ExclusiveMinimum: own('exclusiveMinimum', false), MaxLength: own('maxLength'), MinLength: own('minLength'), Pattern: own('pattern', ''),
    MaxItems: own('maxItems'), MinItems: own('minItems'), UniqueItems: own('uniqueItems', false), MultipleOf: own('multipleOf'), Enum: own('enum'),
    MaxProperties: own('maxProperties'), MinProperties: own('minProperties'), Required: own('required'),
    Items: isObject(schema['items']) ? { Schema: below('items'), JSONSchemas: null } : null,
    AllOf: list('allOf'), OneOf: list('oneOf'), AnyOf: list('anyOf'), Not: below('not'), Properties: map('properties'),
    AdditionalProperties: orBool('additionalProperties'), PatternProperties: map('patternProperties'), Dependencies: own('dependencies'),
    AdditionalItems: orBool('additionalItems'), Definitions: map('definitions'), ExternalDocs: own('externalDocs'), Example: own('example'),
    XPreserveUnknownFields: own('x-kubernetes-preserve-unknown-fields'), XEmbeddedResource: own('x-kubernetes-embedded-resource', false),
    XIntOrString: own('x-kubernetes-int-or-string', false), XListMapKeys: own('x-kubernetes-list-map-keys'), XListType: own('x-kubernetes-list-type'),
    XMapType: own('x-kubernetes-map-type'), XValidations: shownList(schema['x-kubernetes-validations'], shownRule),
  };
}

/** One entry of x-kubernetes-validations as a struct of Go's. */
export function shownRule({ rule, message = '', messageExpression = '', reason = null, fieldPath = '', optionalOldSelf = null }: JsonObject): JsonObject {
  return { Rule: rule, Message: message, MessageExpression: messageExpression, Reason: reason, FieldPath: fieldPath, OptionalOldSelf: optionalOldSelf };
}
