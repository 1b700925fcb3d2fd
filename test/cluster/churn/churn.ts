import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../client.ts';
import { startCuttingProxy } from './cutting-proxy.ts';
import type { CuttingProxy } from './cutting-proxy.ts';
import { buildClientGo, startClientGo, startClientNode } from './informer-process.ts';
import type { InformerProcess } from './informer-process.ts';
import { differing, Judge } from './judge.ts';
import type { Tally } from './judge.ts';
import { churnedGroup, churnedNamespaces, isChurned, pathOf } from './records.ts';
import type { ChurnedResource, InformerRecord, InformerSpec, Seen } from './records.ts';
import type { ChurnServer } from './servers.ts';
import { Truth } from './truth.ts';
import { Writer } from './writer.ts';

export interface ChurnOptions {
  readonly forMs: number;
  readonly writesPerSecond: number;
  /** Between two comparisons of everything with the truth. */
  readonly checkEveryMs: number;
  readonly onProgress?: (line: string) => void;
}

export interface ChurnReport {
  readonly problems: readonly string[];
  readonly writes: number;
  readonly operations: Readonly<Record<string, number>>;
  readonly disturbances: Readonly<Record<string, number>>;
  readonly checks: number;
  readonly informers: Readonly<Record<string, Tally>>;
  /** Whether there was a Go to build client-go's with. */
  readonly withClientGo: boolean;
}

const resources: readonly ChurnedResource[] = ['configmaps', 'parts'];
const writersPerResource = 4;
const objectsPerWriter = 20;
const problemsMax = 30;
/** client-go waits up to 30 s before it tries again (reflector.go: backoff manager). */
const settleMaxMs = 240_000;
const settlePollMs = 200;
/** From the last event to the last word of a handler about it. */
const handlersMs = 1_000;

/** Four informers, by one library: everything and a part, with the client's own timeouts and with short ones. */
function informersOf(library: string): readonly InformerSpec[] {
  return [
    { name: `${library} configmaps`, resource: 'configmaps', namespace: '', onlyShown: false, minSeconds: 0, maxSeconds: 0 },
    { name: `${library} shown configmaps`, resource: 'configmaps', namespace: churnedNamespaces[0], onlyShown: true, minSeconds: 5, maxSeconds: 20 },
    { name: `${library} parts`, resource: 'parts', namespace: '', onlyShown: false, minSeconds: 3, maxSeconds: 15 },
    { name: `${library} shown parts`, resource: 'parts', namespace: churnedNamespaces[1], onlyShown: true, minSeconds: 0, maxSeconds: 0 },
  ];
}

/** Writers, informers and disturbances on one server for a while. */
export async function churn(server: ChurnServer, options: ChurnOptions): Promise<ChurnReport> {
  const folder = await mkdtemp(join(tmpdir(), 'vfleet-churn-'));
  const proxy = await startCuttingProxy(Number(new URL(server.access.url).port));
  const client = new ApiClient(server.access);
  const processes: InformerProcess[] = [];
  try {
    await prepare(client);
    const kubeconfigPath = join(folder, 'kubeconfig');
    await writeFile(kubeconfigPath, kubeconfigFor(server, proxy), { mode: 0o600 });
    const run = new Run(server, proxy, client, options);
    const program = await buildClientGo(folder);
    const hear = (record: InformerRecord) => run.hear(record);
    if (program !== undefined) {
      processes.push(startClientGo(program, kubeconfigPath, informersOf('client-go'), false, hear));
      processes.push(startClientGo(program, kubeconfigPath, informersOf('streaming client-go'), true, hear));
    }
    processes.push(startClientNode(kubeconfigPath, informersOf('client-node'), hear));
    return { ...(await run.play(processes)), withClientGo: program !== undefined };
  } finally {
    for (const process of processes) await process.stop();
    client.close();
    await proxy[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

class Run {
  readonly #server: ChurnServer;
  readonly #proxy: CuttingProxy;
  readonly #client: ApiClient;
  readonly #options: ChurnOptions;
  readonly #truth = new Truth();
  readonly #problems: string[] = [];
  readonly #operations = new Map<string, number>();
  readonly #disturbances = new Map<string, number>();
  readonly #writers: readonly Writer[];
  /** What each informer's handler was told last of each object, as it comes in. */
  readonly #told = new Map<string, Map<string, Seen>>();
  #checks = 0;
  #numbers = 0;

  constructor(server: ChurnServer, proxy: CuttingProxy, client: ApiClient, options: ChurnOptions) {
    this.#server = server;
    this.#proxy = proxy;
    this.#client = client;
    this.#options = options;
    const context = {
      client, truth: this.#truth, nextNumber: () => String(++this.#numbers),
      problem: (text: string) => void this.#problems.push(text), count: (operation: string) => count(this.#operations, operation),
    };
    this.#writers = resources.flatMap((resource) => Array.from({ length: writersPerResource }, (_, writer) => {
      const keys = Array.from({ length: objectsPerWriter }, (_, index) => ({ namespace: churnedNamespaces[index % 2]!, name: `w${writer}-${index}` }));
      return new Writer(context, resource, keys);
    }));
  }

  hear(record: InformerRecord): void {
    if (record.what !== 'told' || !isChurned(record.object)) return;
    const told = this.#told.get(record.informer) ?? new Map<string, Seen>();
    this.#told.set(record.informer, told);
    if (record.type === 'delete') told.delete(record.object[0]);
    else told.set(record.object[0], record.object);
  }

  async play(processes: readonly InformerProcess[]): Promise<Omit<ChurnReport, 'withClientGo'>> {
    const { forMs, checkEveryMs, onProgress = () => {} } = this.#options;
    const judges = processes.flatMap(({ specs }) => specs.map((spec) => new Judge(spec)));
    const startedMs = performance.now();
    let told = 0;
    while (performance.now() - startedMs < forMs && this.#problems.length < problemsMax) {
      await this.#stretch(Math.min(checkEveryMs, forMs - (performance.now() - startedMs)));
      await this.#check(processes, judges);
      for (; told < this.#problems.length; told++) onProgress(`PROBLEM ${this.#problems[told]}`);
      onProgress(`${Math.round((performance.now() - startedMs) / 1_000)} s: ${this.#truth.size} writes, ${sum(judges.map(({ tally }) => tally.events))} events, ${sum(judges.map(({ tally }) => tally.expired))} × 410, ${this.#disturbances.get('end of the server') ?? 0} ends of the server, ${this.#problems.length} problems`);
    }
    return {
      problems: this.#problems.slice(0, problemsMax), writes: this.#truth.size, operations: Object.fromEntries(this.#operations), disturbances: Object.fromEntries(this.#disturbances),
      checks: this.#checks, informers: Object.fromEntries(judges.map(({ spec, tally }) => [spec.name, tally])),
    };
  }

  /** Writes and disturbs for a while. */
  async #stretch(forMs: number): Promise<void> {
    const endMs = performance.now() + forMs;
    const over = () => performance.now() >= endMs;
    const periodMs = (this.#writers.length / this.#options.writesPerSecond) * 1_000;
    const writing = this.#writers.map(async (writer) => {
      while (!over()) {
        await writer.step();
        await sleep(periodMs * (0.5 + Math.random()));
      }
    });
    await Promise.all([...writing, this.#disturb(endMs)]);
  }

  /** In random order and at random times: about ten disturbances a minute, each of a kind that a real cluster knows. */
  async #disturb(endMs: number): Promise<void> {
    for (;;) {
      await sleep(Math.min(2_000 + Math.random() * 6_000, Math.max(0, endMs - performance.now())));
      if (performance.now() >= endMs) return;
      const at = Math.random();
      if (at < 0.3) this.#did('cut connections', this.#proxy.cut(0.5));
      else if (at < 0.5) {
        await this.#server.compact();
        this.#did('compaction');
      } else if (at < 0.6) {
        this.#proxy.stall(1_000 + Math.random() * 4_000);
        this.#did('stall');
      } else if (at < 0.85) {
        // Whoever was cut off finds that history has gone on without them.
        this.#proxy.refuse(true);
        this.#did('outage');
        await sleep(Math.random() * 3_000);
        await this.#server.compact();
        this.#proxy.refuse(false);
      } else if (this.#server.restart !== undefined) {
        await this.#server.restart(Math.random() < 0.5);
        this.#did('end of the server');
      }
    }
  }

  #did(what: string, times = 1): void {
    this.#disturbances.set(what, (this.#disturbances.get(what) ?? 0) + times);
  }

  /** Waits until everybody has heard of everything, and looks at how that came. */
  async #check(processes: readonly InformerProcess[], judges: readonly Judge[]): Promise<void> {
    this.#checks++;
    this.#proxy.refuse(false);
    await this.#compareServer();
    const startedMs = performance.now();
    while (judges.some(({ spec }) => this.#lacks(spec).length > 0) && performance.now() - startedMs < settleMaxMs) await sleep(settlePollMs);
    await sleep(handlersMs);
    for (const process of processes) {
      if (process.ended !== undefined) this.#problems.push(`A process of informers has ended: ${process.ended}`);
      else await process.state();
    }
    const records = processes.flatMap((process) => process.take());
    for (const record of records) {
      if (record.what !== 'event' || record.type !== 'DELETED') continue;
      const [key, uid, version] = record.object;
      if (isChurned(record.object) && !this.#truth.learn(uid, Number(version))) this.#problems.push(`${record.informer}: ${key} was deleted in version ${version}, and for others in another`);
    }
    for (const judge of judges) this.#problems.push(...judge.judge(records.filter(({ informer }) => informer === judge.spec.name), this.#truth));
  }

  #lacks(spec: InformerSpec): readonly string[] {
    return differing(this.#truth.state(spec), this.#told.get(spec.name) ?? new Map());
  }

  /** What the server lists is what was written. */
  async #compareServer(): Promise<void> {
    for (const resource of resources) {
      const answer = await this.#client.send({ method: 'GET', path: pathOf(resource, ''), headers: {} });
      const list = JSON.parse(answer.text) as { readonly metadata: { readonly resourceVersion: string }; readonly items: readonly { readonly metadata: Record<'namespace' | 'name' | 'uid' | 'resourceVersion', string>; readonly data?: { readonly n: string }; readonly spec?: { readonly n: string } }[] };
      const found = new Map<string, Seen>();
      for (const { metadata: { namespace, name, uid, resourceVersion }, data, spec } of list.items) {
        const seen: Seen = [`${namespace}/${name}`, uid, resourceVersion, data?.n ?? spec?.n ?? ''];
        if (isChurned(seen)) found.set(seen[0], seen);
      }
      const wanted = this.#truth.state({ resource, namespace: '', onlyShown: false });
      this.#problems.push(...differing(wanted, found).map((text) => `the server's ${resource}: ${text}`));
      for (const writer of this.#writers) writer.seenLater(Number(list.metadata.resourceVersion));
    }
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

async function prepare(client: ApiClient): Promise<void> {
  const post = async (path: string, body: object) => {
    const answer = await client.send({ method: 'POST', path, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (answer.status !== 201) throw new Error(`POST ${path} was answered ${answer.status}: ${answer.text}`);
  };
  for (const name of churnedNamespaces) await post('/api/v1/namespaces', { metadata: { name } });
  await post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `parts.${churnedGroup}` },
    spec: {
      group: churnedGroup, scope: 'Namespaced', names: { plural: 'parts', kind: 'Part' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { n: { type: 'string' }, size: { type: 'integer' } } } } } } }],
    },
  });
  for (let left = 100; (await client.send({ method: 'GET', path: pathOf('parts', churnedNamespaces[0]), headers: {} })).status !== 200; left--) {
    if (left === 0) throw new Error('The custom resource was never served.');
    await sleep(100);
  }
}

function kubeconfigFor({ access }: ChurnServer, proxy: CuttingProxy): string {
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'churn', contexts: [{ name: 'churn', context: { cluster: 'churn', user: 'churn' } }],
    clusters: [{ name: 'churn', cluster: { server: `https://127.0.0.1:${proxy.port}`, 'certificate-authority-data': Buffer.from(access.certificateAuthority).toString('base64') } }],
    users: [{ name: 'churn', user: { token: access.token } }],
  });
}
