import { Cursor } from '../../builtin/validation/cursor.ts';
import { formatFieldError } from '../../errors/field-error.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { patternProblem } from '../../schema/re2.ts';
import { equalJson, isObject } from '../../values/json.ts';

type Level = 'root' | 'item' | 'field';

const UNTYPED: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root', item: 'must not be empty for specified array items', field: 'must not be empty for specified object fields',
};
const INT_OR_STRING: readonly unknown[] = [{ type: 'integer' }, { type: 'string' }];
/** What a schema inside allOf, anyOf, oneOf or not may not say, and how that is put. */
const NOT_NESTED: readonly (readonly [string, string])[] = [
  ['type', 'must be empty to be structural'], ['additionalProperties', 'must be undefined to be structural'], ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'], ['description', 'must be empty to be structural'], ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'], ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'], ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'], ['x-kubernetes-map-type', 'must be undefined to be structural'], ['x-kubernetes-validations', 'must be empty to be structural'],
];

/**
 * What keeps a schema from being structural (KEP-1693): types everywhere, conditions only on what is declared, metadata left
 * alone. In the order of the sentences, as the real server sorts them (apiextensions-apiserver pkg/apiserver/schema).
 */
export function structuralProblems(schema: unknown, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const root = new Cursor(schema, path, errors);
  checkNode(root, 'root');
  checkComplete(root, root);
  return [...errors].sort((a, b) => (formatFieldError(a) < formatFieldError(b) ? -1 : 1));
}

/** Why a schema cannot even be looked at as a structural one; undefined when it can. */
export function unsupportedField(schema: unknown): string | undefined {
  if (!isObject(schema)) return undefined;
  for (const name of ['id', '$schema', '$ref', 'patternProperties', 'dependencies', 'additionalItems', 'definitions']) {
    if (isSaid(schema[name])) return `OpenAPIV3Schema '${name === '$schema' ? 'schema' : name}' is not supported`;
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  if (Array.isArray(schema['items'])) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  const below: readonly unknown[] = [schema['not'], schema['items'], schema['additionalProperties'], ...['allOf', 'anyOf', 'oneOf'].flatMap((name) => schema[name] ?? []), ...Object.values(schema['properties'] ?? {})];
  for (const part of below) {
    const problem = unsupportedField(part);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Go's zero values are as good as nothing. */
function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0) && !(isObject(value) && Object.keys(value).length === 0);
}

function isTrue(node: Cursor, name: string): boolean {
  return node.at(name).value === true;
}

function checkNode(node: Cursor, level: Level): void {
  const [type, items, properties, additional] = [node.at('type'), node.at('items'), node.at('properties'), node.at('additionalProperties')];
  const [isEmbedded, isPreserving, isIntOrString] = [isTrue(node, 'x-kubernetes-embedded-resource'), isTrue(node, 'x-kubernetes-preserve-unknown-fields'), isTrue(node, 'x-kubernetes-int-or-string')];
  if (type.text === 'array' && !items.isSet) items.required('must be specified');
  if (items.isSet) checkNode(items, 'item');
  for (const name of properties.keys) checkNode(properties.key(name), 'field');
  if (additional.isSet) {
    if (level === 'root') additional.forbidden('must not be used at the root');
    if (isObject(additional.value)) checkNode(additional, 'field');
  }
  if (isIntOrString && isPreserving) node.at('x-kubernetes-preserve-unknown-fields').invalid('must be false if x-kubernetes-int-or-string is true');
  if (isIntOrString && isEmbedded) node.at('x-kubernetes-embedded-resource').invalid('must be false if x-kubernetes-int-or-string is true');
  checkConditions(node, equalJson(node.at('anyOf').value ?? null, INT_OR_STRING), equalJson(node.at('allOf').index(0).at('anyOf').value ?? null, INT_OR_STRING));

  if (isEmbedded && type.text !== 'object') {
    if (type.text === '') type.required('must be object if x-kubernetes-embedded-resource is true');
    else type.invalid('must be object if x-kubernetes-embedded-resource is true');
  } else if (type.text === '' && !isIntOrString && !isPreserving) type.required(UNTYPED[level]);
  if (isEmbedded && additional.isSet) additional.forbidden('must not be used if x-kubernetes-embedded-resource is set');
  if (level === 'root' && type.text !== '' && type.text !== 'object') type.invalid('must be object at the root');
  checkResource(properties, level, level === 'root' || isEmbedded);
  if (isEmbedded && !isPreserving && properties.keys.length === 0) properties.required('must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields');
}

/** What every object has may not be declared otherwise. */
function checkResource(properties: Cursor, level: Level, isResource: boolean): void {
  for (const name of ['kind', 'apiVersion']) {
    const property = properties.key(name);
    if (isResource && property.isSet && property.at('type').text !== 'string') property.at('type').invalid('must be string', property.at('type').text);
  }
  const metadata = properties.key('metadata');
  if (!metadata.isSet) return;
  if (isResource && metadata.at('type').text !== 'object') metadata.at('type').invalid('must be object', metadata.at('type').text);
  if (level !== 'root') return;
  const isNarrow = metadata.at('properties').keys.every((name) => name === 'name' || name === 'generateName');
  const others = Object.entries(metadata.object).filter(([name, value]) => isSaid(value) && !['type', 'default', 'externalDocs', 'example'].includes(name) && !(name === 'properties' && isNarrow));
  if (others.length > 0) metadata.forbidden('must not specify anything other than name and generateName, but metadata is implicitly specified');
}

function checkConditions(node: Cursor, skipsAnyOf: boolean, skipsFirstAllOf: boolean): void {
  if (!skipsAnyOf) for (const part of node.at('anyOf').items) checkNested(part, false);
  node.at('allOf').items.forEach((part, index) => checkNested(part, skipsFirstAllOf && index === 0));
  for (const part of node.at('oneOf').items) checkNested(part, false);
  if (node.at('not').isSet) checkNested(node.at('not'), false);
  const pattern = node.at('pattern');
  const problem = pattern.text === '' ? undefined : patternProblem(pattern.text);
  if (problem !== undefined) pattern.invalid(`must be a valid regular expression, but isn't: ${problem}`);
}

function checkNested(part: Cursor, skipsAnyOf: boolean): void {
  checkConditions(part, skipsAnyOf, false);
  if (part.at('items').isSet) checkNested(part.at('items'), false);
  for (const name of part.at('properties').keys) checkNested(part.at('properties').key(name), false);
  for (const [name, sentence] of NOT_NESTED) if (isSaid(part.at(name).value)) part.at(name).forbidden(sentence);
  const metadata = part.at('properties').key('metadata');
  if (metadata.isSet) metadata.forbidden('must not be specified in a nested context');
}

/** Every condition is about something that the schema itself declares. */
function checkComplete(condition: Cursor, declared: Cursor): void {
  const parts = [...(condition.at('not').isSet ? [condition.at('not')] : []), ...['allOf', 'anyOf', 'oneOf'].flatMap((name) => condition.at(name).items)];
  for (const part of parts) checkDeclared(part, declared);
}

function checkDeclared(part: Cursor, declared: Cursor): void {
  if (!declared.isSet) return declared.required(`because it is defined in ${part.path}`);
  checkComplete(part, declared);
  if (part.at('items').isSet) checkDeclared(part.at('items'), declared.at('items'));
  for (const name of part.at('properties').keys) checkDeclared(part.at('properties').key(name), declared.at('properties').key(name));
}
