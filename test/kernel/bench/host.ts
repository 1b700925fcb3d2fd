/**
 * What runs inside of the emulated machine for `npm run bench -- host`: the Linux backend beside iproute2 and a shell, on the same NICs
 * in the same state. Every figure is the median of several runs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RealClock } from '@vfleet/core/real.ts';
import type { PciAddress } from '@vfleet/core';
import { createLinuxHardware } from '@vfleet/hw-linux';
import type { LinuxHardware, Netlink } from '@vfleet/hw-linux';
import { KernelSockets } from '@vfleet/hw-linux/kernel-thread/kernel-sockets.ts';
import { loadSystemCalls } from '@vfleet/hw-linux/kernel-thread/system-calls.ts';
import type { SystemCalls } from '@vfleet/hw-linux/kernel-thread/system-calls.ts';
import { applied, inventory, machinePfs, pfOf, realHardware, until } from '../support.ts';

for (const module of ['igb', 'igbvf', 'vfio-pci']) spawnSync('modprobe', [module], { stdio: 'inherit' });

const VFS = 7;
const hardware = realHardware();
const pfs = machinePfs();
const [pf] = pfs as [PciAddress];
const print = (line: string) => void process.stdout.write(`${line}\n`);
const shown = (ms: number) => `${ms < 100 ? ms.toFixed(2) : Math.round(ms)} ms`;

async function median(runs: number, work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const started = performance.now();
    await work();
    times.push(performance.now() - started);
  }
  return middle(times);
}

function middle(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

/** Time that a backend's netlink calls spend in the kernel: the same messages, the calls measured one by one. */
class KernelTime implements Netlink {
  ms = 0;
  readonly #sockets: KernelSockets;

  constructor() {
    const calls = loadSystemCalls();
    const timed = <Words extends readonly unknown[], Value>(call: (...words: Words) => Value) => (...words: Words): Value => {
      const started = performance.now();
      const value = call(...words);
      this.ms += performance.now() - started;
      return value;
    };
    this.#sockets = new KernelSockets({ ...calls, send: timed(calls.send), receive: timed(calls.receive) } satisfies SystemCalls);
  }

  async ask(request: Parameters<Netlink['ask']>[0]): ReturnType<Netlink['ask']> {
    return this.#sockets.serve(request);
  }
}

for (const each of pfs) await applied(hardware, { kind: 'setNumVfs', pf: each, count: VFS });
await until('the netdevs of all VFs', async () => (await inventory(hardware)).pfs.every(({ vfs }) => vfs.length === VFS && vfs.every(({ netdev }) => netdev !== undefined)));
const name = (await pfOf(hardware, pf)).netdev!.name;

await benchInventory();
await benchApply();
process.exit(0);

async function benchInventory(): Promise<void> {
  print(`inventory of ${pfs.length} PFs and ${pfs.length * VFS} VFs`);
  await median(40, () => inventory(hardware));
  const ours = await median(40, () => inventory(hardware));
  print(`  hw-linux discover           ${shown(ours)}`);
  for (const [says, script, runs] of [['cat, readlink, ip, devlink', 'inventory.sh', 3], ['shell built-ins, ip, devlink', 'inventory-lean.sh', 5]] as const) {
    const shell = await median(runs, () => execFileSync('bash', [join(import.meta.dirname, script)], { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 }));
    print(`  ${says.padEnd(27)} ${shown(shell)}   ${(shell / ours).toFixed(1)} times as long`);
  }
}

async function applyAll(backend: LinuxHardware, round: number): Promise<void> {
  for (let index = 0; index < VFS; index++) {
    await applied(backend, {
      kind: 'setVf', pf, vfIndex: index, mac: `02:00:00:00:${(round % 100).toString().padStart(2, '0')}:0${index}`, vlan: { id: 100 + ((round + index) % 100), qos: 0, protocol: '802.1q' }, spoofCheck: round % 2 === 0, trust: round % 2 === 1,
    });
  }
}

async function benchApply(): Promise<void> {
  print(`MAC, VLAN, spoof check and trust on ${VFS} VFs`);
  let round = 0;
  await median(30, () => applyAll(hardware, round++));
  const ours = await median(30, () => applyAll(hardware, round++));
  const { kernel, write, total, inTotal } = await kernelParts(() => round++);
  print(`  hw-linux                    ${shown(ours)}, of which in the kernel ${shown(kernel)}: own part ${shown(ours - kernel)}, ${percent(ours - kernel, ours)}`);
  print(`  with the VFs made first     ${shown(total)}, of which in the kernel ${shown(write + inTotal)}: own part ${shown(total - write - inTotal)}, ${percent(total - write - inTotal, total)}`);
  const words = (index: number) => ['link', 'set', name, 'vf', String(index), 'mac', `02:00:00:00:${(++round % 100).toString().padStart(2, '0')}:0${index}`, 'vlan', String(100 + (round % 100)), 'spoofchk', round % 2 === 0 ? 'on' : 'off', 'trust', round % 2 === 0 ? 'off' : 'on'];
  const indexes = Array.from({ length: VFS }, (_, index) => index);
  const each = await median(5, () => indexes.map((index) => execFileSync('ip', words(index))));
  print(`  ip, once for each VF        ${shown(each)}   ${(each / ours).toFixed(1)} times as long`);
  const batch = await median(5, () => execFileSync('ip', ['-batch', '-'], { input: indexes.map((index) => words(index).join(' ')).join('\n') }));
  print(`  ip -batch                   ${shown(batch)}   ${(batch / ours).toFixed(1)} times as long`);
}

interface KernelParts {
  /** Of the settings alone. */
  readonly kernel: number;
  /** Of the write that makes the VFs. */
  readonly write: number;
  /** Making the VFs and setting them, whole. */
  readonly total: number;
  /** What netlink takes of that: more than alone, because new interfaces hold the lock of all links. */
  readonly inTotal: number;
}

/** What of an apply is the kernel's: each netlink call measured where it is made, and the write that makes the VFs done by hand. */
async function kernelParts(round: () => number): Promise<KernelParts> {
  const kernelTime = new KernelTime();
  const measured = createLinuxHardware({ clock: new RealClock(), netlink: kernelTime });
  const timed = async (work: () => Promise<void>): Promise<{ readonly total: number; readonly kernel: number }> => {
    kernelTime.ms = 0;
    const total = await median(1, work);
    return { total, kernel: kernelTime.ms };
  };
  const settings: number[] = [];
  for (let run = 0; run < 30; run++) settings.push((await timed(() => applyAll(measured, round()))).kernel);
  const remove = () => applied(measured, { kind: 'setNumVfs', pf, count: 0 });
  const wholes: { readonly total: number; readonly kernel: number }[] = [];
  const writes: number[] = [];
  for (let run = 0; run < 5; run++) {
    await remove();
    wholes.push(await timed(async () => {
      await applied(measured, { kind: 'setNumVfs', pf, count: VFS });
      await applyAll(measured, round());
    }));
    await remove();
    writes.push(await median(1, () => writeFileSync(`/sys/bus/pci/devices/${pf}/sriov_numvfs`, String(VFS))));
  }
  return { kernel: middle(settings), write: middle(writes), total: middle(wholes.map(({ total }) => total)), inTotal: middle(wholes.map(({ kernel }) => kernel)) };
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}
