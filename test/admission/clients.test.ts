// Goal: webhooks that are told to answer only some clients, or only newer TLS, do so, and follow the authorities of clients. Method: the webhook
// server with real certificates; clients with, without, and with another certificate, over each version of TLS.
import { request } from 'node:https';
import type { RequestOptions } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import type { Admission } from '@vfleet/controllers';
import { serveWebhooks } from '@vfleet/controllers/admission/edge/webhook-server.ts';
import type { WebhookServer, WebhookServerOptions } from '@vfleet/controllers/admission/edge/webhook-server.ts';
import type { KeyAndCertificate } from '@vfleet/kube';
import { x509Issuer } from '@vfleet/kube/certificates/edge/x509-issuer.ts';

const DAY_MS = 86_400_000;
const issuer = x509Issuer(new RealClock());
const open = new AsyncDisposableStack();
let authority: KeyAndCertificate;
let identity: KeyAndCertificate;
// An authority's own certificate is one that it vouches for.
let ours: KeyAndCertificate;
let others: KeyAndCertificate;

beforeAll(async () => {
  [authority, ours, others] = await Promise.all(['serving', 'API servers', 'others'].map((name) => issuer.authority(name, DAY_MS))) as [KeyAndCertificate, KeyAndCertificate, KeyAndCertificate];
  identity = await issuer.serving(authority, { addresses: ['127.0.0.1'], dnsNames: ['localhost'] }, DAY_MS);
});
afterAll(() => open.disposeAsync());

const admission: Admission = { start: () => {}, stop: () => {}, isReady: true, answer: async () => ({ status: 200, body: '{}', allowed: true }) };

async function serve(options: Partial<WebhookServerOptions>): Promise<WebhookServer> {
  return open.adopt(await serveWebhooks(admission, identity, silentLog, { port: 0, ...options }), (server) => server.close());
}

/** The status of an answer, or why there was none. */
function ask({ port }: WebhookServer, options: RequestOptions): Promise<number | string> {
  return new Promise((resolve) => {
    const outgoing = request({ host: '127.0.0.1', port, path: '/mutate', method: 'POST', headers: { 'content-type': 'application/json' }, ca: authority.certificate, agent: false, ...options }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode ?? 0);
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    outgoing.end('{}');
  });
}

const showing = ({ key, certificate }: KeyAndCertificate) => ({ key, cert: certificate });

test('only clients of the authority are answered, and of the next one when it changes', async () => {
  const server = await serve({ clientAuthority: ours.certificate });
  expect(await ask(server, showing(ours))).toBe(200);
  expect(await ask(server, {})).not.toBe(200);
  expect(await ask(server, showing(others))).not.toBe(200);
  server.trustClients(others.certificate);
  expect(await ask(server, showing(others))).toBe(200);
  expect(await ask(server, showing(ours))).not.toBe(200);
  server.trustClients(ours.certificate + others.certificate);
  expect([await ask(server, showing(ours)), await ask(server, showing(others))]).toEqual([200, 200]);
});

test('a renewed certificate leaves the authorities of clients as they are', async () => {
  const server = await serve({ clientAuthority: ours.certificate });
  server.trustClients(others.certificate);
  server.renew(await issuer.serving(authority, { addresses: ['127.0.0.1'], dnsNames: ['localhost'] }, DAY_MS));
  expect(await ask(server, showing(others))).toBe(200);
  expect(await ask(server, {})).not.toBe(200);
});

test.each([
  ['TLSv1.2 by default', {}, 'TLSv1.2', true],
  ['TLSv1.3 by default', {}, 'TLSv1.3', true],
  ['TLSv1.3 where it is the oldest', { minVersion: 'TLSv1.3' }, 'TLSv1.3', true],
  ['no TLSv1.2 where TLSv1.3 is the oldest', { minVersion: 'TLSv1.3' }, 'TLSv1.2', false],
  ['a cipher that is allowed', { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }, 'TLSv1.2', true],
  ['no other cipher', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }, 'TLSv1.2', false],
] as const)('%s', async (_, options, version, isAnswered) => {
  const answer = await ask(await serve(options), { minVersion: version, maxVersion: version, ...(version === 'TLSv1.2' ? { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' } : {}) });
  expect(answer === 200).toBe(isAnswered);
});
