/** What the kernel sent cannot be what its headers say: too short, or lengths that point outside. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** One attribute (struct nlattr, include/uapi/linux/netlink.h). The payload is a view into the message. */
export interface Attribute {
  readonly type: number;
  readonly payload: Uint8Array;
}

const HEADER_BYTES = 4;
const NESTED = 0x8000;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const TYPE_MASK = 0x3fff;

export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** The attributes in `bytes`, in order, or those of the types that are wanted. Numbers in netlink are in the byte order of the host; every host that runs this is little-endian. */
export function decodeAttributes(bytes: Uint8Array, wanted?: ReadonlySet<number>): readonly Attribute[] {
  const found: Attribute[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes[at]! | (bytes[at + 1]! << 8);
    if (length < HEADER_BYTES || at + length > bytes.length) throw new MalformedMessage(`attribute of ${length} bytes at ${at} of ${bytes.length}`);
    const type = (bytes[at + 2]! | (bytes[at + 3]! << 8)) & TYPE_MASK;
    if (wanted === undefined || wanted.has(type)) found.push({ type, payload: bytes.subarray(at + HEADER_BYTES, at + length) });
    at += align4(length);
  }
  return found;
}

/** The last attribute of a type wins, as in the kernel's nla_parse. */
export function attributeTable(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  return new Map(decodeAttributes(bytes).map(({ type, payload }) => [type, payload]));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function readU8(payload: Uint8Array, at = 0): number {
  return need(payload, at + 1)[at]!;
}

export function readU16(payload: Uint8Array, at = 0): number {
  return viewOf(need(payload, at + 2)).getUint16(at, true);
}

export function readU32(payload: Uint8Array, at = 0): number {
  return viewOf(need(payload, at + 4)).getUint32(at, true);
}

export function readU64(payload: Uint8Array, at = 0): bigint {
  return viewOf(need(payload, at + 8)).getBigUint64(at, true);
}

/** Text up to its closing zero. Bytes that are no UTF-8 become replacement characters: they are shown, never used as a name. */
export function readText(payload: Uint8Array): string {
  const end = payload.indexOf(0);
  const bytes = end < 0 ? payload : payload.subarray(0, end);
  // Nearly all names are ASCII; a decoder costs many times what they do.
  return bytes.length <= ASCII_BYTES_MAX && bytes.every((byte) => byte < 0x80) ? String.fromCharCode(...bytes) : new TextDecoder().decode(bytes);
}

const ASCII_BYTES_MAX = 256;

/** `52:54:00:12:34:56`. */
export function readMac(payload: Uint8Array): string {
  let mac = '';
  for (const byte of payload) mac += `${mac === '' ? '' : ':'}${HEX[byte >> 4]}${HEX[byte & 0xf]}`;
  return mac;
}

const HEX = '0123456789abcdef';

function need(payload: Uint8Array, length: number): Uint8Array {
  if (payload.length < length) throw new MalformedMessage(`attribute of ${payload.length} bytes where ${length} are needed`);
  return payload;
}

// ---- writing ---------------------------------------------------------------------------------------------------------------------

export function bytesOf(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** An attribute with its padding. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const length = HEADER_BYTES + payload.length;
  if (length > 0xffff) throw new RangeError(`an attribute holds at most 65531 bytes, not ${payload.length}`);
  const whole = new Uint8Array(align4(length));
  const view = viewOf(whole);
  view.setUint16(0, length, true);
  view.setUint16(2, type, true);
  whole.set(payload, HEADER_BYTES);
  return whole;
}

export function nested(type: number, ...children: readonly Uint8Array[]): Uint8Array {
  return attribute(type | NESTED, bytesOf(...children));
}

export function u8(value: number): Uint8Array {
  return new Uint8Array([value]);
}

export function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, value, true);
  return bytes;
}

/** Also for negative numbers: the kernel's int fields have the same bits. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value >>> 0, true);
  return bytes;
}

export function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, value, true);
  return bytes;
}

/** With the closing zero. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

/** The bytes of `52:54:00:12:34:56` and of longer hardware addresses; undefined for other text. */
export function hexBytes(value: string): Uint8Array | undefined {
  return /^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(value) ? new Uint8Array(value.split(':').map((part) => parseInt(part, 16))) : undefined;
}
