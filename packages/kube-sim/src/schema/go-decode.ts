import { rfc3339 } from '@vfleet/core';
import { formatQuantity, parseQuantity } from '@vfleet/kube/quantities/quantity.ts';
import { frozen, getOwn, isObject, jsonTypeName } from '../values/json.ts';
import type { JsonObject } from '../values/json.ts';
import { goKindOf, goTypeOf } from '../values/go-print.ts';
import { GoTimeError, isCanonicalTime, parseGoTime } from '../values/go-time.ts';
import type { GoField, GoList, GoMap, GoScalar, GoStruct, GoType } from './go-type.ts';

/** A value that Go could not have decoded; the message is what the real server says after "cannot be handled as". */
export class GoDecodeError extends Error {
  /** What it says where the value is no text but an object already (apimachinery runtime/converter.go), as after a strategic merge patch. */
  readonly unstructured: string;

  constructor(message: string, unstructured = message) {
    super(message);
    this.unstructured = unstructured;
  }
}

/** Where a value stands, for messages only: put into words when there is something to say. */
interface Place {
  readonly outer: Place | undefined;
  /** The innermost struct. */
  readonly struct: string;
  /** A field of that struct, a key of a map, an index of a list; empty at the top. */
  readonly step: string | number;
  readonly isField: boolean;
}

const top = (struct: string): Place => ({ outer: undefined, struct, step: '', isField: false });

/** Names of all fields down to a place. */
function fieldsOf(place: Place): string {
  const outer = place.outer === undefined ? '' : fieldsOf(place.outer);
  if (!place.isField) return outer;
  return outer === '' ? String(place.step) : `${outer}.${place.step}`;
}

/** With keys of maps and indices of lists. */
function pathOf(place: Place): string {
  if (place.outer === undefined) return '';
  const outer = pathOf(place.outer);
  if (typeof place.step === 'number') return `${outer}[${place.step}]`;
  return outer === '' && place.isField ? place.step : `${outer}.${place.step}`;
}

/**
 * Decodes JSON as Go does for a built-in kind and writes it as Go would: unknown fields and nulls go, empty values of
 * omitempty fields go, fields that Go always writes appear, times and quantities take their canonical form. The result is
 * frozen; parts that were frozen and normal already are shared. `normal` has been decoded before, as the same type: parts of it
 * that stand in the same place of `value` are taken as they are.
 */
export function goDecode(value: JsonObject, type: GoStruct, hooks: DecodeHooks, normal?: JsonObject): JsonObject {
  return decodeStruct(value, type, top(type.name), hooks, normal);
}

export interface DecodeHooks {
  /** Told the path of every field that the type does not have. */
  unknown(path: string): void;
  /** Defaults by published definition, applied from the inside out. */
  readonly defaults: ReadonlyMap<string, (value: JsonObject) => JsonObject>;
}

function decode(value: unknown, type: GoType, place: Place, hooks: DecodeHooks, normal: unknown): unknown {
  switch (type.kind) {
    case 'struct':
      if (!isObject(value)) throw mismatch(value, type, place);
      return decodeStruct(value, type, place, hooks, isObject(normal) ? normal : undefined);
    case 'map': return decodeMap(value, type, place, hooks, isObject(normal) ? normal : undefined);
    case 'list': return decodeList(value, type, place, hooks, Array.isArray(normal) ? normal : undefined);
    default: return decodeScalar(value, type, place);
  }
}

function decodeStruct(value: JsonObject, type: GoStruct, place: Place, hooks: DecodeHooks, normal: JsonObject | undefined): JsonObject {
  if (value === normal) return value;
  const keys = Object.keys(value);
  let isSame = Object.isFrozen(value);
  const result: Record<string, unknown> = {};
  for (const key of keys) {
    const given = value[key];
    if (given === undefined) {
      isSame = false;
      continue;
    }
    const field = type.fields.get(key);
    if (field === undefined) {
      const path = pathOf(place);
      hooks.unknown(path === '' ? key : `${path}.${key}`);
      isSame = false;
      continue;
    }
    const known = normal === undefined ? undefined : getOwn(normal, key);
    const decoded = given === null ? undefined : given === known ? given : decodeField(given, field, { outer: place, struct: type.name, step: key, isField: true }, hooks, known);
    if (decoded === undefined) isSame &&= given === null && isWrittenAsNull(type, key);
    else {
      isSame &&= decoded === given;
      result[key] = decoded;
    }
  }
  for (const [name, written] of type.always) {
    if (result[name] !== undefined) continue;
    const field = type.fields.get(name)!.type;
    // A struct is there even where nothing is said of it, and gets its defaults.
    result[name] = field.kind === 'struct' && isObject(written) ? decodeStruct(NOTHING, field, place, hooks, undefined) : written;
    isSame &&= Object.hasOwn(value, name) && value[name] === written;
  }
  const decoded: JsonObject = isSame ? value : Object.freeze(result);
  const withDefaults = hooks.defaults.get(type.definition);
  return withDefaults === undefined ? decoded : withDefaults(decoded);
}

const NOTHING: JsonObject = Object.freeze({});

function isWrittenAsNull(type: GoStruct, key: string): boolean {
  return type.always.some(([name, written]) => name === key && written === null);
}

/** Undefined for what omitempty leaves out. */
function decodeField(given: unknown, field: GoField, place: Place, hooks: DecodeHooks, normal: unknown): unknown {
  const decoded = decode(given, field.type, place, hooks, normal);
  return field.keepsZero || !isEmpty(decoded, field.type) ? decoded : undefined;
}

function isEmpty(value: unknown, type: GoType): boolean {
  switch (type.kind) {
    case 'list': return Array.isArray(value) && value.length === 0;
    case 'map': return isObject(value) && Object.keys(value).length === 0;
    case 'struct':
    case 'any':
    case 'quantity':
    case 'intOrString': return false;
    default: return value === '' || value === 0 || value === false;
  }
}

function decodeMap(value: unknown, type: GoMap, place: Place, hooks: DecodeHooks, normal: JsonObject | undefined): unknown {
  if (!isObject(value)) throw mismatch(value, type, place);
  let isSame = Object.isFrozen(value);
  const entries = Object.keys(value).map((key) => {
    const given = value[key];
    const known = normal === undefined ? undefined : getOwn(normal, key);
    const decoded = given === null || given === undefined ? zero(type.values) : given === known ? given : decode(given, type.values, { outer: place, struct: place.struct, step: key, isField: false }, hooks, known);
    isSame &&= decoded === given;
    return [key, decoded] as const;
  });
  return isSame ? value : Object.freeze(Object.fromEntries(entries));
}

function decodeList(value: unknown, type: GoList, place: Place, hooks: DecodeHooks, normal: readonly unknown[] | undefined): unknown {
  if (!Array.isArray(value)) throw mismatch(value, type, place);
  let isSame = Object.isFrozen(value);
  const items = value.map((given: unknown, index) => {
    const known = normal?.[index];
    const decoded = given === null || given === undefined ? zero(type.items) : given === known ? given : decode(given, type.items, { outer: place, struct: place.struct, step: index, isField: false }, hooks, known);
    isSame &&= decoded === given;
    return decoded;
  });
  return isSame ? value : Object.freeze(items);
}

function zero(type: GoType): unknown {
  switch (type.kind) {
    case 'struct': return Object.freeze(Object.fromEntries(type.always));
    case 'string':
    case 'bytes': return '';
    case 'bool': return false;
    case 'int32':
    case 'int64':
    case 'float64':
    case 'intOrString': return 0;
    case 'quantity': return '0';
    default: return null;
  }
}

const INT32_MAX = 2 ** 31 - 1;

function decodeScalar(value: unknown, type: GoScalar, place: Place): unknown {
  switch (type.kind) {
    case 'string':
      if (typeof value !== 'string') throw mismatch(value, type, place);
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw mismatch(value, type, place);
      return value;
    case 'int32':
    case 'int64':
      if (typeof value !== 'number') throw mismatch(value, type, place);
      if (!Number.isInteger(value) || (type.kind === 'int32' && (value > INT32_MAX || value < -INT32_MAX - 1))) throw mismatch(value, type, place, ` ${value}`);
      return value;
    case 'float64':
      if (typeof value !== 'number') throw mismatch(value, type, place);
      return value;
    case 'bytes':
      if (typeof value !== 'string') throw mismatch(value, type, place);
      checkBase64(value);
      return value;
    case 'time':
    case 'microTime': return decodeTime(value, type);
    case 'quantity': return decodeQuantity(value);
    case 'intOrString': return decodeIntOrString(value);
    case 'any': return frozen(value);
  }
}

function checkBase64(text: string): void {
  const cleaned = text.replace(/[\r\n]/g, '');
  const match = /^[A-Za-z0-9+/]*={0,2}/.exec(cleaned)![0];
  if (match.length === cleaned.length && cleaned.length % 4 === 0) return;
  const why = `illegal base64 data at input byte ${Math.min(match.length, Math.floor(cleaned.length / 4) * 4)}`;
  throw new GoDecodeError(why, `error decoding from json: ${why}`);
}

function decodeTime(value: unknown, type: GoScalar): string {
  if (typeof value !== 'string') throw new GoDecodeError(`json: cannot unmarshal ${jsonTypeName(value)} into Go value of type string`);
  if (isCanonicalTime(value, type.kind === 'time' ? 'seconds' : 'micros')) return value;
  try {
    if (type.kind === 'time') return rfc3339(parseGoTime(value, 'seconds').epochMs);
    const { epochMs, fraction } = parseGoTime(value, 'micros');
    return `${rfc3339(epochMs).slice(0, -1)}.${fraction}Z`;
  } catch (error) {
    if (error instanceof GoTimeError) throw new GoDecodeError(error.message);
    throw error;
  }
}

/** Texts that are canonical as they stand, which nearly all are. */
const CANONICAL = /^(0|[1-9]\d{0,2}([munkMGTPE]|[KMGTPE]i)?)$/;

function decodeQuantity(value: unknown): string {
  if (typeof value === 'string' && CANONICAL.test(value) && value !== '0') return value;
  const parsed = typeof value === 'string' || typeof value === 'number' ? parseQuantity(value) : undefined;
  if (parsed?.ok !== true) throw new GoDecodeError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  return formatQuantity(parsed.value);
}

function decodeIntOrString(value: unknown): number | string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= INT32_MAX) return value;
  throw new GoDecodeError(`json: cannot unmarshal ${jsonTypeName(value)}${typeof value === 'number' ? ` ${value}` : ''} into Go value of type int32`);
}

function mismatch(value: unknown, type: GoType, place: Place, exact = ''): GoDecodeError {
  const { struct } = place;
  const fields = fieldsOf(place);
  const where = struct === '' || fields === '' ? 'Go value' : `Go struct field ${struct}.${fields}`;
  return new GoDecodeError(`json: cannot unmarshal ${jsonTypeName(value)}${exact} into ${where} of type ${type.kind === 'bytes' ? '[]uint8' : type.goType}`, unstructuredMismatch(value, type));
}

function unstructuredMismatch(value: unknown, type: GoType): string {
  switch (type.kind) {
    case 'struct': return `cannot restore struct from: ${goKindOf(value)}`;
    case 'map': return `cannot restore map from ${goKindOf(value)}`;
    case 'list':
    case 'bytes': return `cannot restore slice from ${goKindOf(value)}`;
    // Only what Go itself converts is looked at: a whole number becomes a text there, but not here.
    case 'string': return goTypeOf(value) === 'int64' ? `cannot convert int64 to ${type.goType}` : 'unrecognized type: string';
    case 'int32':
    case 'int64': return typeof value === 'number' ? `cannot convert ${goTypeOf(value)} to ${type.goType}` : `unrecognized type: ${type.kind}`;
    default: return `unrecognized type: ${type.kind}`;
  }
}
