/** RFC 6455, section 5.2. */
export const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** One message, or one control frame. */
export interface Message {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Larger messages are refused: the channels of exec carry what a person types. */
export const MESSAGE_MAX_BYTES = 1024 * 1024;

/** A peer broke the protocol; the connection ends with this code (RFC 6455, section 7.4.1). */
export class WebSocketError extends Error {
  override readonly name = 'WebSocketError';
  readonly closeCode: 1002 | 1009;

  constructor(closeCode: 1002 | 1009, message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}

/** Puts a client's frames together to messages, whatever pieces they arrive in. */
export class FrameReader {
  #buffered: Buffer = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  #fragmentBytes = 0;
  #fragmentOpcode = 0;

  /** The messages that are complete with `chunk`. Throws {@link WebSocketError}. */
  push(chunk: Buffer): readonly Message[] {
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    const messages: Message[] = [];
    for (;;) {
      const frame = readFrame(this.#buffered);
      if (frame === undefined) return messages;
      this.#buffered = this.#buffered.subarray(frame.length);
      const message = frame.opcode >= opcodes.close ? { opcode: frame.opcode, payload: frame.payload } : this.#joined(frame);
      if (message !== undefined) messages.push(message);
    }
  }

  #joined({ opcode, final, payload }: Frame): Message | undefined {
    const isFirst = this.#fragmentOpcode === 0;
    if (isFirst === (opcode === opcodes.continuation)) throw new WebSocketError(1002, 'a fragment out of order');
    if (isFirst) this.#fragmentOpcode = opcode;
    this.#fragmentBytes += payload.length;
    if (this.#fragmentBytes > MESSAGE_MAX_BYTES) throw new WebSocketError(1009, `a message of more than ${MESSAGE_MAX_BYTES} bytes`);
    this.#fragments.push(payload);
    if (!final) return undefined;
    const message = { opcode: this.#fragmentOpcode, payload: this.#fragments.length === 1 ? payload : Buffer.concat(this.#fragments) };
    this.#fragments = [];
    this.#fragmentBytes = 0;
    this.#fragmentOpcode = 0;
    return message;
  }
}

interface Frame {
  readonly opcode: number;
  readonly final: boolean;
  readonly payload: Buffer;
  /** Of the whole frame. */
  readonly length: number;
}

/** Undefined when more bytes are needed. */
function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const opcode = first & 0x0f;
  const final = (first & 0x80) !== 0;
  if ((first & 0x70) !== 0) throw new WebSocketError(1002, 'reserved bits are set');
  if ((second & 0x80) === 0) throw new WebSocketError(1002, 'a frame of a client must be masked');
  if (opcode > opcodes.binary && opcode < opcodes.close || opcode > opcodes.pong) throw new WebSocketError(1002, `opcode ${opcode} is reserved`);
  const short = second & 0x7f;
  if (opcode >= opcodes.close && (!final || short > 125)) throw new WebSocketError(1002, 'a control frame is fragmented or too long');
  const headerLength = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < headerLength) return undefined;
  const size = short === 126 ? BigInt(bytes.readUInt16BE(2)) : short === 127 ? bytes.readBigUInt64BE(2) : BigInt(short);
  if (size > BigInt(MESSAGE_MAX_BYTES)) throw new WebSocketError(1009, `a frame of ${size} bytes`);
  const start = headerLength + 4;
  const length = start + Number(size);
  if (bytes.length < length) return undefined;
  const payload = Buffer.from(bytes.subarray(start, length));
  for (let at = 0; at < payload.length; at++) payload[at]! ^= bytes[headerLength + (at & 3)]!;
  return { opcode, final, payload, length };
}

/** A whole message in one frame, as servers send it: not masked. */
export function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const header = length < 126 ? Buffer.from([0x80 | opcode, length]) : length < 65_536 ? Buffer.from([0x80 | opcode, 126, length >> 8, length & 0xff]) : Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (length >= 65_536) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}
