// Goal: a server is not brought down by clients that hang, read slowly, send slowly or come in masses, and keeps nothing of them. Method:
// a served API server with small limits, a thousand watchers that never read, floods; what it holds is compared before and after.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, test } from 'vitest';
import type { Kube, KubeObject, Resource } from '@vfleet/core';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createApiServer } from '@vfleet/kube-sim';
import type { ApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import type { ServedApi } from '@vfleet/kube-sim/edge/serve.ts';
import type { ServerLimits } from '@vfleet/kube-sim/edge/limits/limits.ts';

const configMaps: Resource<KubeObject> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const PATH = '/api/v1/namespaces/default/configmaps';

interface Running {
  readonly apiServer: ApiServer;
  readonly kube: Kube;
  readonly served: ServedApi;
  readonly token: string;
  readonly ca: Buffer;
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function start(limits: Partial<ServerLimits>): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-limits-'));
  const apiServer = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: silentLog, historyLimit: 50 });
  const served = await serve(apiServer, { port: 0, host: '127.0.0.1', folder, limits });
  const kubeconfig = JSON.parse(readFileSync(served.kubeconfigPath, 'utf8')) as { readonly clusters: readonly [{ readonly cluster: Record<string, string> }]; readonly users: readonly [{ readonly user: Record<string, string> }] };
  ends.push(async () => {
    await served.close();
    apiServer.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return { apiServer, kube: apiServer.client(), served, token: kubeconfig.users[0].user['token']!, ca: Buffer.from(kubeconfig.clusters[0].cluster['certificate-authority-data']!, 'base64') };
}

/** A connection on which a watch was asked for and its head has come; from then on nobody reads. */
async function hangingWatch({ served, token, ca }: Running, session?: Buffer): Promise<TLSSocket> {
  const socket = connect({ port: Number(new URL(served.url).port), host: '127.0.0.1', ca, ...(session === undefined ? {} : { session }) });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  socket.write(`GET ${PATH}?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  expect(head.toString()).toMatch(/^HTTP\/1\.1 200 /);
  socket.pause();
  return socket;
}

interface Answer {
  readonly code: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

function ask({ served, token, ca }: Running, agent: Agent, method: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${served.url}${path}`, { method, agent, ca, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } }, (response: IncomingMessage) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve({ code: response.statusCode!, retryAfter: response.headers['retry-after'], text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const collectGarbage = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

async function heapBytes(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collectGarbage();
  }
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}

const watchers = ({ apiServer: { core } }: Running) => core.hub(core.registry.find('', 'v1', 'configmaps')!).size;

const put = (kube: Kube, name: string, text: string) => kube.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { text } } as KubeObject);

async function hangingWatches(running: Running, count: number): Promise<readonly TLSSocket[]> {
  const first = await hangingWatch(running);
  const session = first.getSession();
  const sockets = [first];
  while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: Math.min(50, count - sockets.length) }, () => hangingWatch(running, session)))));
  expect(watchers(running)).toBe(count);
  return sockets;
}

test('a thousand watchers that hang: writes go on, and nothing of them stays', async () => {
  const running = await start({});
  const round = async (count: number) => {
    const sockets = await hangingWatches(running, count);
    for (let write = 0; write < 20; write++) {
      await put(running.kube, 'a', 'x'.repeat(2000));
      await running.kube.delete(configMaps, { namespace: 'default', name: 'a' });
    }
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => watchers(running)).toBe(0);
  };
  await round(100);
  const before = await heapBytes();
  await round(1000);
  await expect.poll(async () => (await heapBytes()) - before, { message: 'bytes more than before' }).toBeLessThan(8 * 1024 * 1024);
});

test('watchers that never read are cut off once they are too far behind', async () => {
  const running = await start({ streamUnsentMaxBytes: 512 * 1024 });
  const sockets = await hangingWatches(running, 30);
  for (let write = 0; write < 60 && watchers(running) > 0; write++) {
    await put(running.kube, 'a', 'x'.repeat(400_000));
    await running.kube.delete(configMaps, { namespace: 'default', name: 'a' });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await expect.poll(() => watchers(running)).toBe(0);
  for (const socket of sockets) socket.destroy();
});

test('watches are bounded over all connections', async () => {
  const running = await start({ streamsMax: 3 });
  const sockets = await Promise.all([1, 2, 3].map(() => hangingWatch(running)));
  const agent = new Agent();
  const refused = await ask(running, agent, 'GET', `${PATH}?watch=true`);
  expect([refused.code, refused.retryAfter, (JSON.parse(refused.text) as { reason: string }).reason]).toEqual([429, '1', 'TooManyRequests']);
  expect((await ask(running, agent, 'GET', PATH)).code).toBe(200);
  sockets[0]!.destroy();
  await expect.poll(() => watchers(running)).toBe(2);
  sockets.push(await hangingWatch(running));
  for (const socket of sockets) socket.destroy();
});

test('all slow watchers together are bounded: the slowest go, those that read stay', async () => {
  const running = await start({ unsentMaxBytes: 3 * 1024 * 1024 });
  const sockets = await Promise.all(Array.from({ length: 20 }, () => hangingWatch(running)));
  const reading = await hangingWatch(running);
  let readBytes = 0;
  reading.on('data', (chunk: Buffer) => (readBytes += chunk.length)).resume();
  const text = 'x'.repeat(100_000);
  for (let write = 0; write < 120; write++) {
    await put(running.kube, `n${write}`, text);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await expect.poll(() => watchers(running)).toBeLessThan(10);
  await expect.poll(() => readBytes).toBeGreaterThan(120 * 100_000);
  for (const socket of [...sockets, reading]) socket.destroy();
});

test('a flood: leases are written, the rest is answered or told to come again', async () => {
  const running = await start({ waitingMax: 20, runningMax: 4 });
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const lease = (name: string) => ask(running, agent, 'POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', JSON.stringify({ metadata: { name } }));
  const create = (name: string) => ask(running, agent, 'POST', PATH, JSON.stringify({ metadata: { name }, data: { text: 'x'.repeat(5000) } }));
  // Connections first, so that all requests then come at once.
  await Promise.all(Array.from({ length: 200 }, () => ask(running, agent, 'GET', '/version')));
  const answers = await Promise.all(Array.from({ length: 400 }, async (_, index) => (index % 20 === 0 ? { kind: 'lease', ...(await lease(`l${index}`)) } : { kind: 'rest', ...(await create(`c${index}`)) })));
  expect(answers.filter(({ kind, code }) => kind === 'lease' && code !== 201)).toEqual([]);
  const rest = answers.filter(({ kind }) => kind === 'rest');
  const refused = rest.filter(({ code }) => code === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.every(({ retryAfter, text }) => retryAfter === '1' && text === 'Too many requests, please try again later.\n')).toBe(true);
  expect(rest.length - refused.length).toBe(rest.filter(({ code }) => code === 201).length);
  expect((await create('afterwards')).code).toBe(201);
  agent.destroy();
});

test('bodies that come slowly take nobody\'s turn, and all of them together no more memory than allowed', async () => {
  const running = await start({ runningMax: 2, waitingMax: 2, receivedMaxBytes: 1024 * 1024 });
  const { served, token, ca } = running;
  const slow = await Promise.all(Array.from({ length: 30 }, async () => {
    const socket = connect({ port: Number(new URL(served.url).port), host: '127.0.0.1', ca });
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"a":"${'x'.repeat(60_000)}`);
    return { socket, answer: () => answer };
  }));
  await expect.poll(() => slow.filter(({ answer }) => answer().startsWith('HTTP/1.1 429 ')).length).toBeGreaterThan(0);
  expect(slow.filter(({ answer }) => answer() === '').length).toBeGreaterThan(5);
  const agent = new Agent();
  expect((await ask(running, agent, 'GET', PATH)).code).toBe(200);
  for (const { socket } of slow) socket.destroy();
  await expect.poll(async () => (await ask(running, agent, 'POST', PATH, JSON.stringify({ metadata: { name: 'later' } }))).code).toBe(201);
});

test('a client that does not read its answer is cut off', async () => {
  const running = await start({ readTimeoutMs: 300 });
  for (let index = 0; index < 12; index++) await put(running.kube, `n${index}`, 'x'.repeat(900_000));
  const { served, token, ca } = running;
  const socket = connect({ port: Number(new URL(served.url).port), host: '127.0.0.1', ca });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  socket.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await once(socket, 'readable');
  await new Promise((resolve) => setTimeout(resolve, 900));
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await once(socket, 'close');
  expect(bytes).toBeLessThan(12 * 900_000);
});
