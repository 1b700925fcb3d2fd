/**
 * The load of `npm run bench -- cluster`, in a process of its own so that it neither shares a thread with a server nor counts
 * into its memory. The parent sends one {@link Phase} at a time and gets its {@link PhaseResult}.
 */
import { RawConnection } from './raw-https.ts';
import type { RawAccess } from './raw-https.ts';

export type Phase =
  | { readonly kind: 'open'; readonly access: RawAccess; readonly connections: number }
  | { readonly kind: 'creates' | 'gets' | 'patches' | 'applies'; readonly durationMs: number }
  | { readonly kind: 'list'; readonly objects: number; readonly times: number }
  | { readonly kind: 'fanOut'; readonly clients: number; readonly writes: number }
  | { readonly kind: 'pods'; readonly count: number };

export type PhaseResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'rate'; readonly perSecond: number; readonly generatorCpuShare: number }
  | { readonly kind: 'list'; readonly medianMs: number; readonly megabytes: number }
  | { readonly kind: 'fanOut'; readonly eventsPerSecond: number; readonly lastAfterMs: number; readonly generatorCpuShare: number };

const namespace = 'bench';
const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
let connections: RawConnection[] = [];
let access: RawAccess | undefined;
let created = 0;

const configMap = (name: string) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { app: 'bench', shard: name.slice(-1) } }, data: { 'config.json': '{"resourceList":[{"resourceName":"nics","selectors":{"vendors":["8086"]}}]}', counter: '0' } });

async function mustBe(status: number, answer: Promise<{ readonly status: number; body(): string }>): Promise<void> {
  const got = await answer;
  if (got.status !== status) throw new Error(`expected ${status}, got ${got.status}: ${got.body().slice(0, 300)}`);
}

async function open(phase: Extract<Phase, { kind: 'open' }>): Promise<PhaseResult> {
  access = phase.access;
  connections = await Promise.all(Array.from({ length: phase.connections }, () => RawConnection.open(phase.access)));
  const [first] = connections;
  await first?.send('POST', '/api/v1/namespaces', JSON.stringify({ metadata: { name: namespace } }));
  await first?.send('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, JSON.stringify({ metadata: { name: 'default' } }));
  return { kind: 'done' };
}

/** Every connection does the next thing as soon as the last one is answered. */
async function inLoop(durationMs: number, one: (connection: RawConnection, worker: number) => Promise<void>): Promise<PhaseResult> {
  let count = 0;
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const endMs = startedMs + durationMs;
  await Promise.all(connections.map(async (connection, worker) => {
    while (performance.now() < endMs) {
      await one(connection, worker);
      count++;
    }
  }));
  const elapsedMs = performance.now() - startedMs;
  return { kind: 'rate', perSecond: (count / elapsedMs) * 1_000, generatorCpuShare: cpuShare(cpuBefore, elapsedMs) };
}

function cpuShare(before: NodeJS.CpuUsage, elapsedMs: number): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / elapsedMs;
}

/** Objects that a worker has to itself, so that no write waits for another's. */
const ownObject = (worker: number, count: number) => `o${worker + connections.length * (count % Math.max(1, Math.floor(created / connections.length)))}`;

async function work(phase: Extract<Phase, { kind: 'creates' | 'gets' | 'patches' | 'applies' }>): Promise<PhaseResult> {
  let turn = 0;
  switch (phase.kind) {
    case 'creates':
      return inLoop(phase.durationMs, (connection) => {
        const name = `o${created++}`;
        return mustBe(201, connection.send('POST', configMaps, configMap(name)));
      });
    case 'gets':
      return inLoop(phase.durationMs, (connection, worker) => mustBe(200, connection.send('GET', `${configMaps}/${ownObject(worker, turn++)}`)));
    case 'patches':
      return inLoop(phase.durationMs, (connection, worker) => mustBe(200, connection.send('PATCH', `${configMaps}/${ownObject(worker, turn)}`, `{"data":{"counter":"${turn++}"}}`, 'application/merge-patch+json')));
    case 'applies':
      return inLoop(phase.durationMs, (connection, worker) => {
        const name = ownObject(worker, turn);
        const body = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"},"data":{"applied":"${turn++}"}}`;
        return mustBe(200, connection.send('PATCH', `${configMaps}/${name}?fieldManager=bench`, body, 'application/apply-patch+yaml'));
      });
  }
}

/** Fills a namespace of its own and lists it. */
async function list(phase: Extract<Phase, { kind: 'list' }>): Promise<PhaseResult> {
  const [first] = connections;
  if (first === undefined) throw new Error('There is no connection.');
  await first.send('POST', '/api/v1/namespaces', JSON.stringify({ metadata: { name: 'bench-list' } }));
  const path = '/api/v1/namespaces/bench-list/configmaps';
  let next = 0;
  await Promise.all(connections.map(async (connection) => {
    while (next < phase.objects) await mustBe(201, connection.send('POST', path, configMap(`l${next++}`)));
  }));
  const times: number[] = [];
  let bytes = 0;
  for (let time = 0; time < phase.times; time++) {
    const startedMs = performance.now();
    const answer = await first.send('GET', path);
    times.push(performance.now() - startedMs);
    bytes = answer.bytes;
  }
  return { kind: 'list', medianMs: times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0, megabytes: bytes / 1e6 };
}

/** Watchers of one namespace, and one writer that waits for nobody but the server. */
async function fanOut(phase: Extract<Phase, { kind: 'fanOut' }>): Promise<PhaseResult> {
  const [first] = connections;
  if (first === undefined || access === undefined) throw new Error('There is no connection.');
  await first.send('POST', '/api/v1/namespaces', JSON.stringify({ metadata: { name: 'bench-watch' } }));
  const path = '/api/v1/namespaces/bench-watch/configmaps';
  const watchers: RawConnection[] = [];
  const expected = phase.clients * phase.writes;
  let seen = 0;
  const { promise: allSeen, resolve } = Promise.withResolvers<void>();
  // Every event is one line that begins like this; a cut between two chunks is remembered by the watcher's own tail.
  const mark = '{"type":"';
  for (let index = 0; index < phase.clients; index++) {
    const watcher = await RawConnection.open(access);
    watchers.push(watcher);
    let tail = '';
    watcher.follow(`${path}?watch=true`, (chunk) => {
      const text = tail + chunk.toString('latin1');
      for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + mark.length)) seen++;
      tail = text.slice(-(mark.length - 1));
      if (seen >= expected) resolve();
    });
  }
  await new Promise((settled) => setTimeout(settled, 500));
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  for (let write = 0; write < phase.writes; write++) await mustBe(201, first.send('POST', path, configMap(`w${write}`)));
  const timeout = setTimeout(() => resolve(), 120_000);
  await allSeen;
  clearTimeout(timeout);
  const elapsedMs = performance.now() - startedMs;
  for (const watcher of watchers) watcher.close();
  if (seen < expected) throw new Error(`only ${seen} of ${expected} events came`);
  return { kind: 'fanOut', eventsPerSecond: (seen / elapsedMs) * 1_000, lastAfterMs: elapsedMs, generatorCpuShare: cpuShare(cpuBefore, elapsedMs) };
}

const pod = (name: string) => JSON.stringify({
  apiVersion: 'v1', kind: 'Pod',
  metadata: { name, labels: { app: 'bench', 'pod-template-hash': '5d4f8c7b9' }, annotations: { 'k8s.v1.cni.cncf.io/networks': 'sriov-net-1' } },
  spec: {
    nodeName: 'node-1',
    containers: [{ name: 'app', image: 'registry.example.com/app:1.2.3', command: ['/bin/app'], args: ['--verbose'], env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }], ports: [{ containerPort: 8080, name: 'http' }], resources: { requests: { cpu: '100m', memory: '128Mi', 'openshift.io/nics': '1' }, limits: { memory: '256Mi', 'openshift.io/nics': '1' } } }],
  },
});

async function pods(phase: Extract<Phase, { kind: 'pods' }>): Promise<PhaseResult> {
  const startedMs = performance.now();
  const cpuBefore = process.cpuUsage();
  let next = 0;
  await Promise.all(connections.map(async (connection) => {
    while (next < phase.count) await mustBe(201, connection.send('POST', `/api/v1/namespaces/${namespace}/pods`, pod(`p${next++}`)));
  }));
  const elapsedMs = performance.now() - startedMs;
  return { kind: 'rate', perSecond: (phase.count / elapsedMs) * 1_000, generatorCpuShare: cpuShare(cpuBefore, elapsedMs) };
}

function perform(phase: Phase): Promise<PhaseResult> {
  switch (phase.kind) {
    case 'open': return open(phase);
    case 'list': return list(phase);
    case 'fanOut': return fanOut(phase);
    case 'pods': return pods(phase);
    default: return work(phase);
  }
}

if (import.meta.main) {
  process.on('message', (phase: Phase) => {
    void perform(phase).then(
      (result) => process.send?.(result),
      (error: unknown) => process.send?.({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
    );
  });
}
