// Goal: nothing leaves the server that a crash could take back: no answer, no list, no watch event. Method: a served API server on a
// MemStorage that is told when to fail, under the real clock.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createApiServer, fullDisk, MemStorage } from '@vfleet/kube-sim';
import type { ApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import type { ServedApi } from '@vfleet/kube-sim/edge/serve.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const disk = { full: false };
let folder: string;
let apiServer: ApiServer;
let served: ServedApi;
let token: string;
let ca: Buffer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vfleet-durable-'));
  apiServer = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: silentLog, storage: new MemStorage(() => (disk.full ? fullDisk : undefined)) });
  served = await serve(apiServer, { port: 0, host: '127.0.0.1', folder });
  const kubeconfig = JSON.parse(readFileSync(served.kubeconfigPath, 'utf8')) as { readonly clusters: readonly [{ readonly cluster: Record<string, string> }]; readonly users: readonly [{ readonly user: Record<string, string> }] };
  token = kubeconfig.users[0].user['token']!;
  ca = Buffer.from(kubeconfig.clusters[0].cluster['certificate-authority-data']!, 'base64');
});
afterAll(async () => {
  await served.close();
  apiServer.stop();
  rmSync(folder, { recursive: true, force: true });
});

function open(method: string, path: string, body: object | undefined, onText: (text: string) => void): Promise<{ readonly code: number; readonly response: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${served.url}${path}`, { method, agent: false, ca, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } }, (response) => {
      response.setEncoding('utf8').on('data', onText).on('error', () => undefined);
      resolve({ code: response.statusCode!, response });
    });
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function ask(method: string, path: string, body?: object): Promise<{ readonly code: number; readonly text: string }> {
  let text = '';
  const { code, response } = await open(method, path, body, (chunk) => (text += chunk));
  if (!response.readableEnded) await new Promise((resolve) => response.once('end', resolve));
  return { code, text };
}

test('while the disk refuses, writes and reads of what is not kept get 500 and watchers hear nothing; then all go on', async () => {
  let events = '';
  const watch = await open('GET', `${PATH}?watch=true`, undefined, (text) => (events += text));
  expect((await ask('POST', PATH, { metadata: { name: 'kept' } })).code).toBe(201);
  await expect.poll(() => events).toContain('"kept"');
  disk.full = true;
  const refused = await ask('POST', PATH, { metadata: { name: 'doubtful' } });
  expect([refused.code, (JSON.parse(refused.text) as { message: string }).message]).toEqual([500, 'Internal error occurred: no space is left; Free some space; the cluster goes on by itself.']);
  expect((await ask('GET', PATH)).code).toBe(500);
  expect((await ask('GET', `${PATH}/doubtful`)).code).toBe(500);
  expect((await ask('DELETE', `${PATH}/kept`)).code).toBe(500);
  expect((await ask('GET', '/readyz')).code).toBe(500);
  expect(events).not.toContain('doubtful');
  disk.full = false;
  await expect.poll(async () => (await ask('GET', `${PATH}/doubtful`)).code).toBe(200);
  await expect.poll(() => events).toContain('"doubtful"');
  expect((await ask('DELETE', `${PATH}/kept`)).code).toBe(200);
  watch.response.destroy();
});
