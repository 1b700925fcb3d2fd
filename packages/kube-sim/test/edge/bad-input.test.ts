// Goal: whatever a client sends, it gets the code that a real API server gives, the server stays up, and nothing sent reaches where it does
// not belong or stays in memory. Method: a served API server, huge, deep, half, odd and slow requests as bytes; then an ordinary one.
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import type { ServerLimits } from '@vfleet/kube-sim/edge/limits/limits.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const MIB = 1024 * 1024;

interface Running {
  readonly url: string;
  readonly token: string;
  readonly ca: Buffer;
  end(): Promise<void>;
}

let running: Running;

async function start(limits: Partial<ServerLimits> = {}): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-bad-input-'));
  const apiServer = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: silentLog });
  const served = await serve(apiServer, { port: 0, host: '127.0.0.1', folder, limits });
  const kubeconfig = JSON.parse(readFileSync(served.kubeconfigPath, 'utf8')) as { readonly clusters: readonly [{ readonly cluster: Record<string, string> }]; readonly users: readonly [{ readonly user: Record<string, string> }] };
  return {
    url: served.url, token: kubeconfig.users[0].user['token']!, ca: Buffer.from(kubeconfig.clusters[0].cluster['certificate-authority-data']!, 'base64'),
    async end() {
      await served.close();
      apiServer.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

beforeAll(async () => void (running = await start()));
afterAll(() => running.end());

interface Answer {
  /** 0 when the connection ended without one. */
  readonly code: number;
  readonly body: string;
}

async function open({ url, ca } = running): Promise<TLSSocket> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', ca });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

const head = (method: string, path: string, type: string, more: readonly string[]) => [`${method} ${path} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${running.token}`, `Content-Type: ${type}`, 'Connection: close', ...more, '', ''].join('\r\n');

function answerOf(socket: TLSSocket): Promise<Answer> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return new Promise((resolve) => {
    socket.on('close', () => resolve({ code: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), body: text.slice(text.indexOf('\r\n\r\n') + 4) }));
  });
}

async function send(method: string, path: string, body: string | Buffer, type = 'application/json'): Promise<Answer> {
  const socket = await open();
  const answer = answerOf(socket);
  socket.write(head(method, path, type, [`Content-Length: ${Buffer.byteLength(body)}`]));
  socket.write(body);
  return answer;
}

/** Sends `totalBytes` as fast as they are taken, until the server has had enough. */
async function pour(declared: 'length' | 'chunked', totalBytes: number): Promise<Answer & { readonly sentBytes: number }> {
  const socket = await open();
  const answer = answerOf(socket);
  socket.write(head('POST', PATH, 'application/json', [declared === 'length' ? `Content-Length: ${totalBytes}` : 'Transfer-Encoding: chunked']));
  const piece = Buffer.alloc(64 * 1024, 0x20);
  const framed = declared === 'length' ? piece : Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  let sentBytes = 0;
  while (sentBytes < totalBytes && !socket.destroyed && socket.writable) {
    sentBytes += piece.length;
    if (!socket.write(framed)) await takenOrGone(socket);
  }
  return { ...(await answer), sentBytes };
}

async function takenOrGone(socket: TLSSocket): Promise<void> {
  const over = new AbortController();
  await Promise.race([once(socket, 'drain', { signal: over.signal }), once(socket, 'close', { signal: over.signal })].map((event) => event.catch(() => undefined)));
  over.abort();
}

const collectGarbage = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

async function heldBytes(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collectGarbage();
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

afterEach(async () => {
  // It serves on after everything.
  const name = `after-${Math.random().toString(36).slice(2)}`;
  const { code } = await send('POST', PATH, JSON.stringify({ metadata: { name } }));
  if (code !== 201) throw new Error(`an ordinary request is answered with ${code}`);
  if (Object.keys(Object.prototype).length > 0 || 'polluted' in {}) throw new Error('a key has reached a prototype');
});

describe('bodies of 100 MB', () => {
  test.each(['length', 'chunked'] as const)('%s: refused long before the end, and nothing of them stays', async (declared) => {
    await pour(declared, 8 * MIB);
    const before = await heldBytes();
    for (let round = 0; round < 4; round++) {
      const { code, sentBytes } = await pour(declared, 100 * MIB);
      expect(code).toBe(413);
      expect(sentBytes).toBeLessThan(40 * MIB);
    }
    await expect.poll(async () => (await heldBytes()) - before).toBeLessThan(8 * MIB);
  });

  test('a client that waits for an answer is told 413', async () => {
    const socket = await open();
    const answer = answerOf(socket);
    socket.write(head('POST', PATH, 'application/json', [`Content-Length: ${100 * MIB}`]));
    socket.write('{');
    const { code, body } = await answer;
    expect([code, (JSON.parse(body) as { reason: string }).reason]).toEqual([413, 'RequestEntityTooLarge']);
  });
});

test('a connection that ends with the answer says so, and its client is not cut off in the next request', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: running.ca });
  const ask = (method: string, body?: Buffer, headers: Readonly<Record<string, string>> = {}) => new Promise<readonly unknown[]>((resolve, reject) => {
    const outgoing = request(`${running.url}${PATH}`, { method, agent, headers: { authorization: `Bearer ${running.token}`, 'content-type': 'application/json', ...headers } }, (response) => {
      response.resume().on('end', () => resolve([response.statusCode, response.headers.connection]));
    });
    outgoing.on('error', reject).end(body);
  });
  const wrong = { authorization: 'Bearer wrong' };
  for (let round = 0; round < 5; round++) {
    for (const [sizeBytes, code, connection, headers] of [[4 * MIB, 413, 'close', {}], [MIB, 401, 'close', wrong], [100_000, 401, 'keep-alive', wrong]] as const) {
      expect(await ask('POST', Buffer.alloc(sizeBytes, 0x20), headers)).toEqual([code, connection]);
      expect(await ask('GET')).toEqual([200, 'keep-alive']);
    }
  }
  agent.destroy();
});

describe('deep nesting', () => {
  const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
  const arrays = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const inData = (nested: string) => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"deep"},"data":${nested}}`;
  const yamlMaps = (levels: number) => Array.from({ length: levels }, (_, level) => `${' '.repeat(level)}a:`).join('\n');

  test.each<[string, string, string, string]>([
    ['objects in JSON', 'POST', 'application/json', inData(objects(400_000))],
    ['arrays in JSON', 'POST', 'application/json', inData(arrays(1_000_000))],
    ['a JSON text that never ends', 'POST', 'application/json', '['.repeat(2_000_000)],
    ['a merge patch', 'PATCH', 'application/merge-patch+json', objects(400_000)],
    ['a strategic patch', 'PATCH', 'application/strategic-merge-patch+json', objects(400_000)],
    ['a JSON patch\'s value', 'PATCH', 'application/json-patch+json', `[{"op":"add","path":"/data","value":${objects(400_000)}}]`],
    ['a JSON patch\'s path', 'PATCH', 'application/json-patch+json', `[{"op":"add","path":"${'/a'.repeat(500_000)}","value":1}]`],
    ['flow lists in YAML', 'POST', 'application/yaml', `a: ${arrays(20_000)}`],
    ['maps in YAML', 'POST', 'application/yaml', yamlMaps(1_500)],
    ['an applied configuration', 'PATCH', 'application/apply-patch+yaml', `a: ${arrays(20_000)}`],
    ['aliases of aliases in YAML', 'POST', 'application/yaml', ['a0: &a0 [x,x,x,x,x,x,x,x,x]', ...Array.from({ length: 12 }, (_, level) => `a${level + 1}: &a${level + 1} [${Array.from({ length: 9 }, () => `*a${level}`).join(',')}]`)].join('\n')],
    ['protobuf', 'POST', 'application/vnd.kubernetes.protobuf', `k8s\0${'\x0a\x7f'.repeat(500_000)}`],
  ])('%s is refused', async (_name, method, type, body) => {
    if (method === 'PATCH') await send('POST', PATH, JSON.stringify({ metadata: { name: 'deep' }, data: {} }));
    const { code } = await send(method, method === 'PATCH' ? `${PATH}/deep?fieldManager=m` : PATH, body, type);
    expect(code).toBeGreaterThanOrEqual(400);
    expect(code).toBeLessThan(500);
  });
});

describe('keys that reach into prototypes', () => {
  const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
  const poison = `"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}`;

  test('are ordinary data where any key is', async () => {
    const data = `{${KEYS.map((key) => `"${key}":"mine"`).join(',')}}`;
    const made = await send('POST', PATH, `{"metadata":{"name":"keys","labels":{"__proto__":"a","constructor":"b"},"annotations":{"__proto__":"c"}},"data":${data}}`);
    // As on the real server: labels and annotations have names of a certain form.
    expect([made.code, made.body.includes('__proto__')]).toEqual([422, true]);
    expect((await send('POST', PATH, `{"metadata":{"name":"keys","labels":{"constructor":"b"}},"data":${data}}`)).code).toBe(201);
    const { body } = await send('GET', `${PATH}/keys`, '');
    expect(body).toContain('"__proto__":"mine"');
    expect(Object.entries((JSON.parse(body) as { data: object }).data).sort()).toEqual(KEYS.map((key) => [key, 'mine']).sort());
    expect((await send('GET', `${PATH}?labelSelector=constructor%3Db&fieldSelector=metadata.name%3Dkeys`, '')).body).toContain('"name":"keys"');
    expect((await send('GET', `${PATH}?labelSelector=toString`, '')).body).toContain('"items":[]');
  });

  test.each<[string, string, string]>([
    ['merge', 'application/merge-patch+json', `{${poison},"data":{"__proto__":"x","a":null}}`],
    ['merge of metadata', 'application/merge-patch+json', `{"metadata":{${poison},"annotations":{"constructor":"x"}}}`],
    ['strategic merge', 'application/strategic-merge-patch+json', `{${poison},"data":{"__proto__":"x"}}`],
    ['a directive of strategic merge', 'application/strategic-merge-patch+json', '{"$setElementOrder/__proto__":[],"$deleteFromPrimitiveList/__proto__":["x"],"$retainKeys":["__proto__"]}'],
    ['JSON patch', 'application/json-patch+json', '[{"op":"add","path":"/data/__proto__","value":"x"},{"op":"add","path":"/__proto__/polluted","value":"yes"}]'],
    ['a move of JSON patch', 'application/json-patch+json', '[{"op":"move","from":"/data","path":"/constructor/prototype/polluted"}]'],
    ['server-side apply', 'application/apply-patch+yaml', `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"patched"},${poison},"data":{"__proto__":"x"}}`],
    ['server-side apply in YAML', 'application/apply-patch+yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: patched\n  __proto__:\n    polluted: yes\ndata:\n  __proto__: x\n  constructor: y\n'],
  ])('a patch, %s', async (_name, type, patch) => {
    await send('POST', PATH, JSON.stringify({ metadata: { name: 'patched' }, data: { a: 'b' } }));
    const { code, body } = await send('PATCH', `${PATH}/patched?fieldManager=m&force=${type.includes('apply')}`, patch, type);
    expect([200, 400, 422, 500]).toContain(code);
    if (code === 500) expect(body).not.toContain('TypeError');
    expect((await send('GET', `${PATH}/patched`, '')).body).not.toContain('polluted');
  });

  test('in query parameters, paths and headers', async () => {
    for (const key of KEYS) {
      expect([200, 400]).toContain((await send('GET', `${PATH}?${key}=x&fieldSelector=${key}%3Dx`, '')).code);
      expect((await send('GET', `/apis/${key}/v1/${key}`, '')).code).toBe(404);
      expect((await send('GET', `${PATH}/${key}`, '')).code).toBe(404);
    }
  });

  test('in custom resources that keep what they do not know', async () => {
    const definition = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'bags.bad.example.com' }, spec: { group: 'bad.example.com', scope: 'Namespaced', names: { plural: 'bags', kind: 'Bag' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] } };
    expect((await send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', JSON.stringify(definition))).code).toBe(201);
    const bags = '/apis/bad.example.com/v1/namespaces/default/bags';
    await expect.poll(async () => (await send('GET', bags, '')).code).toBe(200);
    expect((await send('POST', bags, `{"apiVersion":"bad.example.com/v1","kind":"Bag","metadata":{"name":"b"},"inside":{${poison}}}`)).code).toBe(201);
    expect((await send('PATCH', `${bags}/b`, `{"inside":{"__proto__":{"more":"yes"}}}`, 'application/merge-patch+json')).code).toBe(200);
    const { body } = await send('GET', `${bags}/b`, '');
    expect(body).toContain('"__proto__":{"polluted":"yes","more":"yes"}');
  });
});

describe('half and slow requests', () => {
  test('whoever does not finish its headers is cut off', async () => {
    const strict = await start({ headersTimeoutMs: 400 });
    const sockets = await Promise.all(Array.from({ length: 50 }, () => open(strict)));
    const answers = sockets.map(answerOf);
    for (const socket of sockets) socket.write('GET /api HTTP/1.1\r\nHost: x\r\n');
    // One more header every now and then does not help.
    const drip = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('X-Drip: 1\r\n');
    }, 50);
    expect((await Promise.all(answers)).every(({ code }) => code === 408 || code === 400 || code === 0)).toBe(true);
    clearInterval(drip);
    await strict.end();
  });

  test.each<[string, string]>([
    ['a method that is none', 'FLY /api HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['no host', 'GET /api HTTP/1.1\r\n\r\n'],
    ['another version', 'GET /api HTTP/9.9\r\nHost: x\r\n\r\n'],
    ['two lengths', `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}`],
    ['a length and chunks', `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a negative length', `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n`],
    ['a chunk that is none', `POST ${PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n`],
    ['headers of 200 kB', `GET /api HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(200_000)}\r\n\r\n`],
    ['a NUL in a header', 'GET /api HTTP/1.1\r\nHost: x\r\nX-Nul: a\0b\r\n\r\n'],
    ['bytes that are nothing', Buffer.from(Array.from({ length: 2_000 }, (_, index) => (index * 131 + 7) % 256)).toString('latin1')],
  ])('%s', async (_name, text) => {
    const socket = await open();
    const answer = answerOf(socket);
    socket.write(Buffer.from(text, 'latin1'));
    const { code } = await answer;
    expect(code === 0 || (code >= 400 && code < 500)).toBe(true);
  });
});
