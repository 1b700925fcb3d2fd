/**
 * What runs inside of the emulated machine for `npm run bench -- host`: the Linux backend beside iproute2 and a shell, on the same NICs
 * in the same state. Every figure is the median of several runs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RealClock } from '@vfleet/core/real.ts';
import type { HardwareStep, PciAddress, VfChange } from '@vfleet/core';
import { createLinuxHardware } from '@vfleet/hw-linux';
import type { LinuxHardware } from '@vfleet/hw-linux';
import { KernelNetlink } from '@vfleet/hw-linux/kernel-thread/kernel-netlink.ts';
import { loadSystemCalls } from '@vfleet/hw-linux/kernel-thread/system-calls.ts';
import type { SystemCalls } from '@vfleet/hw-linux/kernel-thread/system-calls.ts';
import { applied, inventory, machinePfs, pfOf, realHardware, until } from '../support.ts';

for (const module of ['igb', 'igbvf', 'vfio-pci']) spawnSync('modprobe', [module], { stdio: 'inherit' });

const VFS = 7;
const WARM_ROUNDS = 1_000;
const hardware = realHardware();
const pfs = machinePfs();
const [pf] = pfs as [PciAddress];
let round = 0;
const print = (line: string) => void process.stdout.write(`${line}\n`);
const shown = (ms: number) => (ms < 1 ? `${Math.round(ms * 1000)} µs` : `${ms < 100 ? ms.toFixed(2) : Math.round(ms)} ms`);

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
  return quantile(times, 0.5);
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)]!;
}

/**
 * The calls that a backend makes of the kernel, counted, and made on the spot instead of aside, so that the clock reads what the kernel
 * itself takes: the same messages, without the change of threads.
 */
class CountedCalls {
  ms = 0;
  messages = 0;
  calls = 0;
  aside = 0;

  load(): SystemCalls {
    const calls = loadSystemCalls();
    const timed = <Words extends readonly unknown[], Value>(call: (...words: Words) => Value) => (...words: Words): Value => {
      this.calls++;
      const started = performance.now();
      const value = call(...words);
      this.ms += performance.now() - started;
      return value;
    };
    const send = timed(calls.send);
    const receive = timed(calls.receive);
    return {
      ...calls, send, receive,
      aside: {
        ...calls.aside,
        send: async (fd, bytes) => {
          this.aside++;
          this.messages++;
          return send(fd, bytes);
        },
        receive: async (fd, buffer, flags) => {
          this.aside++;
          return receive(fd, buffer, flags);
        },
      },
    };
  }

  reset(): void {
    Object.assign(this, { ms: 0, messages: 0, calls: 0, aside: 0 });
  }
}

for (const each of pfs) await applied(hardware, { kind: 'setNumVfs', pf: each, count: VFS });
await until('the netdevs of all VFs', async () => (await inventory(hardware)).pfs.every(({ vfs }) => vfs.length === VFS && vfs.every(({ netdev }) => netdev !== undefined)));
const name = (await pfOf(hardware, pf)).netdev!.name;

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

function settings(): readonly VfChange[] {
  round++;
  return Array.from({ length: VFS }, (_, index) => ({
    vfIndex: index, mac: `02:00:00:00:${(round % 100).toString().padStart(2, '0')}:0${index}`, vlan: { id: 100 + ((round + index) % 100), qos: 0, protocol: '802.1q' }, spoofCheck: round % 2 === 0, trust: round % 2 === 1,
  }));
}

function batch(vfs: readonly VfChange[]): readonly HardwareStep[] {
  return [{ kind: 'setVfs', pf, vfs }];
}

function single(vfs: readonly VfChange[]): readonly HardwareStep[] {
  return vfs.map((vf) => ({ kind: 'setVf', pf, ...vf }));
}

async function applySteps(backend: LinuxHardware, steps: readonly HardwareStep[]): Promise<void> {
  for (const step of steps) await applied(backend, step);
}

async function benchApply(): Promise<void> {
  print(`MAC, VLAN, spoof check and trust on ${VFS} VFs that are there`);
  const first = await median(1, () => applySteps(hardware, batch(settings())));
  print(`  hw-linux, first in a process  ${shown(first)}`);
  const counted = new CountedCalls();
  const beside = createLinuxHardware({ clock: new RealClock(), netlink: new KernelNetlink(() => counted.load()) });
  await inventory(beside);
  const ours = (await benchWarm('one step for all VFs', batch, beside, counted)).whole;
  await benchWarm('a step for each VF', single, beside, counted);
  await benchMade(beside, counted);
  const words = (index: number) => ['link', 'set', name, 'vf', String(index), 'mac', `02:00:00:00:${(++round % 100).toString().padStart(2, '0')}:0${index}`, 'vlan', String(100 + (round % 100)), 'spoofchk', round % 2 === 0 ? 'on' : 'off', 'trust', round % 2 === 0 ? 'off' : 'on'];
  const indexes = Array.from({ length: VFS }, (_, index) => index);
  const beat = (ms: number) => `${shown(ms)}, ${(ms / ours).toFixed(1)} times as long, ${(ms / first).toFixed(1)} times as the first`;
  const shell = await median(9, () => execFileSync('sh', ['-c', indexes.map((index) => `ip ${words(index).join(' ')}`).join('; ')]));
  print(`  a shell with ${VFS} times ip      ${beat(shell)}`);
  const ipBatch = await median(9, () => execFileSync('ip', ['-batch', '-'], { input: indexes.map((index) => words(index).join(' ')).join('\n') }));
  print(`  ip -batch                     ${beat(ipBatch)}`);
}

/**
 * A daemon that goes on applying. Each round is made twice: as it is, and with the kernel's calls on the spot and timed, which tells what
 * the kernel takes, and what the change of threads costs.
 */
async function benchWarm(says: string, stepsOf: (vfs: readonly VfChange[]) => readonly HardwareStep[], beside: LinuxHardware, counted: CountedCalls): Promise<{ readonly whole: number }> {
  const rounds: { readonly whole: number; readonly onTheSpot: number; readonly kernel: number }[] = [];
  for (let times = 0; times < WARM_ROUNDS; times++) {
    const steps = stepsOf(settings());
    const whole = await median(1, () => applySteps(hardware, steps));
    const others = stepsOf(settings());
    counted.reset();
    rounds.push({ whole, onTheSpot: await median(1, () => applySteps(beside, others)), kernel: counted.ms });
  }
  const { messages, calls, aside } = counted;
  print(`  hw-linux, ${says}: ${messages} netlink messages, ${calls} system calls, ${aside} changes of threads and back`);
  const last = rounds.slice(WARM_ROUNDS / 2);
  for (const [which, some, share] of [['applies 2 to 30', rounds.slice(0, 29), 0.5], [`the last ${last.length} of ${WARM_ROUNDS}`, last, 0.5], ['the fastest tenth of those', last, 0.05]] as const) {
    const [whole, onTheSpot, kernel] = (['whole', 'onTheSpot', 'kernel'] as const).map((part) => quantile(some.map((one) => one[part]), share)) as [number, number, number];
    print(`    ${which.padEnd(27)} ${shown(whole)}, in the kernel ${shown(kernel)}, own part ${shown(whole - kernel)}, ${percent(whole - kernel, whole)}; without the change of threads ${shown(onTheSpot - kernel)}, ${percent(onTheSpot - kernel, onTheSpot)}`);
  }
  return { whole: middle(last.map(({ whole }) => whole)) };
}

/** The VFs made in the same apply. The write that makes them is done by hand for comparison. */
async function benchMade(beside: LinuxHardware, counted: CountedCalls): Promise<void> {
  const wholes: number[] = [];
  const kernels: number[] = [];
  const writes: number[] = [];
  const remove = () => applied(beside, { kind: 'setNumVfs', pf, count: 0 });
  for (let run = 0; run < 5; run++) {
    await remove();
    counted.reset();
    wholes.push(await median(1, () => applySteps(beside, [{ kind: 'setNumVfs', pf, count: VFS }, ...batch(settings())])));
    kernels.push(counted.ms);
    await remove();
    writes.push(await median(1, () => writeFileSync(`/sys/bus/pci/devices/${pf}/sriov_numvfs`, String(VFS))));
  }
  const [whole, kernel] = [middle(wholes), middle(kernels) + middle(writes)];
  print(`  hw-linux, the VFs made first  ${shown(whole)}, in the kernel ${shown(kernel)}, own part ${shown(whole - kernel)}, ${percent(whole - kernel, whole)}`);
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}

await benchApply();
await benchInventory();
process.exit(0);
