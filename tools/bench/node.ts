/**
 * `vfleet node` as a process, with simulated NICs, the embedded API server over HTTPS and a kubelet's client: what it weighs, how soon it is
 * there, and what its answers take. Sources as they are, and bundled, as they are shipped.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeStates } from '@vfleet/kube';
import type { PlayedConnection } from '../../packages/controllers/test/device-plugin/edge/played-kubelet.ts';
import { NODE, NodeRig } from '../../test/node-data-plane/node-rig.ts';
import { buildShim } from '../build-shim.ts';
import { listUpdates } from './device-lists.ts';
import { bundled, realMb, withPods } from './node-memory.ts';
import { cpuMs, residentMb, waitedForProcessorMs } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = join(ROOT, 'packages/cli/src/main.ts');
const SOCKET = 'openshift.io_vfs.sock';
const GOALS = { megabytes: 120, idlePercent: 0.5, startMs: 1_000, allocateMs: 5 };

type Print = (line: string) => void;

export async function run(print: Print, words: readonly string[]): Promise<void> {
  const quick = words.includes('--quick');
  const folder = await mkdtemp(join(tmpdir(), 'vfleet-bench-'));
  try {
    const bundle = await bundled(join(folder, 'bundle'));
    print(`bare Node ${process.version}: ${await floor('')} MB; with grpc-js and the client library imported: ${await floor("import '@grpc/grpc-js'; import '@kubernetes/client-node';")} MB`);
    print('                     registered ms   RSS MB   idle CPU %');
    await weigh(print, 'sources', SOURCES, quick);
    if (bundle !== undefined) await weigh(print, 'bundle', bundle, quick);
    if (bundle !== undefined && process.platform === 'linux') {
      print(`bundle, this machine's NICs instead: ${await realMb(bundle)} MB`);
      const weighed = withPods(bundle, 128, 3);
      print(typeof weighed === 'string' ? `bundle with pods: not measured: ${weighed}` : `bundle, 128 VFs that are interfaces of the kernel, with the simulation behind them: ${weighed.beforeMb} MB; after each of three pods: ${weighed.afterMb.join(', ')} MB`);
    }
    print(`goal                 ${String(GOALS.startMs).padStart(13)}   ${String(GOALS.megabytes).padStart(6)}   ${String(GOALS.idlePercent).padStart(10)}`);
    await answers(print, bundle ?? SOURCES, folder, quick);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Resident megabytes of a process that has done nothing but import. */
async function floor(imports: string): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', `${imports}; setTimeout(() => console.log(process.memoryUsage.rss()), 500)`], { cwd: join(ROOT, 'packages/controllers'), stdio: ['ignore', 'pipe', 'inherit'] });
  const [bytes] = (await once(child.stdout, 'data')) as [Buffer];
  return Math.round(Number(bytes.toString()) / 1e6);
}

async function weigh(print: Print, name: string, main: string, quick: boolean): Promise<void> {
  const rig = await NodeRig.create(128, { premade: true });
  try {
    // Once for the file cache and the compile cache, as on any node but a new one.
    rig.startFrom(main, 'simulated');
    await met(rig);
    await rig.end('SIGTERM');
    const starts: number[] = [];
    for (let start = 0; start < (quick ? 1 : 5); start++) {
      if (rig.child !== undefined) await rig.end('SIGTERM');
      const beginMs = performance.now();
      rig.startFrom(main, 'simulated');
      (await met(rig)).close();
      starts.push(performance.now() - beginMs);
    }
    await sleep(quick ? 2_000 : 15_000);
    const before = await cpuMs(rig.child!.pid!);
    const idleMs = quick ? 3_000 : 30_000;
    await sleep(idleMs);
    const used = (await cpuMs(rig.child!.pid!)) - before;
    print(`${name.padEnd(20)} ${Math.round(percentile(starts, 50)).toString().padStart(13)}   ${(await residentMb(rig.child!.pid!)).toString().padStart(6)}   ${((used / idleMs) * 100).toFixed(2).padStart(10)}`);
  } finally {
    await rig.close();
  }
}

/** A kubelet that has the plugin's whole list. */
async function met(rig: NodeRig, devices = 128): Promise<PlayedConnection> {
  for (;;) {
    if (rig.child?.exitCode !== null) throw new Error(`the node's process has ended: ${JSON.stringify(rig.log.slice(-3))}`);
    if ((await rig.kubelet.sockets(rig.kubelet.registry)).includes(SOCKET)) {
      const { connection } = await rig.kubelet.meet(SOCKET);
      while (connection.devices?.length !== devices) {
        if (connection.ended) throw new Error('the device plugin hung up');
        await sleep(2);
      }
      return connection;
    }
    await sleep(2);
  }
}

async function answers(print: Print, main: string, folder: string, quick: boolean): Promise<void> {
  const count = 256;
  const rig = await NodeRig.create(count, { premade: true });
  try {
    rig.startFrom(main, 'simulated');
    const connection = await met(rig, count);
    const allocate = (call: number) => connection.call('allocate', { container_requests: [{ ids: [connection.devices![call % count]!] }] });
    await configured(rig);
    for (let call = 0; call < 100; call++) await allocate(call);
    const times: number[] = [];
    const undisturbed: number[] = [];
    const waitedMs = process.platform === 'linux' ? waitedForProcessorMs([rig.child!.pid!, process.pid]) : () => 0;
    const beforeMs = await cpuMs(rig.child!.pid!);
    for (let call = 0; call < (quick ? 100 : 1_000); call++) {
      const waitedBeforeMs = waitedMs();
      const beginMs = performance.now();
      await allocate(call);
      const takenMs = performance.now() - beginMs;
      times.push(takenMs);
      undisturbed.push(Math.max(0, takenMs - (waitedMs() - waitedBeforeMs)));
    }
    const perCallMs = ((await cpuMs(rig.child!.pid!)) - beforeMs) / times.length;
    print(`Allocate, ${count} devices, device information and checkpoint on disk: p50 ${percentile(times, 50).toFixed(2)} ms, p99 ${percentile(times, 99).toFixed(2)} ms (goal p99 ${GOALS.allocateMs} ms), ${perCallMs.toFixed(2)} ms of CPU; without what both processes waited for a processor: p99 ${percentile(undisturbed, 99).toFixed(2)} ms; a pause of this process that slept 1 ms: p99 ${percentile(await pauses(quick ? 100 : 1_000), 99).toFixed(2)} ms`);
    const { latenciesMs, cpuMs: updateMs } = await listUpdates(count, quick ? 5 : 50);
    print(`ListAndWatch, ${count} devices, from the kernel's event (one driver gone or back) to the list, 50 ms of it waiting for more events: p50 ${percentile(latenciesMs, 50).toFixed(1)} ms, p99 ${percentile(latenciesMs, 99).toFixed(1)} ms, ${updateMs.toFixed(1)} ms of CPU`);
    const shim = join(folder, 'vfleet-cni');
    print('CNI, exec to result      VERSION p50/p99 ms     ADD p50/p99 ms     DEL p50/p99 ms   (simulated NIC: the kernel\'s part is not in it)');
    if (buildShim(shim).kind === 'built') print(await cniCalls('native', [shim], rig, connection, quick));
    print(await cniCalls('portable', [process.execPath, join(ROOT, 'packages/cli/src/cni/main.ts')], rig, connection, quick));
    const go = ['/usr/lib/cni/static', '/opt/cni/bin/static'].find((path) => existsSync(path));
    if (go !== undefined) {
      const versions = await timed(quick ? 20 : 200, () => execute([go], {}, 'VERSION', ''));
      print(`Go plugin (${go})   ${pair(versions)}   what a Go CNI plugin costs before it does anything`);
    }
  } finally {
    await rig.close();
  }
}

/** The config daemon is through with its first run: what it does at the start is measured elsewhere. */
async function configured(rig: NodeRig): Promise<void> {
  const key = { namespace: 'sriov-network-operator', name: NODE };
  while ((await rig.kube.get(nodeStates, key).catch(() => undefined))?.status?.syncStatus !== 'Succeeded') await sleep(50);
}

/** How much later than asked for this process runs again: what a busy machine adds to every wait. */
async function pauses(times: number): Promise<readonly number[]> {
  const late: number[] = [];
  for (let time = 0; time < times; time++) {
    const beginMs = performance.now();
    await sleep(1);
    late.push(performance.now() - beginMs - 1);
  }
  return late;
}

async function cniCalls(name: string, command: readonly string[], rig: NodeRig, connection: PlayedConnection, quick: boolean): Promise<string> {
  const device = connection.devices![0]!;
  const config = JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'sriov', vlan: 100, deviceID: device, ipam: { type: 'host-local', subnet: '10.1.0.0/16' } });
  const environment = { VFLEET_CNI_SOCKET: rig.socket, CNI_CONTAINERID: 'bench', CNI_NETNS: '/run/netns/bench', CNI_IFNAME: 'net1' };
  const rounds = quick ? 5 : 50;
  const [adds, dels]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    adds.push(...(await timed(1, () => execute(command, environment, 'ADD', config))));
    dels.push(...(await timed(1, () => execute(command, environment, 'DEL', config))));
  }
  const versions = await timed(quick ? 20 : 200, () => execute(command, environment, 'VERSION', ''));
  return `${name.padEnd(20)}   ${pair(versions)}   ${pair(adds)}   ${pair(dels)}`;
}

async function timed(times: number, work: () => Promise<void>): Promise<readonly number[]> {
  const taken: number[] = [];
  for (let time = 0; time < times; time++) {
    const beginMs = performance.now();
    await work();
    taken.push(performance.now() - beginMs);
  }
  return taken;
}

async function execute(command: readonly string[], environment: Readonly<Record<string, string>>, verb: string, input: string): Promise<void> {
  const child = spawn(command[0]!, command.slice(1), { env: { ...environment, CNI_COMMAND: verb }, stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`${command.join(' ')} ${verb}: ${output}`);
}

function pair(times: readonly number[]): string {
  return `${percentile(times, 50).toFixed(1)} / ${percentile(times, 99).toFixed(1)}`.padStart(16);
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!;
}
