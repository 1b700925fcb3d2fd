import { MalformedMessage, align4, attributeTable, readText, viewOf } from './attributes.ts';

/** Flags of struct nlmsghdr (include/uapi/linux/netlink.h). */
export const NLM = { request: 0x1, multi: 0x2, ack: 0x4, dumpInterrupted: 0x10, dump: 0x300, replace: 0x100, exclusive: 0x200, create: 0x400, append: 0x800 } as const;
/** Flags that an error or done message carries: how its tail is to be read. */
const CAPPED = 0x100;
const ACK_TLVS = 0x200;
const TYPE_ERROR = 2;
const TYPE_DONE = 3;
const TYPE_OVERRUN = 4;
const HEADER_BYTES = 16;
const EXTACK_MESSAGE = 1;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  readonly payload: Uint8Array;
}

export function encodeMessage(message: Message): Uint8Array {
  return new MessageRoom(HEADER_BYTES + message.payload.length).put(message);
}

/** The first bytes of a buffer. Those of the last time are kept: most datagrams are as long as the one before, and to make a view costs more than to read one. */
export class Beginning {
  readonly #buffer: Uint8Array;
  #last: Uint8Array;

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer;
    this.#last = buffer;
  }

  of(length: number): Uint8Array {
    if (this.#last.length !== length) this.#last = this.#buffer.subarray(0, length);
    return this.#last;
  }
}

/** Room for one message at a time, which is made anew only for a larger one. */
export class MessageRoom {
  #bytes: Uint8Array;
  #view: DataView;
  #beginning: Beginning;

  constructor(bytes = 1024) {
    this.#bytes = new Uint8Array(bytes);
    this.#view = viewOf(this.#bytes);
    this.#beginning = new Beginning(this.#bytes);
  }

  /** The message's bytes, until the next one is put here. */
  put({ type, flags, sequence, port, payload }: Message): Uint8Array {
    const length = HEADER_BYTES + payload.length;
    if (length > this.#bytes.length) {
      this.#bytes = new Uint8Array(length);
      this.#view = viewOf(this.#bytes);
      this.#beginning = new Beginning(this.#bytes);
    }
    const view = this.#view;
    view.setUint32(0, length, true);
    view.setUint16(4, type, true);
    view.setUint16(6, flags, true);
    view.setUint32(8, sequence, true);
    view.setUint32(12, port, true);
    this.#bytes.set(payload, HEADER_BYTES);
    return this.#beginning.of(length);
  }
}

/** The messages of one datagram. */
export function decodeMessages(datagram: Uint8Array): readonly Message[] {
  const view = viewOf(datagram);
  const found: Message[] = [];
  for (let at = 0; at < datagram.length; ) {
    if (at + HEADER_BYTES > datagram.length) throw new MalformedMessage(`message header cut off at ${at} of ${datagram.length}`);
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > datagram.length) throw new MalformedMessage(`message of ${length} bytes at ${at} of ${datagram.length}`);
    found.push({
      type: view.getUint16(at + 4, true), flags: view.getUint16(at + 6, true), sequence: view.getUint32(at + 8, true), port: view.getUint32(at + 12, true),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += align4(length);
  }
  return found;
}

/** Whether a datagram is nothing but the word that a request was carried out: most answers are, and are told without being taken apart. */
export function isAcknowledgement(datagram: Uint8Array, sequence: number): boolean {
  return (
    datagram.length >= HEADER_BYTES + 4 && wordAt(datagram, 0) === datagram.length && datagram[4] === TYPE_ERROR && datagram[5] === 0 && wordAt(datagram, 8) === sequence && wordAt(datagram, HEADER_BYTES) === 0
  );
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** How a message ends what was asked: not at all, well, or with an errno and the kernel's own words. */
export type Ending = { readonly kind: 'none' } | { readonly kind: 'done' } | { readonly kind: 'overrun' } | { readonly kind: 'error'; readonly errno: number; readonly says?: string };

/** Reads NLMSG_ERROR, NLMSG_DONE and NLMSG_OVERRUN, with the text of an extended acknowledgement. */
export function endingOf(message: Message): Ending {
  if (message.type === TYPE_OVERRUN) return { kind: 'overrun' };
  if (message.type !== TYPE_ERROR && message.type !== TYPE_DONE) return { kind: 'none' };
  if (message.payload.length < 4) {
    if (message.type === TYPE_DONE) return { kind: 'done' };
    throw new MalformedMessage('error message without a number');
  }
  const status = viewOf(message.payload).getInt32(0, true);
  if (status === 0) return { kind: 'done' };
  const says = (message.flags & ACK_TLVS) === 0 ? undefined : extendedText(message);
  return { kind: 'error', errno: Math.abs(status), ...(says === undefined || says === '' ? {} : { says }) };
}

/** The attributes follow the number, and in an error also what was asked: all of it, or its header only. */
function extendedText(message: Message): string | undefined {
  let at = 4;
  if (message.type === TYPE_ERROR) {
    if (message.payload.length < 4 + HEADER_BYTES) return undefined;
    const asked = viewOf(message.payload).getUint32(4, true);
    at += (message.flags & CAPPED) !== 0 ? HEADER_BYTES : align4(Math.max(asked, HEADER_BYTES));
  }
  if (at >= message.payload.length) return undefined;
  const words = attributeTable(message.payload.subarray(at)).get(EXTACK_MESSAGE);
  return words === undefined ? undefined : readText(words);
}
