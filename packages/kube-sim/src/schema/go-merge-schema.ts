import type { MergeSchema } from '../patch/merge-schema.ts';
import type { GoField, GoStruct, GoType, ScalarKind } from './go-type.ts';

const PLAIN = { patchStrategy: [], listMapKeys: [] } as const;

const ofTypes = new WeakMap<GoType, MergeSchema>();
const ofFields = new WeakMap<GoField, MergeSchema>();

/** What patches read of a built-in type, or of a field and its type. Made when it is first asked for: types refer to themselves. */
export function goMergeSchema(type: GoType, field?: GoField): MergeSchema {
  const known = field === undefined ? ofTypes.get(type) : ofFields.get(field);
  if (known !== undefined) return known;
  const made = mergeSchemaOf(type, field);
  if (field === undefined) ofTypes.set(type, made);
  else ofFields.set(field, made);
  return made;
}

function mergeSchemaOf(type: GoType, field: GoField | undefined): MergeSchema {
  const said = field === undefined ? PLAIN : {
    patchStrategy: field.patchStrategy,
    listMapKeys: field.listMapKeys,
    ...(field.patchMergeKey === undefined ? {} : { patchMergeKey: field.patchMergeKey }),
    ...(field.listType === undefined ? {} : { listType: field.listType }),
    ...(field.mapType === undefined ? {} : { mapType: field.mapType }),
    ...(field.defaultValue === undefined ? {} : { defaultValue: field.defaultValue }),
  };
  switch (type.kind) {
    case 'struct': return {
      ...said,
      ...(type.mapType === 'atomic' || type.mapType === 'granular' ? { mapType: type.mapType } : {}),
      field: (name) => {
        const inner = type.fields.get(name);
        return inner === undefined ? undefined : goMergeSchema(inner.type, withZeroDefault(inner, type));
      },
      type: 'object',
    };
    case 'list':
    case 'map': return { ...said, field: () => undefined, items: goMergeSchema(type.kind === 'list' ? type.items : type.values), type: type.kind };
    default: return { ...said, field: () => undefined, type: SCALARS[type.kind] };
  }
}

const withDefaults = new WeakMap<GoField, GoField>();

/** A scalar that Go always writes has its zero value where nothing is said (kube-openapi writes it as the default). */
function withZeroDefault(field: GoField, { required }: GoStruct): GoField {
  if (field.defaultValue !== undefined || !required.includes(field.name)) return field;
  const zero = field.type.kind === 'struct' || field.type.kind === 'list' || field.type.kind === 'map' ? undefined : ZEROS[SCALARS[field.type.kind]];
  if (zero === undefined) return field;
  const known = withDefaults.get(field) ?? { ...field, defaultValue: zero };
  withDefaults.set(field, known);
  return known;
}

const ZEROS: Readonly<Partial<Record<MergeSchema['type'], unknown>>> = { string: '', boolean: false, numeric: 0 };

const SCALARS: Readonly<Record<ScalarKind, MergeSchema['type']>> = {
  string: 'string', bytes: 'string', time: 'string', microTime: 'string', bool: 'boolean', int32: 'numeric', int64: 'numeric', float64: 'numeric',
  quantity: 'scalar', intOrString: 'scalar', any: 'unknown',
};
