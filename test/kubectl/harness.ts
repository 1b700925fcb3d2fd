import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import type { Cluster } from '@vfleet/kube-sim';
import { createCluster } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { instantTiming } from '@vfleet/kube-sim/kubelet/options.ts';

export const hasKubectl = spawnSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' }).status === 0;

export interface Done {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  /** What it has printed so far. */
  readonly lines: () => string;
  stop(): void;
}

/** An embedded cluster of two nodes, served, and a kubectl that knows no other. */
export interface Bench {
  readonly cluster: Cluster;
  /** Runs kubectl to its end. */
  kubectl(words: readonly string[], more?: { readonly input?: string; readonly env?: Readonly<Record<string, string>> }): Promise<Done>;
  /** The same; throws with everything printed when it fails. */
  ok(words: readonly string[], input?: string): Promise<string>;
  start(words: readonly string[]): Running;
  /** How many watches of a resource of the core group are open. */
  watchersOf(plural: string): number;
  /** A file in a folder of this bench. */
  file(name: string, content: string | object): string;
  stop(): Promise<void>;
}

export async function startBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-commands-'));
  const cluster = createCluster({ clock: new RealClock(), random: new SystemRandom(), log: silentLog, timing: instantTiming, nodes: [{ name: 'n1' }, { name: 'n2' }] });
  const served = await serve(cluster.apiServer, { port: 0, host: '127.0.0.1', folder: join(folder, 'server') });
  await cluster.start();
  const environment = (more: Readonly<Record<string, string>> = {}) => ({ PATH: process.env['PATH'], HOME: folder, KUBECONFIG: served.kubeconfigPath, ...more });

  /** Asynchronous: the server runs in this process. */
  const kubectl: Bench['kubectl'] = (words, { input = '', env } = {}) => new Promise((resolve, reject) => {
    const child = spawn('kubectl', [...words], { env: environment(env), stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('error', reject);
    child.stdin.on('error', () => undefined);
    child.on('close', (status) => resolve({ status: status ?? -1, out, err }));
    child.stdin.end(input);
  });

  return {
    cluster,
    kubectl,
    async ok(words, input) {
      const done = await kubectl(words, input === undefined ? {} : { input });
      if (done.status !== 0) throw new Error(`kubectl ${words.join(' ')} ended with ${done.status}\n${done.out}${done.err}`);
      return done.out;
    },
    start(words) {
      const child = spawn('kubectl', [...words], { env: environment() });
      let lines = '';
      child.stdout.on('data', (chunk: Buffer) => (lines += chunk.toString()));
      return { lines: () => lines, stop: () => void child.kill() };
    },
    watchersOf(plural) {
      const { core } = cluster.apiServer;
      return core.hub(core.registry.find('', 'v1', plural)!).size;
    },
    file(name, content) {
      const path = join(folder, name);
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o700 });
      return path;
    },
    async stop() {
      await served.close();
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const configMap = (name: string, data: Readonly<Record<string, string>>, more: object = {}): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more }, data });

export const deployment = (name: string, replicas: number, image = 'web:1'): object => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image }] } } },
});
