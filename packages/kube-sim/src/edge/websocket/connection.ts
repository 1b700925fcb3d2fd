import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { encodeFrame, FrameReader, opcodes, WebSocketError } from './frames.ts';

/** RFC 6455, section 1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** A client that reads slower than this behind is cut off. */
const UNSENT_MAX_BYTES = 16 * 1024 * 1024;
const CLOSE_TIMEOUT_MS = 5000;

/** Undefined: the request is none that this server can upgrade. Else the first protocol of `protocols` that the client offers, and the key. */
export function handshakeOf(request: IncomingMessage, protocols: readonly string[]): { readonly key: string; readonly protocol: string } | undefined {
  const key = request.headers['sec-websocket-key'];
  if (request.method !== 'GET' || request.headers['sec-websocket-version'] !== '13' || key === undefined || !/^[A-Za-z0-9+/]{22}==$/.test(key)) return undefined;
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  const protocol = protocols.find((one) => offered.includes(one));
  return protocol === undefined ? undefined : { key, protocol };
}

/** One upgraded connection: binary messages in both directions. */
export class WebSocketConnection {
  readonly protocol: string;
  readonly #socket: Duplex;
  readonly #reader = new FrameReader();
  #isClosing = false;
  /** Called with each message of data. */
  onMessage: (payload: Buffer) => void = () => undefined;
  /** Called once, when the connection is over. */
  onEnd: () => void = () => undefined;

  constructor(socket: Duplex, { key, protocol }: { readonly key: string; readonly protocol: string }) {
    this.protocol = protocol;
    this.#socket = socket;
    const accept = createHash('sha1').update(key + ACCEPT_SUFFIX).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`);
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.once('close', () => this.onEnd());
  }

  /** Bytes from the client; also those that came with its request. */
  receive(chunk: Buffer): void {
    try {
      for (const { opcode, payload } of this.#reader.push(chunk)) {
        if (opcode === opcodes.ping) this.#write(opcodes.pong, payload);
        else if (opcode === opcodes.close) this.close(1000);
        else if (opcode !== opcodes.pong && !this.#isClosing) this.onMessage(payload);
      }
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.close(error.closeCode);
    }
  }

  send(payload: Buffer): void {
    if (!this.#isClosing) this.#write(opcodes.binary, payload);
    if (this.#socket.writableLength > UNSENT_MAX_BYTES) this.#socket.destroy();
  }

  /** Says goodbye and ends. */
  close(code: number): void {
    if (this.#isClosing) return;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#write(opcodes.close, payload);
    this.#isClosing = true;
    this.#socket.end();
    // A client that does not answer the goodbye is not waited for.
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #write(opcode: number, payload: Buffer): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(opcode, payload));
  }
}
