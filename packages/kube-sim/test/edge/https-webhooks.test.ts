// Goal: webhooks are called over TLS that is verified, within their timeout, and failures are worded as Go words them.
// Method: an HTTPS server on loopback with a certificate of its own authority.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemFiles } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { servingIdentity } from '@vfleet/kube-sim/edge/certificates.ts';
import { httpsWebhooks } from '@vfleet/kube-sim/edge/https-webhooks.ts';

let server: Server;
let certificateAuthority: string;
let base: string;
const seen: { url: string; host: string; type: string; body: string }[] = [];

beforeAll(async () => {
  const identity = await servingIdentity(new MemFiles(), new RealClock(), '/webhook', '127.0.0.1');
  certificateAuthority = identity.caCertificate;
  server = createServer({ key: identity.key, cert: identity.certificate }, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ url: request.url ?? '', host: request.headers.host ?? '', type: request.headers['content-type'] ?? '', body });
      if (request.url === '/slow') return;
      if (request.url === '/reset') request.socket.destroy();
      else if (request.url === '/large') response.end(Buffer.alloc(5 * 1024 * 1024));
      else response.writeHead(request.url === '/error' ? 500 : 200).end('answer');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const call = (path: string, more: object = {}) => ({ url: `${base}${path}`, certificateAuthority, body: '{"a":1}', timeoutMs: 120_000, ...more });

test('posts the review and hands back the answer', async () => {
  expect(await httpsWebhooks().post(call('/check?timeout=5s'))).toEqual({ kind: 'answer', status: 200, body: 'answer' });
  expect(seen.at(-1)).toEqual({ url: '/check?timeout=5s', host: base.slice('https://'.length), type: 'application/json', body: '{"a":1}' });
  expect(await httpsWebhooks().post(call('/error'))).toEqual({ kind: 'answer', status: 500, body: 'answer' });
});

test('a service is where the cluster says it is, under its own name', async () => {
  const service = { namespace: 'n', name: 'hooks', port: 443 };
  const target = { url: 'https://hooks.n.svc:443/x', certificateAuthority, service };
  expect(await httpsWebhooks().post(call('', target))).toEqual({ kind: 'failure', cause: 'dial tcp: lookup hooks.n.svc: no such host' });
  const resolve = () => ({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  expect(await httpsWebhooks({ resolve }).post(call('', target))).toMatchObject({ kind: 'failure', cause: expect.stringMatching(/^tls: failed to verify certificate: x509: .*hooks\.n\.svc/) });
});

test('a certificate of an unknown authority is not trusted', async () => {
  const { certificateAuthority: _, ...untrusted } = call('/check');
  expect(await httpsWebhooks().post(untrusted)).toEqual({ kind: 'failure', cause: 'tls: failed to verify certificate: x509: certificate signed by unknown authority' });
});

test('silence, a reset, an answer without end, nobody there', async () => {
  expect(await httpsWebhooks().post(call('/slow', { timeoutMs: 100 }))).toEqual({ kind: 'timeout' });
  expect(await httpsWebhooks().post(call('/reset'))).toEqual({ kind: 'failure', cause: 'EOF' });
  expect(await httpsWebhooks().post(call('/large'))).toEqual({ kind: 'failure', cause: 'the answer is too large' });
  expect(await httpsWebhooks().post(call('', { url: 'https://127.0.0.1:1/' }))).toEqual({ kind: 'failure', cause: 'dial tcp 127.0.0.1:1: connect: connection refused' });
});
