import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';

/** Where and as whom to connect. */
export interface RawAccess {
  readonly url: string;
  readonly certificateAuthority: string;
  readonly token: string;
}

/**
 * One kept-alive HTTPS connection that has one request under way at a time, and does nothing that a load generator can do
 * without: no agents, no streams, no header objects. Answers are counted in bytes; their text is kept only where asked for.
 */
export class RawConnection {
  readonly #socket: TLSSocket;
  readonly #head: string;
  #buffer: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #done: ((answer: RawAnswer) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: TLSSocket, access: RawAccess) {
    this.#socket = socket;
    this.#head = ` HTTP/1.1\r\nHost: ${new URL(access.url).host}\r\nAuthorization: Bearer ${access.token}\r\nAccept: application/json\r\nUser-Agent: bench/1\r\n`;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#failed?.(error));
    socket.on('close', () => this.#failed?.(new Error('The server closed the connection.')));
  }

  static open(access: RawAccess): Promise<RawConnection> {
    const { hostname, port } = new URL(access.url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), ca: access.certificateAuthority, ALPNProtocols: ['http/1.1'] }, () => {
        socket.setNoDelay(true);
        socket.removeListener('error', reject);
        resolve(new RawConnection(socket, access));
      });
      socket.once('error', reject);
    });
  }

  send(method: string, path: string, body?: string, contentType = 'application/json'): Promise<RawAnswer> {
    const request = body === undefined
      ? `${method} ${path}${this.#head}\r\n`
      : `${method} ${path}${this.#head}Content-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('The server closed the connection.'));
      this.#done = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  /** Sends a request whose answer never ends, and hands over the connection's bytes from then on. */
  follow(path: string, onChunk: (chunk: Buffer) => void): void {
    this.#socket.removeAllListeners('data');
    this.#failed = undefined;
    this.#socket.on('data', onChunk);
    this.#socket.write(`GET ${path}${this.#head}\r\n`);
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    const answer = wholeAnswer(this.#buffer);
    if (answer === undefined) return;
    this.#buffer = Buffer.alloc(0);
    const done = this.#done;
    this.#done = undefined;
    this.#failed = undefined;
    done?.(answer);
  }
}

export interface RawAnswer {
  readonly status: number;
  readonly bytes: number;
  /** The body as it came, chunk frames included. */
  body(): string;
}

const headEnd = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

function wholeAnswer(buffer: Buffer): RawAnswer | undefined {
  const end = buffer.indexOf(headEnd);
  if (end === -1) return undefined;
  const head = buffer.toString('latin1', 0, end).toLowerCase();
  const start = end + headEnd.length;
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  const isWhole = length === undefined ? buffer.length >= start + lastChunk.length && buffer.subarray(-lastChunk.length).equals(lastChunk) : buffer.length >= start + Number(length);
  if (!isWhole) return undefined;
  return { status: Number(head.slice(9, 12)), bytes: buffer.length - start, body: () => buffer.toString('utf8', start) };
}
