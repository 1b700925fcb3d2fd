import { once } from 'node:events';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { FuzzRequest } from './requests.ts';

export interface Access {
  readonly host: string;
  readonly port: number;
  readonly certificateAuthority: string;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** What became of a request: an answer, an end of the connection without one, or silence. */
export type Outcome = { readonly kind: 'answer'; readonly reply: Reply } | { readonly kind: 'closed' } | { readonly kind: 'silence' };

const SILENCE_MS = 120_000;
/** How long broken requests are given: the server may rightly wait for the rest of them. */
const BROKEN_MS = 5;

/** One kept-alive connection that speaks raw bytes, opened anew whenever it is over. */
export class FuzzConnection {
  readonly #access: Access;
  #socket: TLSSocket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #changed: (() => void) | undefined;
  opened = 0;

  constructor(access: Access) {
    this.#access = access;
  }

  async send(request: FuzzRequest): Promise<Outcome> {
    const socket = await this.#open();
    socket.write(request.bytes);
    const outcome = await this.#answer(socket, request, request.isWellFormed ? SILENCE_MS : BROKEN_MS);
    if (!request.isWellFormed || outcome.kind !== 'answer') this.close();
    return outcome;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#received = Buffer.alloc(0);
  }

  async #open(): Promise<TLSSocket> {
    if (this.#socket !== undefined && !this.#socket.destroyed && this.#socket.writable && this.#socket.readable) return this.#socket;
    this.close();
    const { host, port, certificateAuthority } = this.#access;
    const socket = connect({ host, port, ca: certificateAuthority });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      if (this.#socket !== socket) return;
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#changed?.();
    });
    socket.on('error', () => socket.destroy());
    for (const event of ['close', 'end'] as const) socket.on(event, () => this.#changed?.());
    this.#socket = socket;
    this.opened++;
    await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]).catch(() => undefined);
    return socket;
  }

  async #answer(socket: TLSSocket, request: FuzzRequest, timeoutMs: number): Promise<Outcome> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = parseReply(this.#received, request);
      if (found !== undefined) {
        this.#received = this.#received.subarray(found.length);
        if (found.isOpen) this.close();
        return { kind: 'answer', reply: found.reply };
      }
      if (socket.destroyed || socket.readableEnded) return { kind: 'closed' };
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return { kind: 'silence' };
      await this.#change(leftMs);
    }
  }

  #change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#changed = undefined;
        resolve();
      };
      const timer = setTimeout(done, withinMs);
      this.#changed = done;
    });
  }
}

interface Found {
  readonly reply: Reply;
  readonly length: number;
  /** More may come: a stream, whose connection is given up. */
  readonly isOpen: boolean;
}

/** Undefined while the answer is not all there. */
function parseReply(received: Buffer, request: FuzzRequest): Found | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = received.toString('latin1', 0, end);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  if (status === 100) return parseReply(received.subarray(end + 4), request);
  const start = end + 4;
  if (request.method === 'HEAD' || status === 204 || status === 304 || status === 101) return { reply: { status, body: '' }, length: start, isOpen: status === 101 };
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const total = start + Number(length);
    return received.length < total ? undefined : { reply: { status, body: received.toString('utf8', start, total) }, length: total, isOpen: /\r\nconnection: *close/i.test(head) };
  }
  if (request.isWatch) return { reply: { status, body: '' }, length: received.length, isOpen: true };
  const last = received.indexOf('0\r\n\r\n', start);
  return last < 0 ? undefined : { reply: { status, body: '' }, length: last + 5, isOpen: false };
}
