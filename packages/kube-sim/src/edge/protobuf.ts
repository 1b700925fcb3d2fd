import { rfc3339, rfc3339Micro } from '@vfleet/core';
import type { GoField, GoScalar, GoStruct, GoType } from '../schema/go-type.ts';
import { setOwn } from '../values/json.ts';

/** Bytes that are no message of the expected type. */
export class ProtobufError extends Error {}

/** The envelope of Kubernetes' protobuf bodies (apimachinery pkg/runtime/serializer/protobuf): four bytes, then runtime.Unknown. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Buffer;
}

export function readEnvelope(bytes: Buffer): Envelope {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const unknown = readMessage(bytes.subarray(MAGIC.length));
  const typeMeta = readMessage(lastBytes(unknown, 1));
  return { apiVersion: lastBytes(typeMeta, 1).toString('utf8'), kind: lastBytes(typeMeta, 2).toString('utf8'), raw: lastBytes(unknown, 2) };
}

/** A message as the JSON value that Go would have decoded to the same object. Unknown fields are skipped, as protobuf has it. */
export function decodeProtobuf(bytes: Buffer, type: GoStruct): Record<string, unknown> {
  return decodeStruct(readMessage(bytes), type);
}

interface Field {
  readonly number: number;
  readonly wire: 0 | 1 | 2 | 5;
  readonly value: bigint;
  readonly bytes: Buffer;
}

const NONE = Buffer.alloc(0);

function readMessage(bytes: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new ProtobufError('unexpected EOF');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new ProtobufError('proto: integer overflow');
  };
  const take = (length: number) => {
    if (length < 0 || at + length > bytes.length) throw new ProtobufError('unexpected EOF');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0: fields.push({ number, wire: 0, value: varint(), bytes: NONE }); break;
      case 1: fields.push({ number, wire: 1, value: 0n, bytes: take(8) }); break;
      case 2: fields.push({ number, wire: 2, value: 0n, bytes: take(Number(varint())) }); break;
      case 5: fields.push({ number, wire: 5, value: 0n, bytes: take(4) }); break;
      default: throw new ProtobufError(`proto: illegal wireType ${tag % 8}`);
    }
  }
  return fields;
}

function lastBytes(fields: readonly Field[], number: number): Buffer {
  return fields.findLast((field) => field.number === number)?.bytes ?? NONE;
}

/** Fields of a struct by number; nested where Go embeds what protobuf nests. */
interface Layout {
  readonly fields: ReadonlyMap<number, GoField>;
  readonly nested: ReadonlyMap<number, Layout>;
}

const layouts = new WeakMap<GoStruct, Layout>();

function layoutOf(type: GoStruct): Layout {
  let layout = layouts.get(type);
  if (layout === undefined) {
    layout = buildLayout([...type.fields.values()].map((field) => ({ field, path: field.protobufPath })));
    layouts.set(type, layout);
  }
  return layout;
}

function buildLayout(entries: readonly { readonly field: GoField; readonly path: readonly number[] }[]): Layout {
  const nested = Map.groupBy(entries.filter(({ path }) => path.length > 1), ({ path }) => path[0]!);
  return {
    fields: new Map(entries.filter(({ path }) => path.length === 1).map(({ field, path }) => [path[0]!, field])),
    nested: new Map([...nested].map(([number, inner]) => [number, buildLayout(inner.map(({ field, path }) => ({ field, path: path.slice(1) })))])),
  };
}

function decodeStruct(message: readonly Field[], type: GoStruct): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  decodeInto(result, message, layoutOf(type));
  return result;
}

function decodeInto(result: Record<string, unknown>, message: readonly Field[], layout: Layout): void {
  for (const field of message) {
    const inner = layout.nested.get(field.number);
    if (inner !== undefined) decodeInto(result, readMessage(field.bytes), inner);
    const known = layout.fields.get(field.number);
    if (known !== undefined) add(result, known, field);
  }
}

function add(result: Record<string, unknown>, { name, type }: GoField, field: Field): void {
  if (type.kind === 'list') {
    const list = (result[name] ??= []) as unknown[];
    list.push(...(isPacked(type.items, field) ? unpack(field.bytes, type.items) : [decodeValue(field, type.items)]));
  } else if (type.kind === 'map') {
    const entry = readMessage(field.bytes);
    const value = entry.findLast((part) => part.number === 2) ?? { number: 2, wire: 2 as const, value: 0n, bytes: NONE };
    setOwn((result[name] ??= {}) as Record<string, unknown>, lastBytes(entry, 1).toString('utf8'), decodeValue(value, type.values));
  } else {
    const value = decodeValue(field, type);
    if (value !== undefined) result[name] = value;
  }
}

function isPacked(items: GoType, field: Field): boolean {
  return field.wire === 2 && (items.kind === 'int32' || items.kind === 'int64' || items.kind === 'bool');
}

function unpack(bytes: Buffer, items: GoType): readonly unknown[] {
  const values: unknown[] = [];
  for (let at = 0; at < bytes.length;) {
    let end = at;
    while ((bytes[end] ?? 0) >= 0x80) end++;
    const [field] = readMessage(Buffer.concat([Buffer.from([0x08]), bytes.subarray(at, end + 1)]));
    values.push(decodeValue(field!, items));
    at = end + 1;
  }
  return values;
}

function decodeValue(field: Field, type: GoType): unknown {
  switch (type.kind) {
    case 'struct': return decodeStruct(readMessage(field.bytes), type);
    case 'list':
    case 'map': return undefined;
    default: return decodeScalar(field, type);
  }
}

function decodeScalar({ value, bytes, wire }: Field, type: GoScalar): unknown {
  switch (type.kind) {
    case 'string': return bytes.toString('utf8');
    case 'bytes': return bytes.toString('base64');
    case 'bool': return value !== 0n;
    case 'int32':
    case 'int64': return Number(BigInt.asIntN(64, value));
    case 'float64': return wire === 1 ? bytes.readDoubleLE() : 0;
    case 'time': return timeOf(bytes, rfc3339);
    case 'microTime': return timeOf(bytes, rfc3339Micro);
    case 'quantity': return lastBytes(readMessage(bytes), 1).toString('utf8') || '0';
    case 'intOrString': return intOrString(readMessage(bytes));
    case 'any': return rawJson(bytes);
  }
}

function timeOf(bytes: Buffer, format: (epochMs: number) => string): string | undefined {
  const message = readMessage(bytes);
  const seconds = message.findLast((field) => field.number === 1)?.value;
  const nanos = message.findLast((field) => field.number === 2)?.value ?? 0n;
  if (seconds === undefined) return undefined;
  const epochMs = Number(BigInt.asIntN(64, seconds)) * 1000 + Math.trunc(Number(nanos) / 1e6);
  // Go's zero time, the year 1, means that there is none.
  return epochMs < -62_000_000_000_000 ? undefined : format(epochMs);
}

function intOrString(message: readonly Field[]): number | string {
  const isText = message.findLast((field) => field.number === 1)?.value === 1n;
  if (isText) return lastBytes(message, 3).toString('utf8');
  return Number(BigInt.asIntN(64, message.findLast((field) => field.number === 2)?.value ?? 0n));
}

/** RawExtension, FieldsV1 and JSON all carry JSON text in their first field. */
function rawJson(bytes: Buffer): unknown {
  const text = lastBytes(readMessage(bytes), 1).toString('utf8');
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ProtobufError('invalid JSON in a raw field');
  }
}
