import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createApiServer } from '@vfleet/kube-sim/api-server.ts';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { parse } from 'yaml';
import { FuzzConnection } from './connection.ts';
import type { Access, Outcome } from './connection.ts';
import { fuzzRequest } from './requests.ts';
import type { FuzzRequest } from './requests.ts';

export interface FuzzOptions {
  readonly seed: string;
  readonly requests: number;
  readonly connections: number;
  /** Every so many requests. */
  readonly onProgress?: (report: FuzzReport) => void;
  readonly progressEvery?: number;
}

export interface FuzzFailure {
  readonly index: number;
  readonly what: string;
  readonly request: string;
}

export interface FuzzReport {
  readonly requests: number;
  /** Answers by status code; `closed` for connections that ended without one. */
  readonly answers: Readonly<Record<string, number>>;
  /** Messages of answers with 500, which the real server gives too, by how often; names in them stand as they first came. */
  readonly serverErrors: Readonly<Record<string, number>>;
  readonly failures: readonly FuzzFailure[];
  readonly connectionsOpened: number;
  readonly watchersLeft: number;
  readonly objects: number;
  readonly heapBytes: number;
}

const FAILURES_MAX = 20;
/** A watcher that is still there so long after its connection is left behind for good. */
const LEFT_BEHIND_MS = 60_000;

/** Plays a run against a server of its own. A failure is a mistake that the server logged, silence, or an answer that is none. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-fuzz-'));
  const mistakes: string[] = [];
  const apiServer = createApiServer({ clock: new RealClock(), random: new SystemRandom(), log: errorsInto(mistakes), historyLimit: 1_000 });
  const served = await serve(apiServer, { host: '127.0.0.1', port: 0, folder });
  const { access, token } = accessOf(served.url, served.kubeconfigPath);
  const answers = new Map<string, number>();
  const serverErrors = new Map<string, number>();
  const failures: FuzzFailure[] = [];
  const connections = Array.from({ length: options.connections }, () => new FuzzConnection(access));
  /** Where the server made mistakes: one place is reported once. */
  const known = new Set<string>();
  let next = 0;
  const report = (): FuzzReport => ({
    requests: Math.min(next, options.requests), answers: Object.fromEntries([...answers].sort(([a], [b]) => a.localeCompare(b))), serverErrors: Object.fromEntries(serverErrors), failures,
    connectionsOpened: connections.reduce((sum, { opened }) => sum + opened, 0), ...leftovers(apiServer.core), heapBytes: process.memoryUsage().heapUsed,
  });
  const fail = (index: number, what: string, request: FuzzRequest) => void failures.push({ index, what, request: JSON.stringify(request.bytes.toString('latin1').replace(token, 'TOKEN').slice(0, 4_000)) });

  const work = async (connection: FuzzConnection) => {
    while (next < options.requests && failures.length < FAILURES_MAX) {
      const index = next++;
      const request = fuzzRequest(options.seed, index, token);
      const outcome = await connection.send(request);
      const key = outcome.kind === 'answer' ? String(outcome.reply.status) : outcome.kind;
      answers.set(key, (answers.get(key) ?? 0) + 1);
      if (outcome.kind === 'answer' && outcome.reply.status === 500) {
        const shape = shapeOf(outcome.reply.body);
        serverErrors.set(shape, (serverErrors.get(shape) ?? 0) + 1);
      }
      // Several are under way at once: the mistake is one of theirs, most likely this one's.
      for (const mistake of mistakes.splice(0)) {
        const place = /at [^\n]*/.exec(JSON.stringify(mistake).replaceAll('\\\\n', '\n'))?.[0] ?? mistake;
        if (!known.has(place)) fail(index, mistake, request);
        known.add(place);
      }
      const problem = problemOf(request, outcome);
      if (problem !== undefined) fail(index, problem, request);
      if (options.onProgress !== undefined && index % (options.progressEvery ?? 10_000) === 0) options.onProgress(report());
    }
  };

  try {
    await Promise.all(connections.map(work));
    for (const connection of connections) connection.close();
    // Streams of connections that are gone are given up as soon as the server hears of it.
    for (const untilMs = performance.now() + LEFT_BEHIND_MS; leftovers(apiServer.core).watchersLeft > 0 && performance.now() < untilMs;) await new Promise((resolve) => setTimeout(resolve, 20));
    return report();
  } finally {
    for (const connection of connections) connection.close();
    await served.close();
    apiServer.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A message without what varies in it. */
function shapeOf(body: string): string {
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? body;
  return message.replace(/\\"(?:[^"\\]|\\[^"])*\\"/g, '"…"').replace(/\d+/g, '0').slice(0, 160);
}

/** What no request may bring about. Malformed ones may be left unanswered. */
function problemOf(request: FuzzRequest, outcome: Outcome): string | undefined {
  if (!request.isWellFormed) return undefined;
  if (outcome.kind !== 'answer') return `no answer: ${outcome.kind}`;
  const { status, body } = outcome.reply;
  if (status < 200 || status > 599) return `answered ${status}`;
  if (status < 400 || request.method === 'HEAD' || !body.startsWith('{')) return undefined;
  try {
    const said = JSON.parse(body) as { readonly kind?: string; readonly code?: number };
    return said.kind === 'Status' && said.code !== status ? `the status says ${said.code} and the answer ${status}` : undefined;
  } catch {
    return `answered ${status} with broken JSON`;
  }
}

function leftovers({ registry, hub, store }: ReturnType<typeof createApiServer>['core']): { readonly watchersLeft: number; readonly objects: number } {
  const storages = new Map(registry.all().map((resource) => [resource.storage, resource]));
  let [watchersLeft, objects] = [0, 0];
  for (const [storage, resource] of storages) {
    watchersLeft += [...hub(resource).watchers()].length;
    objects += store.collection(storage).objects.size;
  }
  return { watchersLeft, objects };
}

function accessOf(url: string, kubeconfigPath: string): { readonly access: Access; readonly token: string } {
  const { hostname, port } = new URL(url);
  const config = parse(readFileSync(kubeconfigPath, 'utf8')) as { clusters: { cluster: { 'certificate-authority-data': string } }[]; users: { user: { token: string } }[] };
  return {
    access: { host: hostname, port: Number(port), certificateAuthority: Buffer.from(config.clusters[0]!.cluster['certificate-authority-data'], 'base64').toString() },
    token: config.users[0]!.user.token,
  };
}

/** Errors are what the server logs of its own mistakes. */
function errorsInto(mistakes: string[]): Log {
  const log: Log = {
    debug() {}, info() {}, warn() {},
    error: (message, fields) => void mistakes.push(`${message} ${JSON.stringify(fields ?? {})}`),
    with: () => log,
  };
  return log;
}
