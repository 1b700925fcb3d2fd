/** Netlink's bytes as the kernel writes and reads them (include/uapi/linux/netlink.h); little-endian, as every machine that runs this. */

const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

/** What a request says cannot be: EINVAL, as nla_parse answers. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly errno: string;

  constructor(errno: string, says: string) {
    super(says);
    this.errno = errno;
  }
}

const aligned = (length: number): number => (length + 3) & ~3;

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function attr(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(aligned(4 + value.length));
  view(bytes).setUint16(0, 4 + value.length, true);
  view(bytes).setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

export const nest = (type: number, ...children: readonly Uint8Array[]): Uint8Array => attr(type | NESTED, concat(...children));
export const byte = (value: number): Uint8Array => new Uint8Array([value]);
export const word16 = (value: number): Uint8Array => new Uint8Array(new Uint16Array([value]).buffer);
export const word32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
export const word64 = (value: bigint): Uint8Array => new Uint8Array(new BigUint64Array([value]).buffer);
export const string = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);
export const hexPairs = (value: string): Uint8Array => new Uint8Array(value.split(':').map((pair) => parseInt(pair, 16)));

export interface Attr {
  readonly type: number;
  readonly value: Uint8Array;
}

export function readAttrs(bytes: Uint8Array): readonly Attr[] {
  const found: Attr[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view(bytes).getUint16(at, true);
    if (length < 4 || at + length > bytes.length) throw new BadRequest('EINVAL', 'attribute length');
    found.push({ type: view(bytes).getUint16(at + 2, true) & TYPE_MASK, value: bytes.subarray(at + 4, at + length) });
    at += aligned(length);
  }
  return found;
}

/** The last of a type counts. */
export function attrMap(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  return new Map(readAttrs(bytes).map(({ type, value }) => [type, value]));
}

function sized(value: Uint8Array, length: number): DataView {
  if (value.length < length) throw new BadRequest('ERANGE', 'attribute too short');
  return view(value);
}

export const getByte = (value: Uint8Array, at = 0): number => sized(value, at + 1).getUint8(at);
export const get16 = (value: Uint8Array, at = 0): number => sized(value, at + 2).getUint16(at, true);
export const get32 = (value: Uint8Array, at = 0): number => sized(value, at + 4).getUint32(at, true);
export const get64 = (value: Uint8Array, at = 0): bigint => sized(value, at + 8).getBigUint64(at, true);

export function getString(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

export const getPairs = (value: Uint8Array): string => [...value].map((one) => one.toString(16).padStart(2, '0')).join(':');

// ---- messages --------------------------------------------------------------------------------------------------------------------

export interface Request {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  readonly bytes: Uint8Array;
}

const FLAG = { multi: 0x2, ack: 0x4, dump: 0x300, capped: 0x100, tlvs: 0x200 } as const;

export const isDump = ({ flags }: Request): boolean => (flags & FLAG.dump) === FLAG.dump;

export function readRequest(bytes: Uint8Array): Request {
  const header = sized(bytes, 16);
  const length = header.getUint32(0, true);
  if (length < 16 || length > bytes.length) throw new BadRequest('EINVAL', 'message length');
  return { type: header.getUint16(4, true), flags: header.getUint16(6, true), sequence: header.getUint32(8, true), payload: bytes.subarray(16, length), bytes };
}

export function message(type: number, flags: number, sequence: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(aligned(16 + payload.length));
  view(bytes).setUint32(0, 16 + payload.length, true);
  view(bytes).setUint16(4, type, true);
  view(bytes).setUint16(6, flags, true);
  view(bytes).setUint32(8, sequence, true);
  bytes.set(payload, 16);
  return bytes;
}

/** NLMSG_ERROR with an errno, or with 0 as an acknowledgement; the kernel's words as an extended acknowledgement. */
export function verdict(request: Request, errno: number, says?: string): Uint8Array {
  const flags = FLAG.capped | (says === undefined ? 0 : FLAG.tlvs);
  return message(2, flags, request.sequence, concat(word32(-errno >>> 0), request.bytes.slice(0, 16), ...(says === undefined ? [] : [attr(1, string(says))])));
}

/** Largest datagram of a dump (net/netlink/af_netlink.c: NLMSG_GOODSIZE up to 32 kB). */
const DUMP_BYTES = 32_768;

/** The answers of a dump, several in a datagram, and NLMSG_DONE at its end. */
export function dumpOf(request: Request, type: number, payloads: readonly Uint8Array[]): readonly Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  let open: Uint8Array[] = [];
  let size = 0;
  for (const payload of payloads) {
    const one = message(type, FLAG.multi, request.sequence, payload);
    if (size + one.length > DUMP_BYTES && open.length > 0) {
      datagrams.push(concat(...open));
      [open, size] = [[], 0];
    }
    open.push(one);
    size += one.length;
  }
  if (open.length > 0) datagrams.push(concat(...open));
  return [...datagrams, message(3, FLAG.multi, request.sequence, word32(0))];
}
