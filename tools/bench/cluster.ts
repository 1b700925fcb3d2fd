import { execFile, fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startOurServer } from '../../test/cluster/our-server.ts';
import { realServerIsBuilt } from '../../test/cluster/servers.ts';
import { etcdVersion, kubernetesVersion } from '../rigs/kubernetes.ts';
import { startRealApiServer } from '../rigs/real-cluster.ts';
import type { InProcessFigures } from './cluster-in-process.ts';
import type { Phase, PhaseResult } from './cluster-load.ts';
import type { RawAccess } from './raw-https.ts';

/** One server under measurement. */
interface Subject {
  readonly access: RawAccess;
  /** All its processes. */
  readonly pids: readonly number[];
  readonly readyAfterMs: number;
  stop(): Promise<void>;
}

/** What one server achieved. Rates a second, milliseconds, megabytes. */
interface Figures {
  readonly coldStartMs: number;
  readonly idleMb: number;
  readonly creates: number;
  readonly gets: number;
  readonly patches: number;
  readonly applies: number;
  readonly listMs: number;
  readonly listMb: number;
  readonly fanOut: number;
  readonly podCreates: number;
  readonly mbPerThousandPods: number;
  readonly endMb: number;
  /** The load generator's share of one processor, at most. */
  readonly generatorCpuShare: number;
}

interface Scale {
  readonly phaseMs: number;
  readonly objects: number;
  readonly clients: number;
  readonly writes: number;
  readonly pods: number;
  readonly coldStarts: number;
}

const full: Scale = { phaseMs: 4_000, objects: 10_000, clients: 500, writes: 200, pods: 5_000, coldStarts: 5 };
const quick: Scale = { phaseMs: 1_000, objects: 2_000, clients: 100, writes: 50, pods: 1_000, coldStarts: 2 };
const connections = 16;

/** The embedded API server beside the real one, in the same run. `--quick` measures less, `--ours` only ours. */
export async function run(print: (line: string) => void, words: readonly string[] = []): Promise<void> {
  const scale = words.includes('--quick') ? quick : full;
  const withReal = !words.includes('--ours') && (await realServerIsBuilt());
  if (!withReal) print('without the real API server: `node tools/rigs/kubernetes.ts` builds it (Go 1.24 or newer)');
  const real = withReal ? await measure(startReal, scale) : undefined;
  const ours = await measure(startOurs, scale);
  printTable(print, real, ours, scale);
  const kept = await measureKept(scale);
  for (const [name, perSecond, beside] of [['creates', kept.creates, real?.creates], ['gets', kept.gets, real?.gets], ['merge patches', kept.patches, real?.patches]] as const) {
    print(`${`synced to a data file: ${name}/s`.padEnd(46)}${(beside === undefined ? '' : fixed(beside)).padStart(12)}${fixed(perSecond).padStart(12)}${beside === undefined ? '' : `   ×${(perSecond / beside).toFixed(2)}`}`);
  }
  const inProcess = await measureInProcess(scale);
  for (const [name, perSecond, beside] of [['creates', inProcess.createsPerSecond, real?.creates], ['gets', inProcess.getsPerSecond, real?.gets], ['merge patches', inProcess.patchesPerSecond, real?.patches]] as const) {
    print(`${`in process: ${name}/s`.padEnd(46)}${(beside === undefined ? '' : fixed(beside)).padStart(12)}${fixed(perSecond).padStart(12)}${beside === undefined ? '' : `   ×${(perSecond / beside).toFixed(1)}`}`);
  }
  const share = Math.max(real?.generatorCpuShare ?? 0, ours.generatorCpuShare);
  print(`${connections} kept-alive connections; the load generator is a process of its own and took at most ${Math.round(share * 100)} % of one processor.`);
}

async function startReal(): Promise<Subject> {
  const server = await startRealApiServer();
  return {
    access: { url: server.url, token: server.token, certificateAuthority: await readFile(server.caFile, 'utf8') },
    pids: [server.pids.apiServer, server.pids.etcd], readyAfterMs: server.readyAfterMs, stop: () => server.stop(),
  };
}

async function startOurs(): Promise<Subject> {
  const server = await startOurServer();
  return { access: server.access, pids: [server.pid], readyAfterMs: server.readyAfterMs, stop: () => server.stop() };
}

async function measure(start: () => Promise<Subject>, scale: Scale): Promise<Figures> {
  const coldStartMs = await medianColdStart(start, scale.coldStarts);
  const subject = await start();
  const load = new Load();
  try {
    const idleMb = await residentMb(subject.pids);
    await load.perform({ kind: 'open', access: subject.access, connections });
    await load.perform({ kind: 'creates', durationMs: scale.phaseMs / 4 });
    const creates = await load.rate({ kind: 'creates', durationMs: scale.phaseMs });
    const gets = await load.rate({ kind: 'gets', durationMs: scale.phaseMs });
    const patches = await load.rate({ kind: 'patches', durationMs: scale.phaseMs });
    const applies = await load.rate({ kind: 'applies', durationMs: scale.phaseMs });
    const listed = await load.perform({ kind: 'list', objects: scale.objects, times: 5 });
    const fannedOut = await load.perform({ kind: 'fanOut', clients: scale.clients, writes: scale.writes });
    if (listed.kind !== 'list' || fannedOut.kind !== 'fanOut') throw new Error('The load generator answered something else.');
    const endMb = await residentMb(subject.pids);
    const { podCreates, mbPerThousandPods } = await measurePods(start, scale);
    return { coldStartMs, idleMb, creates, gets, patches, applies, listMs: listed.medianMs, listMb: listed.megabytes, fanOut: fannedOut.eventsPerSecond, podCreates, mbPerThousandPods, endMb, generatorCpuShare: load.cpuShare };
  } finally {
    load.stop();
    await subject.stop();
  }
}

/** Ours with its state in a data file, where each answer waits for the disk as etcd's do. */
async function measureKept(scale: Scale): Promise<Pick<Figures, 'creates' | 'gets' | 'patches'>> {
  const server = await startOurServer({ kept: true });
  const load = new Load();
  try {
    await load.perform({ kind: 'open', access: server.access, connections });
    await load.perform({ kind: 'creates', durationMs: scale.phaseMs / 4 });
    const creates = await load.rate({ kind: 'creates', durationMs: scale.phaseMs });
    const gets = await load.rate({ kind: 'gets', durationMs: scale.phaseMs });
    return { creates, gets, patches: await load.rate({ kind: 'patches', durationMs: scale.phaseMs }) };
  } finally {
    load.stop();
    await server.stop();
  }
}

/** On a fresh server, so that no memory freed by other phases is filled first. */
async function measurePods(start: () => Promise<Subject>, scale: Scale): Promise<{ readonly podCreates: number; readonly mbPerThousandPods: number }> {
  const subject = await start();
  const load = new Load();
  try {
    await load.perform({ kind: 'open', access: subject.access, connections });
    // What the first requests allocate is no pod's.
    await load.perform({ kind: 'creates', durationMs: 500 });
    await settle();
    const before = await residentMb(subject.pids);
    const podCreates = await load.rate({ kind: 'pods', count: scale.pods });
    await settle();
    return { podCreates, mbPerThousandPods: ((await residentMb(subject.pids)) - before) / (scale.pods / 1_000) };
  } finally {
    load.stop();
    await subject.stop();
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2_000));
}

async function medianColdStart(start: () => Promise<Subject>, times: number): Promise<number> {
  const all: number[] = [];
  for (let time = 0; time < times; time++) {
    const subject = await start();
    all.push(subject.readyAfterMs);
    await subject.stop();
  }
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
}

async function residentMb(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(pids.map(async (pid) => Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)));
  return sizes.reduce((sum, kilobytes) => sum + kilobytes / 1_024, 0);
}

async function measureInProcess(scale: Scale): Promise<InProcessFigures> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'cluster-in-process.ts'), String(scale.phaseMs / 2)]);
  return JSON.parse(stdout) as InProcessFigures;
}

/** The load generator's process. */
class Load {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'cluster-load.ts'), { execArgv: ['--disable-warning=ExperimentalWarning'] });
  cpuShare = 0;

  async perform(phase: Phase): Promise<PhaseResult> {
    this.#child.send(phase);
    const [result] = (await once(this.#child, 'message')) as [PhaseResult | { readonly kind: 'failed'; readonly message: string }];
    if (result.kind === 'failed') throw new Error(`${phase.kind}: ${result.message}`);
    if ('generatorCpuShare' in result) this.cpuShare = Math.max(this.cpuShare, result.generatorCpuShare);
    return result;
  }

  async rate(phase: Phase): Promise<number> {
    const result = await this.perform(phase);
    if (result.kind !== 'rate') throw new Error('The load generator answered something else.');
    return result.perSecond;
  }

  stop(): void {
    this.#child.kill();
  }
}

const fixed = (value: number) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1));

function printTable(print: (line: string) => void, real: Figures | undefined, ours: Figures, scale: Scale): void {
  const rows: readonly (readonly [string, keyof Figures, 'more' | 'less' | 'same'])[] = [
    ['creates/s', 'creates', 'more'], ['gets/s', 'gets', 'more'], ['merge patches/s', 'patches', 'more'], ['server-side applies/s', 'applies', 'more'],
    [`list of ${scale.objects.toLocaleString('en')} objects, ms`, 'listMs', 'less'], ['  its size, MB', 'listMb', 'same'], [`watch events/s to ${scale.clients} clients`, 'fanOut', 'more'],
    ['pod creates/s', 'podCreates', 'more'], ['memory per 1,000 pods, MB', 'mbPerThousandPods', 'less'], ['memory, idle, MB', 'idleMb', 'less'], ['memory, after all but the pods, MB', 'endMb', 'less'], ['cold start, ms', 'coldStartMs', 'less'],
  ];
  print(`${''.padEnd(46)}${(real === undefined ? '' : 'real').padStart(12)}${'ours'.padStart(12)}   ours : real   (real: kube-apiserver ${kubernetesVersion}, etcd ${etcdVersion}, data synced; ours in memory)`);
  for (const [name, figure, better] of rows) {
    const ratio = real === undefined ? '' : `   ×${(ours[figure] / real[figure]).toFixed(2)}${better === 'same' ? '' : ` (${better} is better)`}`;
    print(`${name.padEnd(46)}${(real === undefined ? '' : fixed(real[figure])).padStart(12)}${fixed(ours[figure]).padStart(12)}${ratio}`);
  }
}

if (import.meta.main) await run((line) => void process.stdout.write(`${line}\n`), process.argv.slice(2));
