import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { ADMIN } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import type { WebhookTransport } from '../admission/webhooks/transport.ts';
import { StatusError } from '../errors/status.ts';
import { digest, servingIdentity } from './certificates.ts';
import { anonymousRefusal } from './anonymous.ts';
import { decodePath, Exchange } from './exchange.ts';
import type { ExchangeServer } from './exchange.ts';
import { isStreamPath, serveUpgrade } from './exec-route.ts';
import { httpsWebhooks } from './https-webhooks.ts';
import { kubeconfig } from './kubeconfig.ts';
import { EdgeLimits, serverLimits } from './limits/limits.ts';
import type { ServerLimits } from './limits/limits.ts';
import { priorityOf } from './limits/turns.ts';
import type { Core } from '../registry/core.ts';
import { drain } from './rest-of-request.ts';
import { serveExchange } from './routes.ts';

export interface ServeOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** A loopback address: there is one user, who may do everything. */
  readonly host: string;
  /** Keeps keys, certificates, the token and the kubeconfig; made when it is not there. */
  readonly folder: string;
  /** How admission webhooks are reached; over HTTPS when absent. */
  readonly webhooks?: WebhookTransport;
  /** How much is taken on at once; what is left out is as in {@link serverLimits}. */
  readonly limits?: Partial<ServerLimits>;
}

export interface ServedApi {
  readonly url: string;
  readonly kubeconfigPath: string;
  /** Ends every connection, watches too. */
  close(): Promise<void>;
}

const HANDSHAKE_TIMEOUT_MS = 20_000;
const KEEP_ALIVE_MS = 90_000;
const KEEP_ALIVE_PROBE_MS = 30_000;
const HEADERS_MAX_BYTES = 64 * 1024;
const CONNECTIONS_MAX = 20_000;

/** Serves an API server on loopback HTTPS with a bearer token, and writes a kubeconfig (0600) for it. */
export async function serve(apiServer: ApiServer, { port, host, folder, webhooks = httpsWebhooks(), limits = {} }: ServeOptions): Promise<ServedApi> {
  apiServer.reachWebhooksBy(webhooks);
  // Certificates are checked by clients in real time, whatever time the simulation has.
  const clock = new RealClock();
  const files = new NodeFiles(clock, new SystemRandom());
  const [identity, token] = await Promise.all([servingIdentity(files, clock, folder, host), keptToken(files, folder)]);
  const expected = digest(`Bearer ${token}`);
  const isToken = (text: string) => timingSafeEqual(digest(`Bearer ${text}`), expected);
  const edgeLimits = new EdgeLimits({ ...serverLimits, ...limits });
  const served: Served = { core: apiServer.core, store: apiServer.core.store, limits: edgeLimits, expected, isToken };
  const { headersTimeoutMs, requestTimeoutMs } = edgeLimits.limits;
  const server = createServer({
    key: identity.key, cert: identity.certificate, maxHeaderSize: HEADERS_MAX_BYTES, ALPNProtocols: ['http/1.1'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS, shouldUpgradeCallback: isStreamUpgrade,
    headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, connectionsCheckingInterval: headersTimeoutMs / 4,
  }, (request, response) => {
    void answer(served, request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => upgrade(served, request, socket, head));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = CONNECTIONS_MAX;
  // Probed, so that a watcher whose machine is gone does not stay for ever.
  server.on('connection', (socket: Socket) => socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_PROBE_MS));
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    else socket.destroy();
  });
  await listening(server, port, host);
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  const kubeconfigPath = join(folder, 'kubeconfig');
  const written = await files.replace(kubeconfigPath, kubeconfig(url, identity.caCertificate, token), { mode: 0o600 });
  if (!written.ok) throw new Error(`${kubeconfigPath} cannot be written: ${written.error.cause}`);
  return { url, kubeconfigPath, close: () => close(server) };
}

/** What requests are answered with. */
interface Served extends ExchangeServer {
  readonly core: Core;
  /** Digest of the one token's header. */
  readonly expected: Buffer;
}

async function answer(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => response.destroy());
  const exchange = new Exchange(request, response, ADMIN, served);
  const refusal = refusalOf(exchange, request.headers.authorization, served.expected);
  if (refusal !== undefined) exchange.status(refusal);
  // Whoever asks whether the server is there is not kept waiting.
  else if (PUBLIC.includes(exchange.segments[0] ?? '')) await serveExchange(served.core, exchange);
  else {
    // A place is taken only by requests that are here whole: slow clients hold up nobody.
    await exchange.receive();
    if (served.limits.turns.enter(priorityOf(exchange.method, exchange.segments), () => carryOut(served.core, exchange))) return;
    exchange.tooMany();
  }
  await leave(exchange);
}

async function carryOut(core: Core, exchange: Exchange): Promise<void> {
  if (exchange.response.destroyed) return;
  await serveExchange(core, exchange);
  await leave(exchange);
}

/** Waits until the answer is on its way, and sees to what is left of the request. */
async function leave({ request, response, sent }: Exchange): Promise<void> {
  await sent;
  if (!request.complete && !response.headersSent) response.destroy();
  else if (!request.complete && response.writableEnded) drain(request);
}

/** Other upgrades are answered as the plain requests that they are too. */
function isStreamUpgrade(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket' && isStreamPath(decodePath((request.url ?? '').split('?')[0]!));
}

/** A connection that becomes a stream, or is answered as a request when that is refused. */
function upgrade(served: Served, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => socket.destroy());
  // Importing node:http would load all of fetch with it, for 30 ms at every start.
  const http = process.getBuiltinModule('node:http');
  const response = new http.ServerResponse(request);
  response.shouldKeepAlive = false;
  const exchange = new Exchange(request, response, ADMIN, served);
  try {
    const refusal = refusalOf(exchange, request.headers.authorization, served.expected);
    if (refusal !== undefined) throw refusal;
    serveUpgrade(served.core, exchange, socket, head);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    // The socket of a server's request is a TLS socket, whatever the type of the event says.
    response.assignSocket(socket as Socket);
    response.once('finish', () => socket.end());
    exchange.status(error);
  }
}

const PUBLIC: readonly string[] = ['healthz', 'livez', 'readyz', 'version'];

/** A token that is wrong is 401; without one the client is anonymous, and may see only whether the server is there. */
function refusalOf(exchange: Exchange, authorization: string | undefined, expected: Buffer): StatusError | undefined {
  if (timingSafeEqual(digest(authorization ?? ''), expected)) return undefined;
  if (/^bearer\s+\S/i.test(authorization ?? '')) return new StatusError('Unauthorized', 401, 'Unauthorized');
  return exchange.segments.length === 1 && PUBLIC.includes(exchange.segments[0]!) ? undefined : anonymousRefusal(exchange);
}

/** The token stays the same over restarts, so that a kubeconfig that was copied keeps working. */
async function keptToken(files: NodeFiles, folder: string): Promise<string> {
  const path = join(folder, 'token');
  const kept = await files.read(path);
  if (kept.ok && /^[0-9a-f]{48}$/.test(kept.value)) return kept.value;
  const token = randomBytes(24).toString('hex');
  const written = await files.replace(path, token, { mode: 0o600 });
  if (!written.ok) throw new Error(`${path} cannot be written: ${written.error.cause}`);
  return token;
}

async function listening(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
