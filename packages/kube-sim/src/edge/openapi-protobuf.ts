/**
 * /openapi/v2 as gnostic's protobuf (github.com/google/gnostic-models, openapiv2/OpenAPIv2.proto): what kubectl asks for when it
 * checks a manifest on its own side, as it does for a List. Paths are left out: nobody reads them there.
 */
type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** The bytes of one message. */
class Message {
  readonly #parts: Uint8Array[] = [];

  /** A string, bytes or another message; nothing for undefined. */
  field(number: number, value: string | Uint8Array | Message | undefined): this {
    if (value === undefined) return this;
    const bytes = value instanceof Message ? value.bytes() : typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    this.#parts.push(varint(number * 8 + 2), varint(bytes.length), bytes);
    return this;
  }

  flag(number: number, value: boolean): this {
    this.#parts.push(varint(number * 8), varint(value ? 1 : 0));
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...bytes, rest]);
}

/** Encodes a Swagger document: its title, its definitions. */
export function openApiProtobuf(document: Json): Buffer {
  const info = isObject(document['info']) ? document['info'] : {};
  return new Message()
    .field(1, '2.0')
    .field(2, new Message().field(1, text(info['title'])).field(2, text(info['version'])))
    .field(8, new Message())
    .field(9, named(document['definitions']))
    .bytes();
}

/** Definitions and properties are lists of pairs there. */
function named(schemas: unknown): Message {
  const message = new Message();
  for (const [name, schema] of Object.entries(isObject(schemas) ? schemas : {})) message.field(1, new Message().field(1, name).field(2, schemaMessage(schema)));
  return message;
}

function schemaMessage(value: unknown): Message {
  const schema = isObject(value) ? value : {};
  const message = new Message().field(1, text(schema['$ref'])).field(2, text(schema['format'])).field(4, text(schema['description']));
  for (const name of Array.isArray(schema['required']) ? schema['required'] : []) message.field(19, text(name));
  const { additionalProperties, type, items, properties } = schema;
  if (typeof additionalProperties === 'boolean') message.field(21, new Message().flag(2, additionalProperties));
  else if (isObject(additionalProperties)) message.field(21, new Message().field(1, schemaMessage(additionalProperties)));
  if (typeof type === 'string') message.field(22, new Message().field(1, type));
  if (isObject(items)) message.field(23, new Message().field(1, schemaMessage(items)));
  if (isObject(properties)) message.field(25, named(properties));
  for (const [name, extension] of Object.entries(schema)) {
    // YAML, which JSON is.
    if (name.startsWith('x-')) message.field(31, new Message().field(1, name).field(2, new Message().field(2, JSON.stringify(extension))));
  }
  return message;
}
