import { access, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { defaultAssetsDir } from '../../tools/rigs/kubernetes.ts';
import { startRealApiServer } from '../../tools/rigs/real-cluster.ts';
import { ApiClient } from './client.ts';
import type { ApiAccess } from './client.ts';
import { startOurServer } from './our-server.ts';
import type { Target } from './player.ts';
import { startWebhook } from './webhook.ts';
import type { Webhook } from './webhook.ts';

/** A running server of the API, real or ours. */
export interface RunningServer extends AsyncDisposable {
  readonly access: ApiAccess;
  /** Makes it forget every version up to now. */
  compact(): Promise<void>;
  stop(): Promise<void>;
}

/** A client on a running server, and the webhook as that server reaches it; `side` keeps servers apart that share one. */
export function targetOf(server: RunningServer, webhook: Webhook, side: string): Target & { close(): void } {
  const client = new ApiClient(server.access);
  return {
    client, compact: () => server.compact(), close: () => client.close(),
    webhook: { url: `${webhook.url}/${side}`, caBundle: webhook.caBundle, take: (namespace) => webhook.take(side, namespace) },
  };
}

/** Whether a real API server can be started without building anything. */
export async function realServerIsBuilt(): Promise<boolean> {
  const found = await Promise.allSettled(['etcd', 'kube-apiserver', 'kubectl'].map((name) => access(join(defaultAssetsDir(), name))));
  return found.every(({ status }) => status === 'fulfilled');
}

export async function startReal(): Promise<RunningServer & { readonly versions: string }> {
  const server = await startRealApiServer({ unsafeNoFsync: true });
  const stop = () => server.stop();
  return {
    access: { url: server.url, token: server.token, certificateAuthority: await readFile(server.caFile, 'utf8') },
    versions: `Kubernetes ${server.kubernetesVersion} with etcd ${server.etcdVersion}`,
    compact: () => compactEtcd(dirname(server.kubeconfig)),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Both servers and one webhook for them, ready to play cases on. */
export interface Servers extends AsyncDisposable {
  readonly real: Target;
  readonly ours: Target;
  stop(): Promise<void>;
}

export async function startBoth(): Promise<Servers> {
  const started = await Promise.allSettled([startReal(), startOurServer(), startWebhook()]);
  const running = started.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  const [realServer, ourServer, webhook] = started;
  if (realServer.status === 'rejected' || ourServer.status === 'rejected' || webhook.status === 'rejected') {
    for (const one of running) await one.stop();
    throw started.find((one) => one.status === 'rejected')?.reason;
  }
  const real = targetOf(realServer.value, webhook.value, 'real');
  const ours = targetOf(ourServer.value, webhook.value, 'ours');
  const stop = async () => {
    real.close();
    ours.close();
    for (const one of running) await one.stop();
  };
  return { real, ours, stop, [Symbol.asyncDispose]: stop };
}

/** By etcd's JSON gateway, on the socket that the rig puts into its folder. */
async function compactEtcd(dir: string): Promise<void> {
  const socketPath = join(dir, 'client:1');
  const { header } = JSON.parse(await post(socketPath, '/v3/kv/range', { key: Buffer.from('x').toString('base64') })) as { readonly header: { readonly revision: string } };
  await post(socketPath, '/v3/kv/compaction', { revision: header.revision, physical: true });
}

function post(socketPath: string, path: string, body: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const pending = request({ socketPath, path, method: 'POST' }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(`etcd answered ${response.statusCode} to ${path}: ${text}`))));
    });
    pending.on('error', reject);
    pending.end(JSON.stringify(body));
  });
}
