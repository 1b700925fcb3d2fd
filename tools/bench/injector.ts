/**
 * The network resources injector over TLS, beside another one: 200 networks on a real kube-apiserver, 2,000 pods a second offered whatever is
 * answered, then as many as it takes. Ours is the operator as it is deployed; requests are what an API server sends for a pod of two networks.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { networkAttachmentAnnotations, webhookNames } from '@vfleet/core';
import { RealClock } from '@vfleet/core/real.ts';
import { operatorNodeOptions } from '@vfleet/controllers/installation/workloads.ts';
import * as api from '@vfleet/kube';
import { kubeFromConfigFile } from '@vfleet/kube/adapters/kubeconfig.ts';
import { x509Issuer } from '@vfleet/kube/certificates/edge/x509-issuer.ts';
import { install, kubeconfigOf } from '../../test/cluster/rbac-install.ts';
import { realServerIsBuilt } from '../../test/cluster/servers.ts';
import { startRealApiServer } from '../rigs/real-cluster.ts';
import type { RealApiServer } from '../rigs/real-cluster.ts';
import { median } from './injector-load.ts';
import type { Offered } from './injector-load.ts';
import { Injector, NETWORKS, networkName, offer, saturate } from './injector-load.ts';

const ROUNDS = 5;

/** `--peer=PATH`: the executable `webhook` of a network-resources-injector in Go, to be measured in the same run; needs root. `--quick`: one round. */
export async function run(print: (line: string) => void, words: readonly string[]): Promise<void> {
  if (!(await realServerIsBuilt())) {
    print('There is no real API server here: `node tools/rigs/kubernetes.ts` builds it (Go 1.24 or newer).');
    return;
  }
  const peer = words.find((word) => word.startsWith('--peer='))?.slice('--peer='.length);
  await using open = new AsyncDisposableStack();
  const server = open.use(await startRealApiServer({ unsafeNoFsync: true }));
  await install(server);
  const kube = open.adopt(kubeFromConfigFile(server.kubeconfig), (one) => one.close());
  await kube.create(api.customResourceDefinitionResource, api.networkAttachmentDefinitionCrd());
  await until(async () => (await kube.list(api.networkAttachmentDefinitions)).items.length === 0);
  for (let index = 0; index < NETWORKS; index++) {
    const annotations = { [networkAttachmentAnnotations.resourceName]: `openshift.io/resource_${index % 20}` };
    await kube.create(api.networkAttachmentDefinitions, { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { namespace: 'default', name: networkName(index), annotations }, spec: { config: '{"cniVersion":"1.0.0","type":"sriov"}' } });
  }
  const ours = open.use(await startOurs(server, kube));
  const injectors = [ours, ...(peer === undefined ? [] : [open.use(await startPeer(server, peer))])];
  for (const injector of injectors) await until(() => injector.answersRightly());
  print(`${NETWORKS} networks, pods of two networks each, ${availableParallelism()} cores, load before ${loadavg()[0]!.toFixed(1)}; medians of ${words.includes('--quick') ? 1 : ROUNDS} rounds in turn`);
  print('                 offered/s   answered/s   p50 ms   p99 ms   worst ms   as many as it takes/s   CPU µs a pod   memory MB');
  const figures = new Map<Injector, Offered[]>(injectors.map((injector) => [injector, []]));
  const most = new Map<Injector, { perSecond: number; cpuMicroseconds: number }[]>(injectors.map((injector) => [injector, []]));
  for (let round = 0; round < (words.includes('--quick') ? 1 : ROUNDS); round++) {
    for (const injector of injectors) {
      figures.get(injector)!.push(await offer(injector));
      most.get(injector)!.push(await saturate(injector));
    }
  }
  const summary = injectors.map((injector) => {
    const [offered, full] = [figures.get(injector)!, most.get(injector)!];
    const of = (name: keyof Offered) => median(offered.map((one) => one[name]));
    const told = { p99: of('p99Ms'), perSecond: median(full.map((one) => one.perSecond)), cpu: median(full.map((one) => one.cpuMicroseconds)) };
    print(`${injector.name.padEnd(16)} ${of('offeredPerSecond').toFixed(0).padStart(9)} ${of('answeredPerSecond').toFixed(0).padStart(12)} ${of('p50Ms').toFixed(2).padStart(8)} ${told.p99.toFixed(2).padStart(8)} ${of('worstMs').toFixed(1).padStart(10)} ${told.perSecond.toFixed(0).padStart(23)} ${told.cpu.toFixed(0).padStart(14)} ${injector.peakMegabytes().toFixed(0).padStart(11)}`);
    return told;
  });
  const [mine, theirs] = summary;
  if (mine === undefined || theirs === undefined) {
    print('Give --peer=PATH to measure a Go injector beside it.');
    return;
  }
  print(`ours : ${injectors[1]!.name}   p99 ×${(mine.p99 / theirs.p99).toFixed(2)} (≤ 1: ${mine.p99 <= theirs.p99 ? 'reached' : 'missed'}), as many as it takes ×${(mine.perSecond / theirs.perSecond).toFixed(2)}, CPU a pod ×${(mine.cpu / theirs.cpu).toFixed(2)}; load after ${loadavg()[0]!.toFixed(1)}`);
}

async function startOurs(server: RealApiServer, kube: ReturnType<typeof kubeFromConfigFile>): Promise<Injector> {
  const words = ['--disable-warning=ExperimentalWarning', ...operatorNodeOptions.split(' '), join(import.meta.dirname, '../../packages/cli/src/main.ts'), 'operator', '--kubeconfig', await kubeconfigOf(server, 'operator'), '--webhook-address', '127.0.0.1', '--webhook-port', '0', '--log-level', 'error'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const where: { found?: { readonly url: string; readonly certificateAuthority: string } } = {};
  await until(async () => {
    const { webhooks } = (await kube.get(api.mutatingWebhookConfigurations, { name: webhookNames.injectorConfiguration })) as unknown as { readonly webhooks: readonly { readonly clientConfig: { readonly url?: string; readonly caBundle?: string } }[] };
    const { url, caBundle } = webhooks[0]!.clientConfig;
    if (url === undefined || caBundle === undefined) return false;
    where.found = { url, certificateAuthority: Buffer.from(caBundle, 'base64').toString('utf8') };
    return true;
  });
  return new Injector('ours', child.pid!, where.found!, () => ended(child));
}

/** As its own deployment runs it, but for client certificates; a mount namespace of its own gives it the service account that it asks for. */
async function startPeer(server: RealApiServer, path: string): Promise<Injector> {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-injector-'));
  const issuer = x509Issuer(new RealClock());
  const authority = await issuer.authority('bench', 86_400_000);
  const { key, certificate } = await issuer.serving(authority, { dnsNames: ['localhost'], addresses: ['127.0.0.1'] }, 86_400_000);
  for (const [name, text] of Object.entries({ key, certificate, token: server.token, authority: readFileSync(server.caFile, 'utf8') })) writeFileSync(join(folder, name), text, { mode: 0o600 });
  const port = 20_000 + Math.floor(process.pid % 20_000);
  const script = 'mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount && cd /run/secrets/kubernetes.io/serviceaccount && cp "$1/token" token && cp "$1/authority" ca.crt && shift && exec "$@"';
  const flags = ['-logtostderr', '-insecure', '-bind-address=127.0.0.1', `-port=${port}`, `-health-check-port=${port + 1}`, `-tls-cert-file=${join(folder, 'certificate')}`, `-tls-private-key-file=${join(folder, 'key')}`];
  const { hostname, port: apiPort } = new URL(server.url);
  const child = spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', folder, path, ...flags], { stdio: 'ignore', env: { ...process.env, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: apiPort } });
  return new Injector('Go', child.pid!, { url: `https://127.0.0.1:${port}/mutate`, certificateAuthority: authority.certificate }, async () => {
    await ended(child);
    rmSync(folder, { recursive: true });
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 120_000;
  for (;;) {
    const outcome = await holds().catch((error: unknown) => error);
    if (outcome === true) return;
    if (performance.now() > deadlineMs) throw new Error('what the benchmark needs did not get ready within two minutes', { cause: outcome });
    await sleep(100);
  }
}
