/**
 * Facts about the Go types behind the published schemas that the schemas do not say, read from the structs' declarations:
 * which fields are pointers (an explicit zero stays), which are always written (no omitempty), and how Go names the type in an
 * error. The declarations come from the module cache that building the real API server has filled.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface GoField {
  readonly jsonName: string;
  /** As Go prints it in an error, without a leading pointer: `[]v1.Container`, `map[string]string`, `v1.PodPhase`. */
  readonly type: string;
  readonly isPointer: boolean;
  readonly omitsEmpty: boolean;
  readonly omitsZero: boolean;
  /** Field numbers in protobuf, from the outside in: more than one where Go embeds a struct that protobuf nests. */
  readonly protobufPath: readonly number[];
}

export interface GoStruct {
  readonly name: string;
  readonly fields: readonly GoField[];
  /** Types whose fields stand in this one as if they were its own, with the field number that protobuf nests them under. */
  readonly embedded: readonly { readonly type: string; readonly number: number | undefined }[];
}

/** Structs by name, and the named types that are something simpler. */
export interface GoPackage {
  readonly structs: ReadonlyMap<string, GoStruct>;
  /** `PodPhase` → `string`. */
  readonly named: ReadonlyMap<string, string>;
}

const STRUCT = /^type (\w+) struct \{$/;
const NAMED = /^type (\w+) ((?:\[\]|map\[\w+\])?[\w.]+)$/;
const FIELD = /^\t(?:\w+\s+)?(\S+)\s+`([^`]*json:"[^`]*)`/;

export function readGoPackage(folder: string): GoPackage {
  const structs = new Map<string, GoStruct>();
  const named = new Map<string, string>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.go') && !name.endsWith('_test.go') && !name.startsWith('zz_') && !name.includes('generated'))) {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n');
    lines.forEach((line, index) => {
      const struct = STRUCT.exec(line);
      if (struct !== null) structs.set(struct[1]!, readStruct(struct[1]!, lines.slice(index + 1)));
      const alias = NAMED.exec(line);
      if (alias !== null) named.set(alias[1]!, alias[2]!);
    });
  }
  return { structs, named };
}

function readStruct(name: string, lines: readonly string[]): GoStruct {
  const fields: GoField[] = [];
  const embedded: GoStruct['embedded'][number][] = [];
  for (const line of lines) {
    if (line === '}') break;
    const field = FIELD.exec(line);
    if (field === null) continue;
    const [, type, tags] = field;
    const [jsonName, ...options] = (/json:"([^"]*)"/.exec(tags!)?.[1] ?? '').split(',');
    const numberText = /protobuf:"\w+,(\d+)/.exec(tags!)?.[1];
    const number = numberText === undefined ? undefined : Number(numberText);
    if (options.includes('inline')) embedded.push({ type: type!, number });
    else if (jsonName !== '-' && jsonName !== '') fields.push(goField(jsonName!, type!, options, number));
  }
  return { name, fields, embedded };
}

function goField(jsonName: string, type: string, options: readonly string[], number: number | undefined): GoField {
  const isPointer = type.startsWith('*');
  return { jsonName, type: qualified(isPointer ? type.slice(1) : type), isPointer, omitsEmpty: options.includes('omitempty'), omitsZero: options.includes('omitzero'), protobufPath: number === undefined ? [] : [number] };
}

const BASIC: readonly string[] = ['string', 'bool', 'int', 'int32', 'int64', 'float64', 'byte', 'uint8'];
/** How packages are imported in the API's sources, and what they are called. */
const PACKAGES: Readonly<Record<string, string>> = { metav1: 'v1', corev1: 'v1', v1: 'v1', resource: 'resource', intstr: 'intstr', types: 'types', runtime: 'runtime', apiextensions: 'apiextensions' };

function qualified(type: string): string {
  const container = /^(\[\]|map\[(\w+)\])(.*)$/.exec(type);
  if (container !== null) {
    const key = container[2];
    return `${key === undefined ? '[]' : `map[${qualified(key)}]`}${container[3]!.startsWith('*') ? `*${qualified(container[3]!.slice(1))}` : qualified(container[3]!)}`;
  }
  if (BASIC.includes(type)) return type === 'byte' ? 'uint8' : type;
  const [prefix, name] = type.split('.');
  return name === undefined ? `v1.${type}` : `${PACKAGES[prefix!] ?? prefix}.${name}`;
}

/** All fields of a struct, those of embedded structs included. */
export function allFields(packages: readonly GoPackage[], home: GoPackage, name: string): readonly GoField[] {
  const struct = home.structs.get(name);
  if (struct === undefined) return [];
  return [
    ...struct.fields,
    ...struct.embedded.flatMap(({ type, number }) => {
      const bare = type.replace(/^\*/, '').split('.').at(-1)!;
      if (bare === 'TypeMeta') return [];
      const owner = type.includes('.') ? packages.find((other) => other.structs.has(bare)) : home;
      if (owner === undefined) return [];
      return allFields(packages, owner, bare).map((field) => (number === undefined ? field : { ...field, protobufPath: [number, ...field.protobufPath] }));
    }),
  ];
}
