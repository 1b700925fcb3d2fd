import type { SchemaNode } from '../../schema/structural.ts';
import { escapeProperty } from '../escape.ts';

/** Bytes of the largest request that the real server takes (apiserver pkg/apis/cel/config.go, MaxRequestSizeBytes). */
const REQUEST_MAX_BYTES = 3 * 1024 * 1024;

/** A schema as the estimate of a rule's cost sees it (apiserver pkg/cel/common/schemas.go, SchemaDeclType). */
export interface DeclaredSize {
  /** Characters, items or entries that a value has at most. */
  readonly elementsMax: number;
  /** Bytes that a value takes at least, as JSON. */
  readonly bytesMin: number;
  /** Of lists and maps. */
  readonly element?: DeclaredSize;
  readonly key?: DeclaredSize;
  readonly fields?: ReadonlyMap<string, DeclaredSize>;
}

const KEY: DeclaredSize = { elementsMax: 0, bytesMin: 2 };
const NAME: DeclaredSize = { elementsMax: REQUEST_MAX_BYTES - 2, bytesMin: 2 };
const TYPE_AND_NAME: readonly (readonly [string, DeclaredSize])[] = [
  ['kind', NAME], ['apiVersion', NAME], ['metadata', { elementsMax: 0, bytesMin: 2, fields: new Map([['name', NAME], ['generateName', NAME]]) }],
];

/** Undefined for what rules cannot see. */
export function declaredSize(node: SchemaNode, isResource: boolean): DeclaredSize | undefined {
  const { schema, items, additional } = node;
  const below = (child: SchemaNode) => declaredSize(child, child.isEmbeddedResource);
  switch (node.type) {
    case 'intOrString': return { elementsMax: schema.maxLength === undefined ? REQUEST_MAX_BYTES - 2 : 4 * Math.max(0, schema.maxLength), bytesMin: 1 };
    case 'boolean': return { elementsMax: 0, bytesMin: 4 };
    case 'integer':
    case 'number': return { elementsMax: 0, bytesMin: 1 };
    case 'string': return textSize(node);
    case 'array': {
      const element = items === undefined ? undefined : below(items);
      return element && { element, bytesMin: 2, elementsMax: schema.maxItems === undefined ? Math.floor((REQUEST_MAX_BYTES - 2) / (element.bytesMin + 1)) : Math.max(0, schema.maxItems) };
    }
    case 'object': {
      if (isResource || typeof additional !== 'object') return objectSize(node, isResource);
      const element = below(additional);
      return element && { element, key: KEY, bytesMin: 2, elementsMax: schema.maxProperties === undefined ? Math.floor((REQUEST_MAX_BYTES - 2) / (element.bytesMin + 6)) : Math.max(0, schema.maxProperties) };
    }
    default: return undefined;
  }
}

/** How often a value of this schema fits into one request. */
export function occurrencesMax({ bytesMin }: DeclaredSize): number {
  return Math.floor(REQUEST_MAX_BYTES / (bytesMin + 1));
}

function textSize({ schema }: SchemaNode): DeclaredSize {
  switch (schema.format) {
    case 'byte': return { elementsMax: schema.maxLength ?? REQUEST_MAX_BYTES - 2, bytesMin: 2 };
    case 'duration': return { elementsMax: 32, bytesMin: 3 };
    case 'date': return { elementsMax: 12, bytesMin: 12 };
    case 'date-time': return { elementsMax: 32, bytesMin: 21 };
    default: break;
  }
  // A character may take four bytes.
  if (schema.maxLength !== undefined) return { elementsMax: 4 * Math.max(0, schema.maxLength), bytesMin: 2 };
  const texts = (schema.enum ?? []).map((value) => (typeof value === 'string' ? new TextEncoder().encode(value).length : 0));
  return { elementsMax: texts.length > 0 ? Math.max(...texts) : REQUEST_MAX_BYTES - 2, bytesMin: 2 };
}

function objectSize(node: SchemaNode, isResource: boolean): DeclaredSize {
  const fields = new Map<string, DeclaredSize>();
  let bytesMin = 2;
  for (const [property, child] of node.properties) {
    const size = declaredSize(child, child.isEmbeddedResource);
    if (size === undefined) continue;
    const name = escapeProperty(property);
    if (name !== undefined) fields.set(name, size);
    if (node.required.includes(property) && child.defaultValue === undefined) bytesMin += property.length + size.bytesMin + 4;
  }
  if (isResource) for (const [name, size] of TYPE_AND_NAME) fields.set(name, size);
  return { elementsMax: 0, bytesMin, fields };
}
