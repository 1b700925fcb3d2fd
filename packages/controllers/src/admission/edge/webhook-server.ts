import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SecureContextOptions, SecureVersion } from 'node:tls';
import type { AddressInfo, Socket } from 'node:net';
import type { Log } from '@vfleet/core';
import type { KeyAndCertificate } from '@vfleet/kube';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { listening } from '../../edge/listening.ts';
import type { Admission } from '../admission.ts';
import { admissionPaths } from '../admission.ts';
import type { AdmissionObserver } from '../admission-observer.ts';

export interface WebhookServerOptions {
  /** Default 127.0.0.1; in a pod, 0.0.0.0. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Default TLSv1.2. */
  readonly minVersion?: SecureVersion;
  /** OpenSSL names, for TLS 1.2. */
  readonly ciphers?: string;
  /** PEM, one or several: only clients with a certificate of one of these are answered. They are API servers, told to show one (AdmissionConfiguration, kubeConfigFile). */
  readonly clientAuthority?: string;
  readonly limits?: Partial<WebhookLimits>;
  readonly observer?: AdmissionObserver;
}

export interface WebhookLimits {
  /** The greatest object (3 MiB in a request to an API server) twice, old and new, and the review around them. */
  readonly bodyBytes: number;
  /** Milliseconds until a request must have arrived whole, and until a handshake must have ended. */
  readonly requestMs: number;
  /** Milliseconds until a connection without a request is closed: longer than clients keep theirs, or they write to one that is just being closed. */
  readonly idleMs: number;
  /** From half of them on each answer is the last one of its connection. */
  readonly connections: number;
  /** Milliseconds without a request after which nobody sends any more, once the server is about to end. */
  readonly quietMs: number;
  /** Milliseconds that this is waited for. */
  readonly drainMs: number;
}

/** An API server closes an idle connection after 90 s (client-go, SetTransportDefaults), and does not repeat a POST that broke. */
export const webhookLimits: WebhookLimits = { bodyBytes: 7 * 1024 * 1024, requestMs: 10_000, idleMs: 120_000, connections: 512, quietMs: 5_000, drainMs: 20_000 };

export interface WebhookServer {
  readonly port: number;
  /** Serves new connections with another certificate; running requests end on the old one. */
  renew(identity: KeyAndCertificate): void;
  /** New connections are to show a certificate of these (PEM). Only for a server that was opened with `clientAuthority`. */
  trustClients(clientAuthority: string): void;
  /**
   * Serves on until requests go elsewhere: that a pod ends is known to API servers and to who routes for them some moments after it was told so. Each answer is the
   * last one of its connection.
   */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Serves admission over TLS. Also `/healthz` (the process runs) and `/readyz` (requests are answered). */
export async function serveWebhooks(admission: Admission, identity: KeyAndCertificate, log: Log, options: WebhookServerOptions): Promise<WebhookServer> {
  const limits = { ...webhookLimits, ...options.limits };
  const serving = { identity, clientAuthority: options.clientAuthority };
  const secured = (): SecureContextOptions => ({
    key: serving.identity.key, cert: serving.identity.certificate, minVersion: options.minVersion ?? 'TLSv1.2',
    ...(options.ciphers === undefined ? {} : { ciphers: options.ciphers }), ...(serving.clientAuthority === undefined ? {} : { ca: serving.clientAuthority }),
  });
  const mustPresent = options.clientAuthority !== undefined;
  const server = createServer({ ...secured(), requestCert: mustPresent, rejectUnauthorized: mustPresent, requestTimeout: limits.requestMs, headersTimeout: limits.requestMs, handshakeTimeout: limits.requestMs, keepAliveTimeout: limits.idleMs, connectionsCheckingInterval: 1_000 });
  server.maxConnections = limits.connections;
  const sockets = new Set<Socket>();
  const drained = { isDraining: false, lastMs: 0 };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    drained.lastMs = performance.now();
    if (drained.isDraining || sockets.size * 2 >= limits.connections) response.shouldKeepAlive = false;
    void answer(admission, request, response, { limits, log, observer: options.observer });
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // Handshakes fail for many reasons that are the client's; API servers retry.
  server.on('tlsClientError', (error: Error) => log.debug('a TLS handshake failed', { cause: error.message }));
  await listening(server, options.port, options.host ?? '127.0.0.1');
  return {
    port: (server.address() as AddressInfo).port,
    renew: (next) => {
      serving.identity = next;
      server.setSecureContext(secured());
    },
    trustClients: (clientAuthority) => {
      serving.clientAuthority = clientAuthority;
      server.setSecureContext(secured());
    },
    drain: async () => {
      Object.assign(drained, { isDraining: true, lastMs: performance.now() });
      const endMs = drained.lastMs + limits.drainMs;
      for (;;) {
        const restMs = Math.min(drained.lastMs + limits.quietMs, endMs) - performance.now();
        if (restMs <= 0) return;
        await sleep(restMs);
      }
    },
    close: () => new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
      for (const socket of sockets) socket.setTimeout(1_000, () => socket.destroy());
    }),
  };
}

interface Answering {
  readonly limits: WebhookLimits;
  readonly log: Log;
  readonly observer: AdmissionObserver | undefined;
}

async function answer(admission: Admission, request: IncomingMessage, response: ServerResponse, { limits, log, observer }: Answering): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0]!;
  const told = (outcome: string, tookMs?: number) => observer?.answered(webhookAt(path), outcome, tookMs);
  const refuse = (status: number, text: string) => {
    told(String(status));
    refuseRest(request, response, status, text);
  };
  try {
    if (path === '/healthz') return reply(response, 200, 'ok');
    if (path === '/readyz') return reply(response, admission.isReady ? 200 : 503, admission.isReady ? 'ok' : 'the cluster is being listed');
    if (request.method !== 'POST') return refuse(405, 'webhooks take POST');
    if (!/^application\/json(?:\s*;|$)/i.test(request.headers['content-type'] ?? '')) return refuse(415, 'the body must be application/json');
    const body = await bodyOf(request, limits.bodyBytes);
    if (body === undefined) return refuse(413, `the body is larger than ${limits.bodyBytes} bytes`);
    const startedMs = performance.now();
    const { status, body: text, allowed } = await admission.answer(path, body);
    reply(response, status, text, status === 200 ? 'application/json' : undefined);
    told(allowed === undefined ? String(status) : allowed ? 'allowed' : 'denied', performance.now() - startedMs);
  } catch (error) {
    if (request.destroyed || response.destroyed) return;
    log.error('a request to a webhook failed by a mistake in the program', { path, error: String(error) });
    told('500');
    reply(response, 500, 'internal error');
  }
}

function webhookAt(path: string): 'mutate' | 'validate' | 'inject' | 'other' {
  if (path === admissionPaths.mutate) return 'mutate';
  if (path === admissionPaths.validate) return 'validate';
  return path === admissionPaths.inject ? 'inject' : 'other';
}

/** Undefined when it is too large; what is beyond the limit is never kept. */
async function bodyOf(request: IncomingMessage, bytesMax: number): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reply(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text), 'x-content-type-options': 'nosniff' });
  response.end(text);
}

/** The rest of the request is not read: the connection ends with the answer. */
function refuseRest(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  response.setHeader('connection', 'close');
  reply(response, status, text);
  response.once('finish', () => request.destroy());
}
