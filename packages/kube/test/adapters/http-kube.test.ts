// Goal: the HTTP adapter sends what an API server expects and turns every answer, and every way of getting none, into values and
// KubeErrors. Method: a real HTTP server on loopback with scripted answers; requests are compared as sent.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { KubeError, WatchEvent } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { httpKube } from '../../src/adapters/client-node.ts';
import type { HttpKube, HttpKubeOptions } from '../../src/adapters/client-node.ts';
import { leases, nodes, pods } from '../../src/index.ts';
import type { Pod } from '../../src/index.ts';
import { thing, things } from '../support/simulation.ts';

interface Sent {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

let answer: (response: ServerResponse, request: IncomingMessage) => void;
let sent: Sent[] = [];
const sockets = new Set<Socket>();
const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const text = Buffer.concat(parts).toString();
    sent.push({ line: `${request.method} ${request.url}`, headers: request.headers, body: text === '' ? undefined : JSON.parse(text) });
    answer(response, request);
  });
});
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
});
let kubes: HttpKube[] = [];

function kube(options: Partial<HttpKubeOptions> = {}, user = {}, path = ''): HttpKube {
  const config = new KubeConfig();
  const { port } = server.address() as AddressInfo;
  config.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}${path}`, skipTLSVerify: true }, { name: 'u', ...user });
  const one = httpKube(config, options);
  kubes.push(one);
  return one;
}

const json = (body: unknown, code = 200, headers = {}) => (response: ServerResponse) => void response.writeHead(code, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n', resourceVersion: '5' } };
const key = { namespace: 'n', name: 'p' };

async function errorOf(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  if (!isKubeError(error)) throw new Error(`no KubeError: ${String(error)}`);
  return error;
}

beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
afterEach(() => {
  for (const one of kubes) one.close();
  kubes = [];
  sent = [];
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

describe('requests', () => {
  test('every verb has its method, path, query, media type and body', async () => {
    answer = json(pod);
    const one = kube();
    const patch = { metadata: { labels: { a: 'b' } } };
    await one.get(pods, key);
    await one.get(nodes, { name: 'a/b?c' });
    await one.create(things, thing('t'), { fieldManager: 'me', dryRun: true });
    await one.update(leases, { ...pod, apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' });
    await one.update(pods, pod as Pod, { subresource: 'status' });
    await one.patch(pods, key, { type: 'merge', patch });
    await one.patch(pods, key, { type: 'strategic', patch }, { subresource: 'status' });
    await one.patch(pods, key, { type: 'json', operations: [{ op: 'remove', path: '/x' }] });
    await one.patch(pods, key, { type: 'apply', patch, fieldManager: 'me', force: true });
    await one.delete(pods, key, { gracePeriodSeconds: 0, propagationPolicy: 'Foreground', preconditions: { uid: 'u' }, dryRun: true });
    await one.evict(key, { gracePeriodSeconds: 1 });
    await one.bind(key, 'node-1');
    expect(sent.map(({ line, headers, body }) => [line, headers['content-type'], body])).toEqual([
      ['GET /api/v1/namespaces/n/pods/p', undefined, undefined],
      ['GET /api/v1/nodes/a%2Fb%3Fc', undefined, undefined],
      ['POST /apis/test/v1/namespaces/default/things?fieldManager=me&dryRun=All', 'application/json', thing('t')],
      ['PUT /apis/coordination.k8s.io/v1/namespaces/n/leases/p', 'application/json', { ...pod, apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }],
      ['PUT /api/v1/namespaces/n/pods/p/status', 'application/json', pod],
      ['PATCH /api/v1/namespaces/n/pods/p', 'application/merge-patch+json', patch],
      ['PATCH /api/v1/namespaces/n/pods/p/status', 'application/strategic-merge-patch+json', patch],
      ['PATCH /api/v1/namespaces/n/pods/p', 'application/json-patch+json', [{ op: 'remove', path: '/x' }]],
      ['PATCH /api/v1/namespaces/n/pods/p?fieldManager=me&force=true', 'application/apply-patch+yaml', patch],
      ['DELETE /api/v1/namespaces/n/pods/p', 'application/json', { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, propagationPolicy: 'Foreground', preconditions: { uid: 'u' }, dryRun: ['All'] }],
      ['POST /api/v1/namespaces/n/pods/p/eviction', 'application/json', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: key, deleteOptions: { gracePeriodSeconds: 1 } }],
      ['POST /api/v1/namespaces/n/pods/p/binding', 'application/json', { apiVersion: 'v1', kind: 'Binding', metadata: key, target: { apiVersion: 'v1', kind: 'Node', name: 'node-1' } }],
    ]);
  });

  test('connections are kept and used again; credentials and base path go along', async () => {
    answer = json(pod);
    const one = kube({ userAgent: 'tester' }, { token: 'secret' }, '/k8s/clusters/c1/');
    for (let round = 0; round < 5; round++) await one.get(pods, key);
    expect(sockets.size).toBe(1);
    expect(sent[4]).toMatchObject({ line: 'GET /k8s/clusters/c1/api/v1/namespaces/n/pods/p', headers: { authorization: 'Bearer secret', 'user-agent': 'tester', accept: 'application/json' } });
    await kube({}, { username: 'u', password: 'p' }).get(pods, key);
    expect(sent[5]!.headers.authorization).toBe(`Basic ${Buffer.from('u:p').toString('base64')}`);
  });

  test('what cannot be asked is refused before anything is sent', async () => {
    const one = kube();
    expect(await errorOf(one.get(pods, { name: 'p' }))).toMatchObject({ reason: 'BadRequest', message: expect.stringContaining('needs a namespace') });
    expect(await errorOf(one.delete(nodes, { name: '' }))).toMatchObject({ reason: 'BadRequest' });
    expect(sent).toEqual([]);
  });

  test('credentials that cannot be had are Unauthorized', async () => {
    const one = kube({}, { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/does/not/exist', interactiveMode: 'Never' } });
    expect(await errorOf(one.get(pods, key))).toMatchObject({ reason: 'Unauthorized', code: 401 });
  });
});

describe('answers', () => {
  test('a list is a page; its items get the kind that lists leave out, and everything is frozen', async () => {
    answer = json({ kind: 'PodList', metadata: { resourceVersion: '9', continue: 'more', remainingItemCount: 3 }, items: [{ metadata: { name: 'p', labels: { a: 'b' } } }] });
    const page = await kube().list(pods, { namespace: 'n', labelSelector: 'a in (b,c)', limit: 1, continue: 'x&y' });
    expect(sent[0]!.line).toBe('GET /api/v1/namespaces/n/pods?labelSelector=a%20in%20(b%2Cc)&limit=1&continue=x%26y');
    expect(page).toEqual({ resourceVersion: '9', continue: 'more', remainingItemCount: 3, items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: { a: 'b' } } }] });
    expect([Object.isFrozen(page.items[0]), Object.isFrozen(page.items[0]!.metadata.labels)]).toEqual([true, true]);
    answer = json({ kind: 'PodList', metadata: { resourceVersion: '9', continue: '' }, items: null });
    expect(await kube().list(pods)).toEqual({ resourceVersion: '9', items: [] });
  });

  const status = (code: number, reason: string, details = {}) => ({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `it is ${reason}`, details });

  test.each([
    [json(status(404, 'NotFound'), 404), { reason: 'NotFound', code: 404, message: 'it is NotFound' }],
    [json(status(409, 'AlreadyExists'), 409), { reason: 'AlreadyExists', code: 409 }],
    [json(status(422, 'Invalid', { causes: [{ reason: 'FieldValueInvalid', message: 'bad', field: 'spec.x', extra: 1 }, 'junk', { field: 7 }] }), 422), { reason: 'Invalid', causes: [{ reason: 'FieldValueInvalid', message: 'bad', field: 'spec.x' }, {}] }],
    [json(status(429, 'TooManyRequests', { retryAfterSeconds: 10 }), 429), { reason: 'TooManyRequests', retryAfterSeconds: 10 }],
    [json(status(429, 'TooManyRequests', { retryAfterSeconds: 10 }), 429, { 'Retry-After': '2' }), { reason: 'TooManyRequests', retryAfterSeconds: 2 }],
    [json(status(503, ''), 503, { 'Retry-After': 'Wed, 21 Oct 2026 07:28:00 GMT' }), { reason: 'ServiceUnavailable', retryAfterSeconds: undefined }],
    [json(status(418, 'ATeapot'), 418), { reason: 'Unknown', code: 418 }],
    [(response: ServerResponse) => void response.writeHead(502).end('<html>Bad Gateway</html>'), { reason: 'Unknown', code: 502, message: '<html>Bad Gateway</html>' }],
    [(response: ServerResponse) => void response.writeHead(403).end(), { reason: 'Forbidden', code: 403 }],
    [(response: ServerResponse) => void response.writeHead(200).end('not json'), { reason: 'Unknown', code: 200 }],
    [(response: ServerResponse) => void response.writeHead(200).end('null'), { reason: 'Unknown', code: 200 }],
  ])('refusal %#', async (respond, expected) => {
    answer = respond;
    expect(await errorOf(kube().get(pods, key))).toMatchObject(expected);
  });

  test.each([
    ['a connection that breaks before the answer', (response: ServerResponse) => void response.socket?.destroy()],
    ['a connection that breaks in the middle', (response: ServerResponse) => void response.writeHead(200, { 'Content-Length': '100' }).write('{', () => response.socket?.destroy())],
    ['an answer that is too long', (response: ServerResponse) => void response.writeHead(200).end('x'.repeat(2000))],
  ])('%s is Unreachable: it may have been carried out', async (_, respond) => {
    answer = respond;
    expect(await errorOf(kube({ answerBytesMax: 1000 }).create(things, thing('t')))).toMatchObject({ reason: 'Unreachable', code: 0 });
    expect(sent).toHaveLength(1);
  });

  test.each([
    ['no answer', (): void => undefined],
    ['an answer that does not end', (response: ServerResponse) => void response.writeHead(200, { 'Content-Length': '100' }).write('{')],
  ])('%s in time is Unreachable', async (_, respond) => {
    answer = respond;
    expect(await errorOf(kube({ requestTimeoutMs: 200 }).create(things, thing('t')))).toMatchObject({ reason: 'Unreachable', code: 0 });
    // On a slow machine the time may be over before the request has arrived.
    await expect.poll(() => sent.length).toBe(1);
  });

  test('nobody listening is Unreachable', async () => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'c', server: 'http://127.0.0.1:1', skipTLSVerify: true }, { name: 'u' });
    expect(await errorOf(httpKube(config).get(pods, key))).toMatchObject({ reason: 'Unreachable', message: expect.stringContaining('GET /api/v1/namespaces/n/pods/p: ') });
  });

  test('a kept connection that the server closed is no failure of a read', async () => {
    answer = json(pod);
    const one = kube();
    await one.get(pods, key);
    let first = true;
    answer = (response) => {
      if (first) response.socket?.resetAndDestroy();
      else json(pod)(response);
      first = false;
    };
    expect(await one.get(pods, key)).toEqual(pod);
  });
});

describe('watching', () => {
  function watch(options: Partial<HttpKubeOptions> = {}, watchOptions = {}) {
    const events: WatchEvent<Pod>[] = [];
    const ended = Promise.withResolvers<KubeError | undefined>();
    let ends = 0;
    const told = Promise.withResolvers<void>();
    const subscription = kube(options).watch(pods, { namespace: 'n', resourceVersion: '5', allowBookmarks: true, timeoutSeconds: 60, ...watchOptions }, {
      event: (event) => {
        events.push(event);
        told.resolve();
      },
      end: (error) => {
        ends++;
        ended.resolve(error);
      },
    });
    return { events, ended: ended.promise, told: told.promise, subscription, ends: () => ends };
  }
  const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;

  test('events arrive however the stream is cut, until the server ends it', async () => {
    const text = line('ADDED', { ...pod, metadata: { ...pod.metadata, labels: { name: 'größe' } } }) + '\n' + line('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: '8' } }) + line('UNHEARD', pod) + line('DELETED', pod);
    answer = (response) => {
      response.writeHead(200);
      const bytes = Buffer.from(text);
      let at = 0;
      const next = () => {
        if (at >= bytes.length) response.end();
        else response.write(bytes.subarray(at, (at += 37)), () => setImmediate(next));
      };
      next();
    };
    const { events, ended } = watch();
    expect(await ended).toBeUndefined();
    expect(events).toEqual([
      { type: 'ADDED', object: { ...pod, metadata: { ...pod.metadata, labels: { name: 'größe' } } } },
      { type: 'BOOKMARK', resourceVersion: '8' },
      { type: 'DELETED', object: pod },
    ]);
    expect(sent[0]!.line).toBe('GET /api/v1/namespaces/n/pods?resourceVersion=5&timeoutSeconds=60&watch=true&allowWatchBookmarks=true');
  });

  const follow = (text: string, then: (response: ServerResponse) => void = (response) => void response.end()) => (response: ServerResponse) => void response.writeHead(200).write(text, () => then(response));

  test.each([
    ['an ERROR event', follow(line('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' })), { reason: 'Expired', code: 410 }],
    ['a refusal', json({ kind: 'Status', code: 410, reason: 'Expired' }, 410), { reason: 'Expired' }],
    ['a throttled watch', json({ kind: 'Status', code: 429, reason: 'TooManyRequests' }, 429, { 'Retry-After': '1' }), { reason: 'TooManyRequests', retryAfterSeconds: 1 }],
    ['a broken connection', follow(line('ADDED', pod), (response) => response.socket?.destroy()), { reason: 'Unreachable' }],
    ['a line that is no event', follow('{"type": "ADDED"}\n'), { reason: 'Unknown' }],
    ['a line that is no JSON', follow('half a li\n'), { reason: 'Unknown' }],
    ['a line that is too long', follow(`"${'x'.repeat(3000)}`), { reason: 'RequestEntityTooLarge' }],
  ])('%s ends it once, with its error', async (_, respond, expected) => {
    answer = respond;
    const { ended, ends } = watch({ eventBytesMax: 2000 });
    expect(await ended).toMatchObject(expected);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ends()).toBe(1);
  });

  test('no answer in time ends it', async () => {
    answer = () => undefined;
    const { ended } = watch({ requestTimeoutMs: 200 });
    expect(await ended).toMatchObject({ reason: 'Unreachable' });
  });

  test('after stop nothing is told any more, and the connection is given up', async () => {
    let response: ServerResponse | undefined;
    answer = follow(line('ADDED', pod), (open) => (response = open));
    const { events, told, subscription, ends } = watch();
    await told;
    const closed = new Promise((resolve) => response!.once('close', resolve));
    subscription.stop();
    response!.write(line('ADDED', pod));
    await closed;
    expect([events.length, ends()]).toEqual([1, 0]);
  });

  test('stopped before it is open, it never opens', async () => {
    answer = follow(line('ADDED', pod));
    const { events, subscription, ends } = watch();
    subscription.stop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([events.length, ends()]).toEqual([0, 0]);
  });
});
