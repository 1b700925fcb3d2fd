import type { IncomingMessage, ServerResponse } from 'node:http';
import { StatusError } from '../errors/status.ts';
import type { Status } from '../errors/status.ts';
import type { User } from '../registry/request.ts';
import type { Store } from '../store/store.ts';
import type { EdgeLimits } from './limits/limits.ts';
import { endsConnection, lingerAfterAnswer } from './rest-of-request.ts';

/** Larger bodies are refused (apiserver MaxRequestBodyBytes). */
export const BODY_MAX_BYTES = 3 * 1024 * 1024;

/** What all exchanges of a server share. */
export interface ExchangeServer {
  readonly store: Pick<Store, 'durable'>;
  readonly limits: EdgeLimits;
  /** Whether a text is the bearer token that clients of this server show. */
  isToken(text: string): boolean;
}

/** Larger answers are not made while too much is left unread already. */
const SMALL_BYTES = 64 * 1024;

/** One HTTP request and its answer, without the parts of HTTP that no handler needs. */
export class Exchange {
  readonly method: string;
  readonly segments: readonly string[];
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: User;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly #warnings: string[] = [];
  readonly limits: EdgeLimits;
  readonly #store: Pick<Store, 'durable'>;
  /** As the server has it. */
  readonly isToken: (text: string) => boolean;
  #sending: Promise<void> | undefined;
  #received: Promise<Buffer> | undefined;

  /** Nothing leaves that tells of a write which `store` could still lose. */
  constructor(request: IncomingMessage, response: ServerResponse, user: User, { store, limits, isToken }: ExchangeServer) {
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    this.method = request.method ?? 'GET';
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
    this.segments = decodePath(this.path);
    this.user = user;
    this.request = request;
    this.response = response;
    this.#store = store;
    this.limits = limits;
    this.isToken = isToken;
  }

  /** Resolves when the answer is on its way. */
  get sent(): Promise<void> | undefined {
    return this.#sending;
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(',') : value;
  }

  warn(text: string): void {
    // One sentence once, as the real server has it.
    if (!this.#warnings.includes(text)) this.#warnings.push(text);
  }

  /** People look at the answers of these programs, so they get line breaks (apiserver negotiation isPrettyPrint). */
  get isPretty(): boolean {
    const asked = this.query.get('pretty');
    if (asked !== null) return asked === 'true' || asked === '1';
    return /^(curl|Wget|Mozilla\/5\.0)/.test(this.header('user-agent') ?? '');
  }

  /** Resolves when the body is here, or has been refused, which {@link body} tells. */
  async receive(): Promise<void> {
    if (this.method === 'GET' || this.method === 'HEAD') return;
    this.#received = this.#read();
    await this.#received.catch(() => undefined);
  }

  /** The whole body. Throws a StatusError (413) when it is too large. */
  body(): Promise<Buffer> {
    return (this.#received ??= this.#read());
  }

  /** Refused as soon as it is known to be too large. */
  async #read(): Promise<Buffer> {
    if (Number(this.header('content-length') ?? 0) > BODY_MAX_BYTES) throw tooLarge();
    const { received } = this.limits;
    const chunks: Buffer[] = [];
    let bytes = 0;
    this.response.once('close', () => received.give(bytes));
    for await (const chunk of this.request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      received.take(chunk.length);
      if (bytes > BODY_MAX_BYTES) throw tooLarge();
      if (received.isOver) throw new StatusError('TooManyRequests', 429, 'too many requests: their bodies take too much memory', { retryAfterSeconds: 1 });
      chunks.push(chunk);
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  /** No handler knows the path at all. */
  nothingHere(): void {
    this.text(404, '404 page not found\n', 'text/plain; charset=utf-8');
  }

  /** The server has no room for this request now (apiserver pkg/server/filters, tooManyRequests). */
  tooMany(): void {
    this.#send(429, 'Too many requests, please try again later.\n', 'text/plain; charset=utf-8', { 'retry-after': '1' });
  }

  json(code: number, value: object, contentType = 'application/json', headers: Readonly<Record<string, string>> = {}): void {
    this.text(code, `${JSON.stringify(value, null, this.isPretty ? 2 : undefined)}${this.isPretty ? '' : '\n'}`, contentType, headers);
  }

  /** An already encoded answer. */
  text(code: number, text: string, contentType: string | undefined, headers: Readonly<Record<string, string>> = {}): void {
    const pending = this.#store.durable();
    if (pending === undefined) return this.#send(code, text, contentType, headers);
    this.#sending = pending.then(
      () => this.#send(code, text, contentType, headers),
      (error: unknown) => {
        if (!(error instanceof StatusError)) throw error;
        this.#send(500, `${JSON.stringify(error.status)}\n`, 'application/json', {});
      },
    );
  }

  #send(code: number, text: string, contentType: string | undefined, headers: Readonly<Record<string, string>>): void {
    const { response } = this;
    if (response.headersSent || response.destroyed) return;
    const bytes = Buffer.byteLength(text);
    if (bytes > SMALL_BYTES && this.limits.unsent.isOver) return this.tooMany();
    const isLast = endsConnection(this.request);
    if (isLast) lingerAfterAnswer(this.response);
    response.writeHead(code, { ...this.#headers(), ...headers, ...(isLast ? { connection: 'close' } : {}), ...(contentType === undefined ? {} : { 'content-type': contentType }), 'content-length': bytes });
    response.end(this.method === 'HEAD' ? undefined : text);
    if (bytes > SMALL_BYTES && !response.writableFinished) this.#untilRead(bytes);
  }

  /** Counts what the client has not read yet, and does not wait for it for ever. */
  #untilRead(bytes: number): void {
    const { unsent, limits } = this.limits;
    unsent.take(bytes);
    const timer = setTimeout(() => this.response.destroy(), limits.readTimeoutMs);
    this.response.once('close', () => {
      clearTimeout(timer);
      unsent.give(bytes);
    });
  }

  /** Begins an answer of unknown length. */
  startStream(contentType: string): void {
    this.response.writeHead(200, { ...this.#headers(), 'content-type': contentType });
    this.response.flushHeaders();
  }

  status({ status }: StatusError): void {
    const retryAfter = status.details?.retryAfterSeconds;
    const body: Status = status;
    this.text(status.code ?? 500, `${JSON.stringify(body, null, this.isPretty ? 2 : undefined)}\n`, 'application/json', retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) });
  }

  #headers(): Record<string, string | string[]> {
    const warnings = this.#warnings.map((text) => `299 - "${text.replace(/["\\]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?')}"`);
    return { 'cache-control': 'no-cache, private', ...(warnings.length === 0 ? {} : { warning: warnings }) };
  }
}

function tooLarge(): StatusError {
  return new StatusError('RequestEntityTooLarge', 413, `Request entity too large: limit is ${BODY_MAX_BYTES}`);
}

/**
 * Path segments, decoded before they are split, as the real server does: an encoded slash is a slash. An empty segment within
 * stays and finds nothing; an escape that is none stays as it came.
 */
export function decodePath(path: string): readonly string[] {
  const segments = decoded(path).split('/');
  return segments.slice(1, segments.at(-1) === '' ? -1 : undefined);
}

function decoded(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
