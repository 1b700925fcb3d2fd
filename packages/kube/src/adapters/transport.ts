import { KubeError } from '@vfleet/core';
import * as http from 'node:http';
import * as https from 'node:https';
import type { Connection } from './connection.ts';
import type { ApiRequest } from './request.ts';

export interface Answer {
  readonly code: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

export interface TransportLimits {
  /** A request, or the opening of a watch, that has no answer by then is Unreachable. */
  readonly requestTimeoutMs: number;
  /** Longest answer that is read. */
  readonly answerBytesMax: number;
}

const SOCKET_KEEP_ALIVE_MS = 30_000;

/** Sends a request and reads the whole answer. A GET over a connection that the server had just closed is sent once more. */
export async function send(connection: Connection, request: ApiRequest, userAgent: string, limits: TransportLimits): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const { outgoing, answered } = await start(connection, request, userAgent, 'requests', limits.requestTimeoutMs);
    try {
      return await read(await answered, limits.answerBytesMax, limits.requestTimeoutMs);
    } catch (error) {
      const idleClosed = outgoing.reusedSocket && error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
      if (!idleClosed || request.method !== 'GET' || attempt > 2) throw unreachable(request, error);
    }
  }
}

/** Sends a request whose answer does not end by itself. */
export async function open(connection: Connection, request: ApiRequest, userAgent: string, limits: TransportLimits, signal: AbortSignal): Promise<http.IncomingMessage> {
  const { outgoing, answered } = await start(connection, request, userAgent, 'watches', limits.requestTimeoutMs);
  const abort = () => outgoing.destroy();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    const incoming = await answered;
    incoming.socket.setKeepAlive(true, SOCKET_KEEP_ALIVE_MS);
    return incoming;
  } catch (error) {
    throw unreachable(request, error);
  }
}

/** Reads an answer to its end as text. */
export function read(incoming: http.IncomingMessage, bytesMax: number, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => incoming.destroy(new Error(`the answer did not end within ${timeoutMs} ms`)), timeoutMs);
    incoming.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > bytesMax) incoming.destroy(new Error(`the answer is longer than ${bytesMax} bytes`));
      else parts.push(part);
    });
    incoming.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    incoming.once('close', () => {
      clearTimeout(timer);
      // A connection that breaks in the middle closes without an error when nobody reads any more.
      if (!incoming.complete) reject(new Error('the connection broke in the middle of the answer'));
    });
    incoming.once('end', () => {
      clearTimeout(timer);
      resolve({ code: incoming.statusCode ?? 0, retryAfter: incoming.headers['retry-after'], body: Buffer.concat(parts).toString('utf8') });
    });
  });
}

async function start(connection: Connection, request: ApiRequest, userAgent: string, pool: 'requests' | 'watches', timeoutMs: number) {
  const access = await connection.access();
  const { base } = access;
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const outgoing = (base.protocol === 'https:' ? https : http).request({
    agent: access[pool],
    protocol: base.protocol,
    host: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port === '' ? undefined : base.port,
    path: base.pathname.replace(/\/$/, '') + request.path,
    method: request.method,
    headers: {
      ...access.headers,
      Accept: 'application/json',
      'User-Agent': userAgent,
      ...(body === undefined ? {} : { 'Content-Type': request.contentType ?? 'application/json', 'Content-Length': body.length }),
    },
  });
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    const timer = setTimeout(() => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    outgoing.once('response', (incoming) => {
      clearTimeout(timer);
      resolve(incoming);
    });
    // Stays for the life of the request: an error after the answer began must not go unheard, it also ends the answer.
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    outgoing.once('close', () => {
      clearTimeout(timer);
      reject(new Error('the connection was closed before an answer'));
    });
  });
  outgoing.end(body);
  return { outgoing, answered };
}

function unreachable({ method, path }: ApiRequest, error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  const cause = error instanceof AggregateError ? error.errors.map(String).join('; ') : error instanceof Error ? error.message : String(error);
  return new KubeError('Unreachable', 0, `${method} ${path.split('?')[0]}: ${cause}`);
}
