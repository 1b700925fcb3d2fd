import { parseField, published } from '../schemas/published.ts';
import type { PublishedDefinition, PublishedField } from '../schemas/published.ts';

/** kubernetes-descriptions.json: the sentences of the schemas, which only documentation needs. */
export interface Descriptions {
  readonly descriptions: Readonly<Record<string, readonly [string, Readonly<Record<string, string>>]>>;
}

export type OpenApiObject = Readonly<Record<string, unknown>>;

const PREFIX = '#/components/schemas/';

/** One published definition as OpenAPI v3 again, as the real server words it. */
export function definitionSchema(name: string, { descriptions }: Descriptions): OpenApiObject {
  const definition = published.definitions[name]!;
  const [description, fieldDescriptions] = descriptions[name] ?? ['', {}];
  const common = {
    ...(description === '' ? {} : { description }),
    ...(definition.mapType === undefined ? {} : { 'x-kubernetes-map-type': definition.mapType }),
    ...(definition.unions === undefined ? {} : { 'x-kubernetes-unions': definition.unions }),
    ...(definition.gvk === undefined ? {} : { 'x-kubernetes-group-version-kind': definition.gvk.map(kindOf) }),
  };
  if (definition.fields === undefined) return { ...definition.plain, ...common };
  return {
    type: 'object',
    ...(definition.required === undefined ? {} : { required: definition.required }),
    properties: Object.fromEntries(Object.entries(definition.fields).map(([field, said]) => [field, fieldSchema(said, fieldDescriptions[field])])),
    ...common,
  };
}

function kindOf(text: string): OpenApiObject {
  const [group, version, kind] = text.split('/');
  return { group, kind, version };
}

function fieldSchema(said: PublishedField, description: string | undefined): OpenApiObject {
  const words = parseField(said);
  const more = typeof said === 'string' ? {} : said;
  const list = words.get('list')?.split(':');
  const base = typeSchema(words.type, typeof said === 'string' ? undefined : said.itemEnum);
  const zero = words.has('zero') ? { default: zeroOf(words.type) } : {};
  return {
    ...(description === undefined ? {} : { description }),
    ...base, ...zero,
    ...('default' in more ? { default: more.default } : {}),
    ...('enum' in more && more.enum !== undefined ? { enum: more.enum } : {}),
    ...(list === undefined ? {} : { 'x-kubernetes-list-type': list[0] }),
    ...(list?.[1] === undefined ? {} : { 'x-kubernetes-list-map-keys': list[1].split(',') }),
    ...(words.get('map') === undefined ? {} : { 'x-kubernetes-map-type': words.get('map') }),
    ...(words.get('strategy') === undefined ? {} : { 'x-kubernetes-patch-strategy': words.get('strategy') }),
    ...(words.get('key') === undefined ? {} : { 'x-kubernetes-patch-merge-key': words.get('key') }),
  };
}

function zeroOf(type: string): unknown {
  if (type.startsWith('#')) return {};
  if (type.startsWith('integer') || type.startsWith('number')) return 0;
  return type === 'boolean' ? false : '';
}

function typeSchema(type: string, itemEnum?: readonly unknown[]): OpenApiObject {
  if (type.startsWith('##')) return { $ref: PREFIX + type.slice(2) };
  if (type.startsWith('#')) return { allOf: [{ $ref: PREFIX + type.slice(1) }] };
  if (type.startsWith('[]')) return { type: 'array', items: { ...itemSchema(type.slice(2)), ...(itemEnum === undefined ? {} : { enum: itemEnum }) } };
  if (type.startsWith('{}')) return { type: 'object', additionalProperties: itemSchema(type.slice(2)) };
  const [name, format] = type.split(':');
  return format === undefined ? { type: name } : { type: name, format };
}

/** Items state the zero value of their type as their default, unless it is bytes or a type of its own making. */
function itemSchema(type: string): OpenApiObject {
  const schema = typeSchema(type);
  const isBare = type.startsWith('##') || type.startsWith('[]') || type.startsWith('{}') || type === 'string:byte' || type === 'object';
  return isBare ? schema : { ...schema, default: zeroOf(type) };
}

/** The definitions that a schema refers to, directly. */
export function referencesOf(definition: PublishedDefinition | undefined): readonly string[] {
  return Object.values(definition?.fields ?? {}).flatMap((said) => {
    const reference = /#([^#\s]+)$/.exec(parseField(said).type)?.[1];
    return reference === undefined ? [] : [reference];
  });
}
