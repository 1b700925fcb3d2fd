import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '@vfleet/core';
import { listening } from '../../edge/listening.ts';
import { EXPOSITION_CONTENT_TYPE } from '../exposition.ts';
import type { Health, HealthAnswer } from '../health.ts';
import type { MetricRegistry } from '../metric-registry.ts';

export interface StatusServerPorts {
  readonly metrics: MetricRegistry;
  readonly health: Health;
  readonly log: Log;
}

export interface StatusServerOptions {
  /** Default 127.0.0.1. In a pod of its own network namespace, where kubelet and Prometheus come from outside, 0.0.0.0. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface StatusServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Kubelets and Prometheus ask with a few hundred bytes, every some seconds. */
const CONNECTIONS_MAX = 64;
const REQUEST_MS = 10_000;
const HEADERS_MAX_BYTES = 8 * 1024;

/** Serves `/metrics`, `/healthz` (also `/livez`) and `/readyz`, the latter with `?verbose`. Reads only, and nothing of a request but its path. */
export async function serveStatus(ports: StatusServerPorts, { host = '127.0.0.1', port }: StatusServerOptions): Promise<StatusServer> {
  const server = createServer({ maxHeaderSize: HEADERS_MAX_BYTES, requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 }, (request, response) => {
    void answer(ports, request, response);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listening(server, port, host);
  return {
    host,
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

async function answer({ metrics, health, log }: StatusServerPorts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  const verbose = new URLSearchParams(query).has('verbose');
  try {
    if (request.method !== 'GET' && request.method !== 'HEAD') return reply(response, 405, 'only GET is answered here');
    switch (path) {
      case '/healthz':
      case '/livez':
        return told(response, health.live(verbose));
      case '/readyz':
        return told(response, health.ready(verbose));
      case '/metrics':
        return reply(response, 200, await metrics.scrape(), EXPOSITION_CONTENT_TYPE);
      default:
        return reply(response, 404, 'there are /metrics, /healthz and /readyz');
    }
  } catch (error) {
    log.error('a request for metrics or health failed by a mistake in the program', { path, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    reply(response, 500, 'internal error');
  }
}

function told(response: ServerResponse, { status, text }: HealthAnswer): void {
  reply(response, status, text);
}

function reply(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text), 'x-content-type-options': 'nosniff', ...(status === 405 ? { connection: 'close' } : {}) });
  response.end(text);
}
