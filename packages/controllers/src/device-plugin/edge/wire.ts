/**
 * The protobuf wire format (protobuf.dev, "Encoding"), as much of it as the kubelet's APIs use: varints, texts, messages, lists and
 * maps of texts. A schema library would triple what the process loads for a dozen small messages.
 */

/** A message that is not one: cut off, of a wrong wire type, or with a value that is out of range. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

export class WireWriter {
  readonly #chunks: Buffer[] = [];

  varint(value: bigint): void {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, value);
    do {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      bytes.push(rest === 0n ? low : low | 0x80);
    } while (rest !== 0n);
    this.#chunks.push(Buffer.from(bytes));
  }

  tag(number: number, wireType: number): void {
    this.varint(BigInt(number * 8 + wireType));
  }

  delimited(number: number, bytes: Buffer): void {
    this.tag(number, DELIMITED);
    this.varint(BigInt(bytes.length));
    this.#chunks.push(bytes);
  }

  finish(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** An unsigned 64-bit number; ten bytes at most. */
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new WireError('a number is cut off');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new WireError('a number has more than ten bytes');
  }

  tag(): { readonly number: number; readonly wireType: number } {
    const tag = this.varint();
    if (tag >> 3n === 0n || tag > 0xffff_ffffn) throw new WireError('a field has no valid number');
    return { number: Number(tag >> 3n), wireType: Number(tag & 7n) };
  }

  delimited(): Buffer {
    return this.#take(this.varint());
  }

  skip(wireType: number): void {
    if (wireType === VARINT) this.varint();
    else if (wireType === FIXED64) this.#take(8n);
    else if (wireType === DELIMITED) this.delimited();
    else if (wireType === FIXED32) this.#take(4n);
    else throw new WireError(`wire type ${wireType} is not in use`);
  }

  #take(length: bigint): Buffer {
    if (length > BigInt(this.#bytes.length - this.#at)) throw new WireError('a field is cut off');
    const start = this.#at;
    this.#at += Number(length);
    return this.#bytes.subarray(start, this.#at);
  }
}

/** One field of a message: its number and how its value goes over the wire. Fields that are empty are not written (proto3). */
export interface Field<Value> {
  readonly number: number;
  readonly empty: Value;
  write(writer: WireWriter, value: Value): void;
  /** `before` is what was read of this field so far. */
  read(reader: WireReader, wireType: number, before: Value): Value;
}

export interface MessageType<Value> {
  encode(value: Value): Buffer;
  /** Unknown fields are passed over. Throws {@link WireError}. */
  decode(bytes: Buffer): Value;
}

type ValueOf<Fields> = { readonly [Name in keyof Fields]: Fields[Name] extends Field<infer Value> ? Value : never };

export function message<Fields extends Readonly<Record<string, Field<unknown>>>>(fields: Fields): MessageType<ValueOf<Fields>> {
  const entries = Object.entries<Field<unknown>>(fields);
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]));
  return {
    encode(value) {
      const writer = new WireWriter();
      for (const [name, field] of entries) field.write(writer, (value as Readonly<Record<string, unknown>>)[name]);
      return writer.finish();
    },
    decode(bytes) {
      const value: Record<string, unknown> = Object.fromEntries(entries.map(([name, field]) => [name, field.empty]));
      const reader = new WireReader(bytes);
      while (!reader.done) {
        const { number, wireType } = reader.tag();
        const known = byNumber.get(number);
        if (known === undefined) reader.skip(wireType);
        else value[known.name] = known.field.read(reader, wireType, value[known.name]);
      }
      return value as ValueOf<Fields>;
    },
  };
}

export function text(number: number): Field<string> {
  return {
    number,
    empty: '',
    write: (writer, value) => (value === '' ? undefined : writer.delimited(number, Buffer.from(value, 'utf8'))),
    read: (reader, wireType) => utf8(delimited(reader, wireType)),
  };
}

export function flag(number: number): Field<boolean> {
  return {
    number,
    empty: false,
    write(writer, value) {
      if (!value) return;
      writer.tag(number, VARINT);
      writer.varint(1n);
    },
    read(reader, wireType) {
      expectWireType(wireType, VARINT);
      return reader.varint() !== 0n;
    },
  };
}

/** int32 and int64. Beyond the safe integers of JavaScript no value of these APIs has a meaning. */
export function integer(number: number): Field<number> {
  return {
    number,
    empty: 0,
    write(writer, value) {
      if (value === 0) return;
      writer.tag(number, VARINT);
      writer.varint(BigInt(value));
    },
    read(reader, wireType) {
      expectWireType(wireType, VARINT);
      const value = Number(BigInt.asIntN(64, reader.varint()));
      if (!Number.isSafeInteger(value)) throw new WireError(`${value} is out of range`);
      return value;
    },
  };
}

export function texts(number: number): Field<readonly string[]> {
  return {
    number,
    empty: [],
    write: (writer, values) => values.forEach((value) => writer.delimited(number, Buffer.from(value, 'utf8'))),
    read: (reader, wireType, before) => appended(before, utf8(delimited(reader, wireType))),
  };
}

export function list<Value>(number: number, type: MessageType<Value>): Field<readonly Value[]> {
  return {
    number,
    empty: [],
    write: (writer, values) => values.forEach((value) => writer.delimited(number, type.encode(value))),
    read: (reader, wireType, before) => appended(before, type.decode(delimited(reader, wireType))),
  };
}

/** A message that may be left out. Of several, the last counts: none of these APIs sends one in pieces. */
export function optional<Value>(number: number, type: MessageType<Value>): Field<Value | undefined> {
  return {
    number,
    empty: undefined,
    write: (writer, value) => (value === undefined ? undefined : writer.delimited(number, type.encode(value))),
    read: (reader, wireType) => type.decode(delimited(reader, wireType)),
  };
}

/** `map<string, string>`: a list of pairs on the wire. Written in the order of the object. */
export function textMap(number: number): Field<Readonly<Record<string, string>>> {
  const pair = message({ key: text(1), value: text(2) });
  return {
    number,
    empty: {},
    write: (writer, values) => Object.entries(values).forEach(([key, value]) => writer.delimited(number, pair.encode({ key, value }))),
    read(reader, wireType, before) {
      const { key, value } = pair.decode(delimited(reader, wireType));
      // Object.fromEntries makes own properties of every key, `__proto__` included.
      return Object.fromEntries([...Object.entries(before), [key, value]]);
    },
  };
}

/** Lists are read one element at a time: each is made once and then grown, and nobody else sees it before the message is done. */
function appended<Value>(before: readonly Value[], value: Value): readonly Value[] {
  if (before.length === 0) return [value];
  (before as Value[]).push(value);
  return before;
}

function delimited(reader: WireReader, wireType: number): Buffer {
  expectWireType(wireType, DELIMITED);
  return reader.delimited();
}

function expectWireType(actual: number, wanted: number): void {
  if (actual !== wanted) throw new WireError(`wire type ${actual} where ${wanted} is expected`);
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new WireError('a text is not UTF-8');
  }
}
