import type { Cursor } from '../../builtin/validation/cursor.ts';
import { invalid } from '../../errors/field-error.ts';
import { isObject } from '../../values/json.ts';
import type { JsonObject } from '../../values/json.ts';

const TYPES: readonly string[] = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const UNSUPPORTED: readonly string[] = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'];

/** What holds where a schema stands. */
export interface SchemaPlace {
  readonly isRoot: boolean;
  /** Why there may be no default; undefined when there may. */
  readonly noDefaultsReason: string | undefined;
  /** Part of apiVersion, kind or metadata of an object, which may be an embedded one. */
  readonly isInMetadata: boolean;
}

/**
 * The form of one schema of a definition, without those below it, in the two parts between which the real server looks below
 * (apiextensions-apiserver pkg/apis/apiextensions/validation, ValidateCustomResourceDefinitionOpenAPISchema).
 */
export function checkSchemaHead(schema: Cursor, { noDefaultsReason, isInMetadata }: SchemaPlace): void {
  const type = schema.at('type');
  if (type.text !== '' && !TYPES.includes(type.text)) type.notSupported(TYPES);
  if (schema.at('default').isSet && noDefaultsReason !== undefined) schema.at('default').forbidden(`must not be set ${noDefaultsReason}`);
  for (const name of UNSUPPORTED) if (schema.at(name).isSet && schema.at(name).value !== '') schema.at(name).forbidden(`${name} is not supported`);
  if (type.text === 'null') type.forbidden('type cannot be set to null, use nullable as an alternative');
  if (Array.isArray(schema.at('items').value)) schema.at('items').forbidden('items must be a schema object and not an array');
  if (isInMetadata && schema.at('x-kubernetes-embedded-resource').value === true) schema.at('x-kubernetes-embedded-resource').forbidden('must not be used inside of resource meta');
  if (schema.at('uniqueItems').value === true) schema.at('uniqueItems').forbidden('uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  const additional = schema.at('additionalProperties');
  if (additional.isSet && additional.value !== true && schema.at('properties').keys.length > 0) additional.forbidden('additionalProperties and properties are mutual exclusive');
}

/** Lists, maps and their keys. */
export function checkSchemaTail(schema: Cursor): void {
  const [type, mapType, listType, items] = [schema.at('type'), schema.at('x-kubernetes-map-type'), schema.at('x-kubernetes-list-type'), schema.at('items')];
  const preserve = schema.at('x-kubernetes-preserve-unknown-fields');
  if (preserve.value === false) preserve.invalid('must be true or undefined');
  if (mapType.isSet && type.text !== 'object') wrongType(type, 'must be object if x-kubernetes-map-type is specified');
  if (mapType.isSet && mapType.text !== 'atomic' && mapType.text !== 'granular') mapType.notSupported(['atomic', 'granular']);
  if (listType.isSet && type.text !== 'array') wrongType(type, 'must be array if x-kubernetes-list-type is specified');
  else if (listType.text === 'set') checkSetItems(items);
  if (listType.isSet && !['atomic', 'set', 'map'].includes(listType.text)) listType.notSupported(['atomic', 'set', 'map']);
  const keys = schema.at('x-kubernetes-list-map-keys');
  if (keys.items.length > 0 && listType.text !== 'map') {
    if (listType.isSet) listType.invalid('must be map if x-kubernetes-list-map-keys is non-empty');
    else listType.required('must be map if x-kubernetes-list-map-keys is non-empty');
  }
  if (listType.text === 'map') checkMapKeys(schema, keys, items);
  if (listType.text === 'map' || listType.text === 'set') checkIdentity(listType.text, keys, items);
}

function wrongType(type: Cursor, sentence: string): void {
  if (type.text === '') type.required(sentence);
  else type.invalid(sentence);
}

function checkSetItems(items: Cursor): void {
  const atomic = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const [listType, mapType] = [items.at('x-kubernetes-list-type'), items.at('x-kubernetes-map-type')];
  if (items.at('type').text === 'array' && listType.isSet && listType.text !== 'atomic') listType.invalid(atomic);
  // The value shown is that of the list type, which is a mistake of the real server.
  if (items.at('type').text === 'object' && mapType.text !== 'atomic') mapType.invalid(atomic, listType.value ?? null);
}

function checkMapKeys(schema: Cursor, keys: Cursor, items: Cursor): void {
  if (keys.items.length === 0) keys.required('must not be empty if x-kubernetes-list-type is map');
  if (!items.isSet) return items.required('must have a schema if x-kubernetes-list-type is map');
  if (items.at('type').text !== 'object') return items.at('type').invalid("must be object if parent array's x-kubernetes-list-type is map", items.at('type').text);
  const seen = new Set<string>();
  for (const { text: key } of keys.items) {
    const property = items.at('properties').key(key);
    if (!property.isSet) keys.invalid('entries must all be names of item properties');
    else if (['array', 'object'].includes(property.at('type').text)) property.at('type').invalid("must be a scalar type if parent array's x-kubernetes-list-type is map", items.at('type').text);
    if (seen.has(key)) keys.invalid('must not contain duplicate entries');
    seen.add(key);
  }
}

/** What tells items of a list apart is there in every item. */
function checkIdentity(listType: string, keys: Cursor, items: Cursor): void {
  if (items.at('nullable').value === true) items.at('nullable').forbidden(`cannot be nullable when x-kubernetes-list-type is ${listType}`);
  if (listType !== 'map') return;
  const needed = items.at('required').items.map(({ text }) => text);
  for (const { text: key } of keys.items) {
    const property = items.at('properties').key(key);
    if (!property.isSet) continue;
    if (!needed.includes(key) && !property.at('default').isSet) property.at('default').required('this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property');
    if (property.at('nullable').value === true) property.at('nullable').forbidden('this property is in x-kubernetes-list-map-keys, so it cannot be nullable');
  }
}

const ROOT_FIELDS = ['Description', 'Type', 'Format', 'Title', 'Maximum', 'ExclusiveMaximum', 'Minimum', 'ExclusiveMinimum', 'MaxLength', 'MinLength', 'Pattern', 'MaxItems', 'MinItems', 'UniqueItems', 'MultipleOf', 'Required', 'Items', 'Properties', 'ExternalDocs', 'Example', 'XPreserveUnknownFields', 'XValidations'];

/** With a status subresource, the root holds nothing that would not hold for status alone: `shown` is the schema as a struct of Go's. */
export function checkRootWithStatus(schema: Cursor, shown: JsonObject): void {
  for (const [name, value] of Object.entries(shown)) {
    if (isZero(value)) continue;
    if (name === 'Type' && value !== 'object') return schema.errors.push(invalid(`${schema.path}.type`, value, 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled')), undefined;
    if (!ROOT_FIELDS.includes(name)) return schema.invalidStruct(`only [${ROOT_FIELDS.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`, shown);
  }
}

function isZero(value: unknown): boolean {
  return value === null || value === '' || value === false || (isObject(value) && Object.keys(value).length === 0);
}
