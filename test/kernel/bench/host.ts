/**
 * What runs inside of the emulated machine for `npm run bench -- host`: the Linux backend beside iproute2 and a shell, on the same NICs
 * in the same state. Every figure is the median of several runs, where it is not said to be another.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RealClock } from '@vfleet/core/real.ts';
import type { HardwareStep, PciAddress, VfChange } from '@vfleet/core';
import { createLinuxHardware } from '@vfleet/hw-linux';
import type { LinuxHardware } from '@vfleet/hw-linux';
import { KernelNetlink } from '@vfleet/hw-linux/kernel-thread/kernel-netlink.ts';
import { applied, inventory, machinePfs, pfOf, realHardware, until } from '../support.ts';
import { CountedCalls } from './counted-calls.ts';
import { mean, median, middle, percent, quantile, shown, timed } from './figures.ts';
import { ShellRoot } from './shell-root.ts';
import { VFS, batch, settingsOf, single } from './vf-settings.ts';

for (const module of ['igb', 'igbvf', 'vfio-pci']) spawnSync('modprobe', [module], { stdio: 'inherit' });

const WARM_ROUNDS = 1_000;
/** A process' own times are told in ticks of 4 ms: so many applies are taken together. */
const TOGETHER = 50;
const ACCOUNTED_ROUNDS = 10_000;
const FIRST_PROCESSES = 6;
const SHELLS = [['cat, readlink, ip, devlink', 'inventory.sh', 3], ['shell built-ins, ip, devlink', 'inventory-lean.sh', 5]] as const;
const aside = realHardware();
const here = realHardware({ waiting: 'here' });
const shells = new ShellRoot('/run/shell-root');
const pfs = machinePfs();
const [pf] = pfs as [PciAddress];
let round = 0;
const settings = () => settingsOf(++round);
const print = (line: string) => void process.stdout.write(`${line}\n`);

for (const each of pfs) await applied(aside, { kind: 'setNumVfs', pf: each, count: VFS });
await until('the netdevs of all VFs', async () => (await inventory(aside)).pfs.every(({ vfs }) => vfs.length === VFS && vfs.every(({ netdev }) => netdev !== undefined)));
const name = (await pfOf(aside, pf)).netdev!.name;

async function benchInventory(): Promise<void> {
  print(`inventory of ${pfs.length} PFs and ${pfs.length * VFS} VFs`);
  await median(40, () => inventory(aside));
  const ours = await median(40, () => inventory(aside));
  print(`  hw-linux discover           ${shown(ours)}`);
  for (const [says, script, runs] of SHELLS) {
    const shell = await median(runs, () => shells.run(`. /${script}`));
    print(`  ${says.padEnd(27)} ${shown(shell)}   ${(shell / ours).toFixed(1)} times as long`);
  }
}

/** One alone is not awaited here: that would count as the backend's. */
function applySteps(backend: LinuxHardware, steps: readonly HardwareStep[]): Promise<unknown> {
  return steps.length === 1 ? backend.apply(steps[0]!) : applyEach(backend, steps);
}

async function applyEach(backend: LinuxHardware, steps: readonly HardwareStep[]): Promise<void> {
  for (const step of steps) await applied(backend, step);
}

async function benchApply(): Promise<void> {
  print(`MAC, VLAN, spoof check and trust on ${VFS} VFs that are there`);
  const counted = new CountedCalls();
  const beside = createLinuxHardware({ clock: new RealClock(), netlink: new KernelNetlink('here', () => counted.load()) });
  for (const backend of [here, beside]) await inventory(backend);
  print(`  looking at the clock takes ${shown(clockMs)}, and is not counted; the binding of libc for one call ${shown(counted.bindingMs - clockMs)}, and is the backend's own`);
  const ours = await benchWarm('one step for all VFs', batch, beside, counted);
  await benchWarm('a step for each VF', single, beside, counted);
  await benchAccounted();
  await benchMade(beside, counted);
  const first = benchFirst();
  const words = (index: number) => ['link', 'set', name, 'vf', String(index), 'mac', `02:00:00:00:${(++round % 100).toString().padStart(2, '0')}:0${index}`, 'vlan', String(100 + (round % 100)), 'spoofchk', round % 2 === 0 ? 'on' : 'off', 'trust', round % 2 === 0 ? 'off' : 'on'];
  const indexes = Array.from({ length: VFS }, (_, index) => index);
  const beat = (ms: number) => `${shown(ms)}, ${(ms / ours).toFixed(1)} times as long, ${(ms / first).toFixed(1)} times as the first`;
  const shell = await median(9, () => shells.run(indexes.map((index) => `ip ${words(index).join(' ')}`).join('; ')));
  print(`  a shell with ${VFS} times ip      ${beat(shell)}`);
  const ipBatch = await median(9, () => shells.run('exec ip -batch -', indexes.map((index) => words(index).join(' ')).join('\n')));
  print(`  ip -batch                     ${beat(ipBatch)}`);
}

interface Round {
  readonly here: number;
  readonly aside: number;
  readonly kernel: number;
}

/**
 * A process that goes on applying. Each round is made three times with other settings: by a backend that waits for the kernel on the spot,
 * by one that waits aside, and with the kernel's calls timed. What of the whole is not the kernel's is the backend's own.
 */
async function benchWarm(says: string, stepsOf: (of: PciAddress, vfs: readonly VfChange[]) => readonly HardwareStep[], beside: LinuxHardware, counted: CountedCalls): Promise<number> {
  const rounds: Round[] = [];
  const whole = async (backend: LinuxHardware) => {
    const steps = stepsOf(pf, settings());
    let outcome: unknown;
    const took = await timed(() => (outcome = applySteps(backend, steps)));
    const result = (await outcome) as Awaited<ReturnType<LinuxHardware['apply']>> | undefined;
    if (result?.ok === false) throw new Error(result.error.cause);
    return took - clockMs;
  };
  for (let times = 0; times < WARM_ROUNDS; times++) {
    const [onTheSpot, onAnother] = [await whole(here), await whole(aside)];
    counted.reset();
    await whole(beside);
    rounds.push({ here: onTheSpot, aside: onAnother, kernel: counted.ms });
  }
  print(`  hw-linux, ${says}: ${counted.messages} netlink messages, ${counted.calls} system calls`);
  const last = rounds.slice(WARM_ROUNDS / 2);
  const ways: readonly (readonly [string, readonly Round[], (times: readonly number[]) => number])[] = [
    ['applies 2 to 30', rounds.slice(1, 30), middle], [`the last ${last.length} of ${WARM_ROUNDS}`, last, middle], ['their mean', last, mean], ['the fastest tenth of those', last, (times) => quantile(times, 0.05)],
  ];
  for (const [which, some, of] of ways) {
    const kernel = of(some.map((one) => one.kernel));
    const told = (['here', 'aside'] as const).map((where) => {
      const all = of(some.map((one) => one[where]));
      return `${where} ${shown(all)}, own part ${shown(all - kernel)}, ${percent(all - kernel, all)}`;
    });
    print(`    ${which.padEnd(27)} in the kernel ${shown(kernel)}; ${told.join('; ')}`);
  }
  return middle(last.map((one) => one.here));
}

/** What the kernel itself says of the time outside of it: the process' user time, with what collects garbage and compiles. */
async function benchAccounted(): Promise<void> {
  for (const [where, backend] of [['here', here], ['aside', aside]] as const) {
    let [user, system] = [0, 0];
    for (let done = 0; done < ACCOUNTED_ROUNDS; done += TOGETHER) {
      const steps = Array.from({ length: TOGETHER }, () => batch(pf, settings())).flat();
      const before = process.cpuUsage();
      for (const step of steps) await backend.apply(step);
      const used = process.cpuUsage(before);
      user += used.user;
      system += used.system;
    }
    print(`  by the kernel's own account of ${ACCOUNTED_ROUNDS} applies, ${where.padEnd(9)} ${percent(user, user + system)} of the processor's time outside of the kernel`);
  }
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
    wholes.push(await timed(() => applySteps(beside, [{ kind: 'setNumVfs', pf, count: VFS }, ...batch(pf, settings())])));
    kernels.push(counted.ms);
    await remove();
    writes.push(await timed(() => writeFileSync(`/sys/bus/pci/devices/${pf}/sriov_numvfs`, String(VFS))));
  }
  const [whole, kernel] = [middle(wholes), middle(kernels) + middle(writes)];
  print(`  hw-linux, the VFs made first  ${shown(whole)}, in the kernel ${shown(kernel)}, own part ${shown(whole - kernel)}, ${percent(whole - kernel, whole)}`);
}

/** Processes that set VFs once they have looked at the NICs, one after the other; the first one fills Node's cache of compiled code. */
function benchFirst(): number {
  const program = join(import.meta.dirname, 'first-apply.ts');
  const [alone] = ([['host', '`vfleet host`'], ['daemon', 'the daemon, ready beforehand']] as const).map(([as, says]) => {
    const [, ...runs] = Array.from({ length: FIRST_PROCESSES }, () => {
      round += 40;
      return JSON.parse(execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', program, String(round), as], { encoding: 'utf8' })) as readonly number[];
    });
    const nth = (index: number) => middle(runs.map((times) => times[index]!)) - clockMs;
    const others = middle(runs.flatMap((times) => times.slice(1))) - clockMs;
    print(`  hw-linux, of a new process, ${says.padEnd(28)} the first ${shown(nth(0))}, the second ${shown(nth(1))}, the tenth ${shown(nth(9))}, the median of 2 to 30 ${shown(others)}`);
    return nth(0);
  });
  return alone!;
}

const clockMs = await median(2_000, () => undefined);
await benchApply();
await benchInventory();
process.exit(0);
