// Goal: an API server that keeps its connections for 90 s never writes to one that is just being closed, and connections that do nothing are none
// of the few there may be. Method: the webhook server with a real certificate, kept-alive and silent clients.
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import type { Admission } from '@vfleet/controllers';
import { serveWebhooks } from '@vfleet/controllers/admission/edge/webhook-server.ts';
import type { WebhookLimits, WebhookServer } from '@vfleet/controllers/admission/edge/webhook-server.ts';
import type { KeyAndCertificate } from '@vfleet/kube';
import { x509Issuer } from '@vfleet/kube/certificates/edge/x509-issuer.ts';

const issuer = x509Issuer(new RealClock());
const open = new AsyncDisposableStack();
let authority: KeyAndCertificate;
let identity: KeyAndCertificate;

beforeAll(async () => {
  authority = await issuer.authority('serving', 86_400_000);
  identity = await issuer.serving(authority, { addresses: ['127.0.0.1'], dnsNames: ['localhost'] }, 86_400_000);
});
afterAll(() => open.disposeAsync());

const admission: Admission = { start: () => {}, stop: () => {}, isReady: true, answer: async () => ({ status: 200, body: '{}', allowed: true }) };

async function serve(limits: Partial<WebhookLimits> = {}): Promise<WebhookServer> {
  return open.adopt(await serveWebhooks(admission, identity, silentLog, { port: 0, limits }), (server) => server.close());
}

function ask({ port }: WebhookServer, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path: '/mutate', method: 'POST', headers: { 'content-type': 'application/json' }, ca: authority.certificate, agent }, (incoming) => {
      incoming.resume().on('end', () => resolve(incoming));
    });
    outgoing.on('error', reject);
    outgoing.end('{}');
  });
}

test('a connection is kept for longer than the 90 s of an API server', async () => {
  const agent = open.adopt(new Agent({ keepAlive: true, maxSockets: 1 }), (one) => one.destroy());
  const { headers } = await ask(await serve(), agent);
  expect(headers.connection).toBe('keep-alive');
  expect(Number(/timeout=(\d+)/.exec(String(headers['keep-alive']))?.[1])).toBeGreaterThan(90);
});

test('where half of the connections are in use, an answer says that it is the last one of its connection', async () => {
  const server = await serve({ connections: 2 });
  const agent = open.adopt(new Agent({ keepAlive: true, maxSockets: 1 }), (one) => one.destroy());
  expect((await ask(server, agent)).headers.connection).toBe('close');
  expect((await ask(server, agent)).statusCode).toBe(200);
});

test.each([['says nothing', false], ['says nothing after its handshake', true]])('a connection that %s is closed', async (_, isTls) => {
  const { port } = await serve({ requestMs: 300 });
  const socket = isTls ? connectTls({ host: '127.0.0.1', port, ca: authority.certificate }) : connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.resume();
  await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  expect(socket.destroyed).toBe(true);
});

test('before it ends it answers who is still sent here, each connection once more, and waits until nobody is', async () => {
  const server = await serve({ quietMs: 300 });
  const agent = open.adopt(new Agent({ keepAlive: true, maxSockets: 1 }), (one) => one.destroy());
  expect((await ask(server, agent)).headers.connection).toBe('keep-alive');
  const drained = server.drain();
  for (let times = 0; times < 10; times += 1) {
    const { statusCode, headers } = await ask(server, agent);
    expect([statusCode, headers.connection]).toEqual([200, 'close']);
  }
  await drained;
  await server.close();
  await expect(ask(server, agent)).rejects.toThrow(/ECONNREFUSED/);
});

test('who is sent here for ever does not keep it', async () => {
  const server = await serve({ quietMs: 60_000, drainMs: 300 });
  const agent = open.adopt(new Agent(), (one) => one.destroy());
  const drained = server.drain();
  expect((await ask(server, agent)).statusCode).toBe(200);
  await drained;
});
