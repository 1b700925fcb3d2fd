import { unknownMergeSchema } from '../patch/merge-schema.ts';
import type { MergeSchema } from '../patch/merge-schema.ts';
import { goMergeSchema } from '../schema/go-merge-schema.ts';
import { publishedTypes } from '../schemas/published.ts';
import type { SchemaNode } from '../schema/structural.ts';

const SCALARS: Readonly<Record<string, MergeSchema['type']>> = { string: 'string', integer: 'numeric', number: 'numeric', boolean: 'boolean', intOrString: 'scalar' };
const TEXT: MergeSchema = { field: () => undefined, patchStrategy: [], listMapKeys: [], type: 'string' };

/** What server-side apply reads of a custom resource's schema; its metadata is that of every object. */
export function customMergeSchema(root: SchemaNode): MergeSchema {
  const content = structuralMergeSchema(root);
  return {
    ...content,
    // Beside what is declared, whatever the schema takes is told from the value.
    ...(root.preservesUnknown && { items: unknownMergeSchema }),
    type: 'object',
    field: (name) => {
      if (name === 'apiVersion' || name === 'kind') return TEXT;
      if (name === 'metadata') return goMergeSchema(publishedTypes().ofDefinition('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'));
      return content.field(name);
    },
  };
}

function structuralMergeSchema(node: SchemaNode): MergeSchema {
  const { schema } = node;
  const listType = schema['x-kubernetes-list-type'];
  const mapType = schema['x-kubernetes-map-type'];
  const below = node.items ?? (typeof node.additional === 'object' ? node.additional : undefined);
  const fields = new Map<string, MergeSchema>();
  return {
    field: (name) => {
      const property = node.properties.get(name);
      if (property === undefined) return undefined;
      const known = fields.get(name) ?? structuralMergeSchema(property);
      fields.set(name, known);
      return known;
    },
    ...(below === undefined ? {} : { items: structuralMergeSchema(below) }),
    patchStrategy: [],
    ...(listType === undefined ? {} : { listType }),
    listMapKeys: schema['x-kubernetes-list-map-keys'] ?? [],
    ...(mapType === undefined ? {} : { mapType }),
    ...(node.defaultValue === undefined ? {} : { defaultValue: node.defaultValue }),
    type: typeOf(node),
  };
}

function typeOf(node: SchemaNode): MergeSchema['type'] {
  if (node.type === 'array') return 'list';
  if (node.type !== undefined && node.type !== 'object') return SCALARS[node.type]!;
  if (node.preservesUnknown || node.additional === true) return 'unknown';
  return node.properties.size > 0 ? 'object' : typeof node.additional === 'object' ? 'map' : node.type === 'object' ? 'object' : 'unknown';
}
