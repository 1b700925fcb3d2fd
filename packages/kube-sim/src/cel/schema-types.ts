import { equalJson, getOwn, isObject } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import { compileSchema } from '../schema/structural.ts';
import type { SchemaNode } from '../schema/structural.ts';
import { escapeProperty } from './escape.ts';
import type { CelHost } from './environment.ts';
import type { CelLibrary, Environment } from './library.ts';

/** A schema as a type of CEL, and its values as CEL sees them. */
export interface ValueType {
  /** As in signatures: `list<Object3>`. */
  readonly name: string;
  toCel(value: unknown): unknown;
}

interface ObjectField {
  readonly property: string;
  readonly type: ValueType;
}

/** An object of a schema with properties: its fields become CEL values when a rule asks for them. */
class CelObject extends Map<string, unknown> {
  readonly raw: JsonObject;
  readonly #fields: ReadonlyMap<string, ObjectField>;

  constructor(raw: JsonObject, fields: ReadonlyMap<string, ObjectField>) {
    super();
    this.raw = raw;
    this.#fields = fields;
  }

  override get(name: string): unknown {
    if (super.has(name)) return super.get(name);
    const field = this.#fields.get(name);
    if (field === undefined) return undefined;
    const raw = getOwn(this.raw, field.property);
    // Null is as good as absent: no type of CEL's admits it.
    const value = raw === undefined || raw === null ? undefined : field.type.toCel(raw);
    super.set(name, value);
    return value;
  }

  equals(other: unknown): boolean {
    return other instanceof CelObject && equalJson(this.raw, other.raw);
  }
}

const TYPE_AND_NAME = compileSchema({ type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } });
const TEXT = compileSchema({ type: 'string' });

/** Declares the types of one schema in one environment (apiserver pkg/cel/common/schemas.go, SchemaDeclType). */
export class SchemaTypes {
  readonly #environment: Environment;
  readonly #host: CelHost;
  readonly #known = new Map<SchemaNode, ValueType | undefined>();
  /** Fields of declared types by type name. */
  readonly fields = new Map<string, ReadonlyMap<string, ObjectField>>();

  constructor(environment: Environment, host: CelHost) {
    this.#environment = environment;
    this.#host = host;
  }

  /** Undefined for what rules cannot see: schemas without a type. A resource root has apiVersion, kind and its name even where the schema has not. */
  typeOf(node: SchemaNode, isResourceRoot: boolean): ValueType | undefined {
    if (this.#known.has(node)) return this.#known.get(node);
    const type = this.#declare(node, isResourceRoot || node.isEmbeddedResource);
    this.#known.set(node, type);
    return type;
  }

  #declare(node: SchemaNode, isResource: boolean): ValueType | undefined {
    switch (node.type) {
      case 'intOrString': return { name: 'dyn', toCel: (value) => (typeof value === 'number' ? BigInt(Math.trunc(value)) : value) };
      case 'boolean': return { name: 'bool', toCel: (value) => value };
      case 'integer': return { name: 'int', toCel: (value) => (typeof value === 'number' ? BigInt(Math.trunc(value)) : value) };
      case 'number': return { name: 'double', toCel: (value) => value };
      case 'string': return textType(node.schema.format, this.#host);
      case 'array': return this.#list(node);
      case 'object': return typeof node.additional === 'object' && !isResource ? this.#map(node.additional) : this.#object(node, isResource);
      default: return undefined;
    }
  }

  #list({ items, schema }: SchemaNode): ValueType | undefined {
    const type = items === undefined ? undefined : this.typeOf(items, false);
    if (type === undefined) return undefined;
    // A Set is a list to the library that compares without order, as lists of type set do.
    const isSet = schema['x-kubernetes-list-type'] === 'set';
    return {
      name: `list<${type.name}>`,
      toCel: (value) => {
        const converted = Array.isArray(value) ? value.map((item: unknown) => (item === null ? null : type.toCel(item))) : value;
        return isSet && Array.isArray(converted) ? new Set(converted) : converted;
      },
    };
  }

  #map(additional: SchemaNode): ValueType | undefined {
    const type = this.typeOf(additional, false);
    if (type === undefined) return undefined;
    return {
      name: `map<string, ${type.name}>`,
      toCel: (value) => (isObject(value) ? new Map(Object.keys(value).map((key) => [key, value[key] === null ? null : type.toCel(value[key])])) : value),
    };
  }

  #object(node: SchemaNode, isResource: boolean): ValueType {
    const properties = new Map(node.properties);
    if (isResource) {
      if (!properties.has('apiVersion')) properties.set('apiVersion', TEXT);
      if (!properties.has('kind')) properties.set('kind', TEXT);
      if ((properties.get('metadata')?.properties.size ?? 0) === 0) properties.set('metadata', TYPE_AND_NAME);
    }
    const fields = new Map<string, ObjectField>();
    for (const [property, schema] of properties) {
      const name = escapeProperty(property);
      const type = this.typeOf(schema, false);
      if (name === undefined || type === undefined) continue;
      fields.set(name, { property, type });
      // Words that the grammar reserves as names may still be the names of fields.
      if (/^__[a-z]+__$/.test(name)) fields.set(property, { property, type });
    }
    const name = `Object${this.fields.size + 1}`;
    this.fields.set(name, fields);
    const ctor = class extends CelObject {
      constructor(raw: JsonObject) {
        super(raw, fields);
      }
    };
    this.#environment.registerType(name, { ctor, fields: Object.fromEntries([...fields].map(([field, { type }]) => [field, type.name])) });
    this.#environment.registerOperator(`${name} == ${name}`, (a: CelObject, b: CelObject) => a.equals(b));
    return { name, toCel: (value) => (isObject(value) ? new ctor(value) : value) };
  }
}

function textType(format: string | undefined, host: CelHost): ValueType {
  switch (format) {
    case 'byte': return { name: 'bytes', toCel: (value) => (typeof value === 'string' ? Uint8Array.from(atob(value), (character) => character.charCodeAt(0)) : value) };
    case 'duration': return { name: 'google.protobuf.Duration', toCel: (value) => (typeof value === 'string' ? durationOf(value, host.library) : value) };
    case 'date': return { name: 'google.protobuf.Timestamp', toCel: (value) => (typeof value === 'string' ? timeOf(`${value}T00:00:00Z`, host) : value) };
    case 'date-time': return { name: 'google.protobuf.Timestamp', toCel: (value) => (typeof value === 'string' ? timeOf(value, host) : value) };
    default: return { name: 'string', toCel: (value) => value };
  }
}

/** The library's times have milliseconds, and its parser takes no more digits. */
function timeOf(text: string, host: CelHost): unknown {
  return host.timeOf(text.replace(/(\.\d{3})\d+/, '$1'));
}

const UNIT_NANOS: Readonly<Record<string, number>> = { h: 3_600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, 'µs': 1e3, 'μs': 1e3, ns: 1 };

/** Go's durations, and the words of go-openapi's strfmt: `1h30m`, `2 days`. */
function durationOf(text: string, { Duration, EvaluationError }: CelLibrary): unknown {
  const sign = text.trim().startsWith('-') ? -1 : 1;
  let nanos = 0;
  for (const [, number, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)\s*([a-zµμ]+)/g)) {
    const size = UNIT_NANOS[unit!] ?? wordNanos(unit!);
    if (size === undefined) throw new EvaluationError(`Invalid duration ${text}`);
    nanos += Number(number) * size;
  }
  return new Duration(BigInt(sign * Math.trunc(nanos / 1e9)), sign * Math.round(nanos % 1e9));
}

function wordNanos(word: string): number | undefined {
  const day = 24 * 3_600e9;
  if (/^(w|weeks?)$/.test(word)) return 7 * day;
  if (/^(d|days?)$/.test(word)) return day;
  const unit = /^(hr|hours?)$/.test(word) ? 'h' : /^(min|minutes?)$/.test(word) ? 'm' : /^(sec|seconds?)$/.test(word) ? 's' : /^milli/.test(word) ? 'ms' : /^micro/.test(word) ? 'us' : /^nano/.test(word) ? 'ns' : undefined;
  return unit === undefined ? undefined : UNIT_NANOS[unit];
}
