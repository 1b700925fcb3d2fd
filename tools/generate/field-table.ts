import type { JsonSchema } from '@vfleet/core';

/** A field of a schema, by its path from the root. */
export interface Field {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** All fields below a schema, outer before inner, in the order of the source. `prefix` names the schema itself. */
export function fields(schema: JsonSchema, prefix: string): readonly Field[] {
  if (schema.items !== undefined) return fields(schema.items, `${prefix}[]`);
  if (typeof schema.additionalProperties === 'object') return fields(schema.additionalProperties, `${prefix}.*`);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = `${prefix}.${name}`;
    return [{ path, schema: property, required: schema.required?.includes(name) ?? false }, ...fields(property, path)];
  });
}

/** Fields as a Markdown table. */
export function table(rows: readonly Field[]): string {
  const lines = rows.map(({ path, schema, required }) => `| \`${path}\` | ${typeOf(schema)} | ${required ? 'yes' : ''} | ${cell(constraints(schema))} | ${cell(schema.description ?? '')} |`);
  return ['| field | type | required | constraints | what it is |', '|---|---|---|---|---|', ...lines, ''].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
}

function typeOf(schema: JsonSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  if (schema.items !== undefined) return `list of ${plural(typeOf(schema.items))}`;
  if (typeof schema.additionalProperties === 'object') return `map of ${plural(typeOf(schema.additionalProperties))}`;
  return schema.type ?? 'any';
}

function plural(type: string): string {
  return type === 'boolean' ? 'booleans' : `${type}s`;
}

function constraints(schema: JsonSchema): string {
  const inner = schema.items ?? schema;
  const bounds = (least: number | undefined, most: number | undefined, of: string) =>
    least === undefined && most === undefined ? [] : [`${most === undefined ? `≥ ${least}` : least === undefined ? `≤ ${most}` : `${least}–${most}`}${of}`];
  return [
    ...(inner.enum === undefined ? [] : [inner.enum.map((value) => (value === '' ? '`""`' : `\`${String(value)}\``)).join(', ')]),
    ...bounds(inner.minimum, inner.maximum, ''),
    ...bounds(inner.minLength, inner.maxLength, ' characters'),
    ...bounds(schema.minItems, schema.maxItems, ' items'),
    ...(inner.pattern === undefined ? [] : [`matches \`${inner.pattern}\``]),
    ...(inner.format === undefined ? [] : [`format ${inner.format}`]),
    ...(schema['x-kubernetes-list-map-keys'] === undefined ? [] : [`one per ${schema['x-kubernetes-list-map-keys'].join(', ')}`]),
    ...(schema.default === undefined ? [] : [`default \`${JSON.stringify(schema.default)}\``]),
  ].join('; ');
}
