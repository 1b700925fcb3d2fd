import type { GoField, GoScalar, GoStruct, GoType, ScalarKind } from '../schema/go-type.ts';
import { once } from '../values/once.ts';
import document from './kubernetes.json' with { type: 'json' };

/** kubernetes.json, as tools/generate-openapi writes it: OpenAPI v3 and Go facts in one word list a field. */
export interface PublishedDocument {
  readonly source: string;
  readonly licence: string;
  readonly version: string;
  readonly definitions: Readonly<Record<string, PublishedDefinition>>;
}

export interface PublishedDefinition {
  readonly gvk?: readonly string[];
  readonly required?: readonly string[];
  readonly mapType?: string;
  readonly plain?: Readonly<Record<string, unknown>>;
  readonly unions?: unknown;
  readonly fields?: Readonly<Record<string, PublishedField>>;
}

export type PublishedField = string | { readonly field: string; readonly enum?: readonly unknown[]; readonly itemEnum?: readonly unknown[]; readonly default?: unknown };

// TypeScript would infer a type of ten thousand members from the file; its shape is what the generator writes.
export const published = document as unknown as PublishedDocument;

const SCALARS: Readonly<Record<string, ScalarKind>> = {
  string: 'string', boolean: 'bool', 'integer:int32': 'int32', 'integer:int64': 'int64', integer: 'int64', number: 'float64', 'number:double': 'float64',
  'string:byte': 'bytes', object: 'any',
};

/** Definitions that are no structs. */
const SPECIAL: Readonly<Record<string, ScalarKind>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'microTime',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
};

/** Compiles definitions when they are first asked for: most servers need few of them. All that is made is the same for everybody. */
class PublishedTypes {
  readonly #structs = new Map<string, GoType>();
  /** Names of definitions, by `group/version/kind`. */
  readonly #kinds = new Map<string, string>();

  constructor() {
    for (const [name, { gvk = [] }] of Object.entries(published.definitions)) for (const kind of gvk) if (!this.#kinds.has(kind)) this.#kinds.set(kind, name);
  }

  /** The type of a kind. Throws when the data file has no such kind, which is a mistake in the list of served kinds. */
  ofKind(group: string, version: string, kind: string): GoStruct {
    const wanted = `${group}/${version}/${kind}`;
    const name = this.#kinds.get(wanted);
    const type = name === undefined ? undefined : this.ofDefinition(name);
    if (type?.kind !== 'struct') throw new Error(`kubernetes.json has no ${wanted}`);
    return type;
  }

  ofDefinition(name: string): GoType {
    const known = this.#structs.get(name);
    if (known !== undefined) return known;
    const definition = published.definitions[name];
    if (definition === undefined) throw new Error(`kubernetes.json has no definition ${name}`);
    const type = definition.fields === undefined ? specialType(name) : this.#struct(name, definition);
    this.#structs.set(name, type);
    return type;
  }

  #struct(name: string, definition: PublishedDefinition): GoStruct {
    const shortName = name.split('.').at(-1)!;
    const fields = new Map<string, GoField>();
    const always: (readonly [string, unknown])[] = [];
    const struct: GoStruct = {
      kind: 'struct', definition: name, name: shortName, goType: `v1.${shortName}`, fields, required: definition.required ?? [], always, mapType: definition.mapType,
    };
    // Before its fields: JSON schemas contain themselves.
    this.#structs.set(name, struct);
    for (const [fieldName, said] of Object.entries(definition.fields!)) {
      const words = parseField(said);
      const field = this.#field(fieldName, words, said);
      fields.set(fieldName, field);
      const written = absentValue(field, words);
      if (written !== undefined) always.push([fieldName, written]);
    }
    return struct;
  }

  #field(name: string, words: FieldWords, said: PublishedField): GoField {
    const more = typeof said === 'string' ? undefined : said;
    const list = words.get('list');
    const [listType, keys] = list === undefined ? [undefined, undefined] : list.split(':');
    return {
      name,
      type: this.#type(words.type, words.get('go') ?? ''),
      // An empty list of managedFields asks to forget them, which an absent one does not.
      keepsZero: words.has('pointer') || words.has('always') || name === 'managedFields',
      listType: listType as GoField['listType'],
      listMapKeys: keys?.split(',') ?? [],
      mapType: words.get('map') as GoField['mapType'],
      patchStrategy: words.get('strategy')?.split(',') ?? [],
      patchMergeKey: words.get('key'),
      enum: more?.enum,
      itemEnum: more?.itemEnum,
      defaultValue: more?.default,
      protobufPath: words.get('pb')?.split('.').map(Number) ?? [],
    };
  }

  #type(text: string, goType: string): GoType {
    if (text.startsWith('[]')) return { kind: 'list', goType, items: this.#type(text.slice(2), goType.replace(/^\[\]\*?/, '')) };
    if (text.startsWith('{}')) return { kind: 'map', goType, values: this.#type(text.slice(2), goType.replace(/^map\[[\w.]+\]\*?/, '')) };
    if (text.startsWith('#')) return this.ofDefinition(text.replace(/^#+/, ''));
    const kind = SCALARS[text];
    if (kind === undefined) throw new Error(`kubernetes.json says ${text}, which is no known type`);
    return { kind, goType };
  }
}

export const publishedTypes = once(() => new PublishedTypes());

function specialType(name: string): GoScalar {
  return { kind: SPECIAL[name] ?? 'any', goType: name.split('.').at(-1)! };
}

interface FieldWords {
  readonly type: string;
  has(word: string): boolean;
  get(word: string): string | undefined;
}

export function parseField(said: PublishedField): FieldWords {
  const [type, ...words] = (typeof said === 'string' ? said : said.field).split(' ');
  return {
    type: type!,
    has: (word) => words.includes(word),
    get: (word) => words.find((candidate) => candidate.startsWith(`${word}=`))?.slice(word.length + 1),
  };
}

/** What Go writes for a field that was not given (encoding/json: omitempty does not apply to structs), or its declared default. */
function absentValue({ type, defaultValue }: GoField, words: FieldWords): unknown {
  if (defaultValue !== undefined) return defaultValue;
  if (words.has('omitzero') || !(words.has('always') || isStructLike(type))) return undefined;
  if (words.has('pointer')) return words.has('always') ? null : undefined;
  switch (type.kind) {
    case 'struct': return Object.freeze(Object.fromEntries(type.always));
    case 'map':
    case 'list':
    case 'time':
    case 'microTime':
    case 'any': return words.has('always') || isStructLike(type) ? null : undefined;
    case 'bool': return false;
    case 'int32':
    case 'int64':
    case 'float64': return 0;
    case 'intOrString': return 0;
    case 'quantity': return '0';
    default: return '';
  }
}

function isStructLike({ kind }: GoType): boolean {
  return kind === 'struct' || kind === 'time' || kind === 'microTime' || kind === 'quantity' || kind === 'intOrString';
}
