/**
 * What runs inside of the emulated machine for `npm run bench -- cni`: from the execution of a CNI plugin to its result, on one VF. Warm: called
 * again and again. Cold: the kernel's caches of files were dropped, and the daemon, where there is one, has just started. `--peer=PATH` names the
 * SR-IOV plugin of somebody else, to be called with the same configuration; `--rounds=N` is how often those are called that answer fast (15): of
 * fewer than a hundred calls the p99 is the longest.
 */
import { fork, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PciAddress } from '@vfleet/core';
import { LinuxPodLinks } from '@vfleet/hw-linux/pod-links/pod-links.ts';
import { startDaemon } from '../cni/daemon.ts';
import { PORTABLE, SHIM, execute, makeVfs, succeeded, withPods } from '../cni/pods.ts';
import type { Pod } from '../cni/pods.ts';
import { realHardware, until } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'bench-cni-'));
const stateFolder = join(folder, 'state');
const socket = join(folder, 'run', 'cni.sock');
const hardware = realHardware();

if (process.argv.includes('--daemon')) {
  const home = process.argv.at(-1)!;
  await startDaemon({ hardware, podLinks: new LinuxPodLinks(hardware.links) }, { folder: home, stateFolder: join(home, 'state') });
  process.send!('listening');
} else await bench();

interface Contestant {
  readonly name: string;
  readonly command: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly withDaemon: boolean;
  readonly warm: number;
  readonly cold: number;
}

async function bench(): Promise<void> {
  for (const module of ['igb', 'igbvf']) spawnSync('modprobe', [module], { stdio: 'inherit' });
  const [[device]] = (await makeVfs(hardware, 1)) as [[PciAddress]];
  const peer = process.argv.find((word) => word.startsWith('--peer='))?.slice('--peer='.length);
  const rounds = Number(process.argv.find((word) => word.startsWith('--rounds='))?.slice('--rounds='.length) ?? 15);
  const ipam = (plugin: string) => ({ type: 'host-local', dataDir: join(folder, plugin), ranges: [[{ subnet: '192.0.2.0/24' }]] });
  const sriov = (name: string) => ({ name: 'net', type: 'sriov', deviceID: device, vlan: 100, ipam: ipam(name) });
  const all: readonly Contestant[] = [
    ...(existsSync(SHIM) ? [{ name: 'native, daemon', command: [installed(SHIM)], config: sriov('native'), withDaemon: true, warm: rounds, cold: 2 }] : []),
    ...(peer === undefined ? [] : [{ name: `peer ${peer}`, command: [peer], config: { ...sriov('peer'), cniVersion: '1.0.0' }, withDaemon: false, warm: rounds, cold: 2 }]),
    ...(existsSync('/usr/lib/cni/host-device')
      ? [{ name: 'Go host-device', command: ['/usr/lib/cni/host-device'], config: { cniVersion: '1.0.0', name: 'net', type: 'host-device', pciBusID: device, ipam: ipam('go') }, withDaemon: false, warm: rounds, cold: 2 }]
      : []),
    { name: 'portable, daemon', command: PORTABLE, config: sriov('portable'), withDaemon: true, warm: 3, cold: 1 },
    { name: 'portable, alone', command: PORTABLE, config: sriov('alone'), withDaemon: false, warm: 3, cold: 1 },
  ];
  const print = (name: string, ...cells: readonly string[]) => process.stdout.write(`${name.padEnd(18)} ${cells.map((cell) => cell.padStart(13)).join('')}\n`);
  print('p50 / p99, ms', 'warm calls', 'ADD warm', 'DEL warm', 'ADD cold', 'DEL cold');
  await withPods(['pod'], async (pod) => {
    for (const one of all) {
      const warm = await timed(one, pod!, one.warm, false);
      const cold = await timed(one, pod!, one.cold, true);
      print(one.name, String(one.warm), ...[warm.add, warm.del, cold.add, cold.del].map(pair));
    }
  });
  process.exit(0);
}

/** Where plugins are installed the kernel keeps what it has read of them; of the folder that the machine shares with its host it keeps nothing. */
function installed(executable: string): string {
  const path = join(folder, 'vfleet-cni');
  copyFileSync(executable, path);
  return path;
}

async function timed(one: Contestant, pod: Pod, rounds: number, isCold: boolean): Promise<{ readonly add: readonly number[]; readonly del: readonly number[] }> {
  const times = { add: [] as number[], del: [] as number[] };
  let daemon = one.withDaemon ? await start() : undefined;
  const call = async (verb: 'ADD' | 'DEL') => {
    if (isCold) {
      daemon?.kill('SIGKILL');
      daemon = one.withDaemon ? await start() : undefined;
      // Clean pages and directory entries alike (Documentation/admin-guide/sysctl/vm.rst).
      spawnSync('sync');
      writeFileSync('/proc/sys/vm/drop_caches', '3');
    }
    const variables = one.withDaemon ? { VFLEET_CNI_SOCKET: socket } : { VFLEET_CNI_SOCKET: '/nowhere', VFLEET_CNI_STATE_FOLDER: stateFolder, CNI_PATH: '/usr/lib/cni' };
    const began = performance.now();
    const outcome = await execute(one.command, { verb, pod, config: one.config }, variables);
    const took = performance.now() - began;
    succeeded(outcome);
    return took;
  };
  // What a first call compiles and loads is not what is measured warm.
  for (let round = isCold ? 0 : -1; round < rounds; round++) {
    const [add, del] = [await call('ADD'), await call('DEL')];
    if (round < 0) continue;
    times.add.push(add);
    times.del.push(del);
  }
  daemon?.kill('SIGKILL');
  return times;
}

async function start(): Promise<ChildProcess> {
  const child = fork(import.meta.filename, ['--daemon', folder], { execArgv: ['--disable-warning=ExperimentalWarning'] });
  let listens = false;
  child.on('message', () => (listens = true));
  await until('the daemon listens', () => listens);
  return child;
}

function pair(times: readonly number[]): string {
  return `${percentile(times, 50).toFixed(0)} / ${percentile(times, 99).toFixed(0)}`;
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!;
}
