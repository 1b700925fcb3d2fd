import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildInitramfs } from './initramfs.ts';
import type { KernelImage } from './kernel-image.ts';
import { RigProblem } from './rig-problem.ts';

export interface MachineOptions {
  readonly kernel: KernelImage;
  /** A folder of the host that the machine sees as /run/vfleet-rig and may write to. */
  readonly exchange: string;
  /** A shell script, run as root in the checkout's own root file system. */
  readonly command: string;
  readonly nics: number;
  readonly memoryMb: number;
  readonly limitMs: number;
  readonly kernelArguments?: readonly string[];
  /** The machine's clock goes by the instructions it has done, one each 4 ns: durations in it are then the same on a busy host. */
  readonly clockCountsInstructions?: boolean;
  /** What the command prints, as it comes. */
  readonly onOutput: (text: string) => void;
}

/** Boots the machine, runs the command, and gives its exit status. Never longer than the limit. */
export async function runInMachine(options: MachineOptions): Promise<number> {
  const { exchange } = options;
  const initramfs = join(exchange, 'initramfs.gz');
  writeFileSync(initramfs, buildInitramfs(options.kernel));
  writeFileSync(join(exchange, 'command.sh'), options.command);
  const words = qemuWords(options, initramfs);
  let ended = await runQemu(words, options);
  // An emulated boot that hangs or panics is no answer to anything; it is tried again, and what has begun to answer is not.
  for (let boot = 2; boot <= BOOTS_MAX && ended.neverStarted; boot++) ended = await runQemu(words, options);
  const statusFile = join(exchange, 'status');
  if (existsSync(statusFile)) return Number(readFileSync(statusFile, 'utf8'));
  const lastLines = existsSync(join(exchange, 'console.log')) ? readFileSync(join(exchange, 'console.log'), 'utf8').split('\n').slice(-30).join('\n') : '';
  throw new RigProblem(
    `the emulated machine ${ended.overdue ? `did not finish within ${options.limitMs / 1000} s` : 'ended before the command did'}\n${ended.stderr}${lastLines}`,
    `Its console is in ${join(exchange, 'console.log')}. On a busy machine give it more time: --limit SECONDS.`,
  );
}

const BOOTS_MAX = 3;
const BOOT_LIMIT_MS = 300_000;

function qemuWords(options: MachineOptions, initramfs: string): readonly string[] {
  const { kernel, exchange } = options;
  const share = (id: string, path: string, tag: string, writable: boolean) => [
    '-fsdev', `local,id=${id},path=${path},security_model=none,multidevs=remap${writable ? '' : ',readonly=on'}`, '-device', `virtio-9p-pci,fsdev=${id},mount_tag=${tag}`,
  ];
  return [
    '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none',
    // Software emulation: the rig is to give the same answers on every machine, also where there is no usable KVM. One processor: on a
    // busy machine the timers of a second one were seen to be lost during boot. An old one without AVX: a fifth faster to emulate.
    '-M', 'q35,kernel-irqchip=split', '-accel', ...(options.clockCountsInstructions === true ? ['tcg,thread=single', '-icount', 'shift=2,sleep=off'] : ['tcg,thread=multi']), '-cpu', 'Nehalem', '-smp', '1', '-m', String(options.memoryMb),
    '-device', 'intel-iommu,intremap=on,device-iotlb=on,caching-mode=on',
    '-kernel', kernel.image, '-initrd', initramfs,
    '-append', ['console=ttyS0', 'quiet', 'loglevel=4', 'intel_iommu=on', 'iommu=pt', 'no_timer_check', 'panic=-1', 'mitigations=off', 'random.trust_cpu=on', ...(options.kernelArguments ?? [])].join(' '),
    '-serial', `file:${join(exchange, 'console.log')}`, '-serial', 'stdio',
    ...share('root', '/', 'hostroot', false), ...share('exchange', exchange, 'exchange', true), ...share('modules', kernel.modules, 'modules', false),
    ...Array.from({ length: options.nics }, (_, index) => nic(index + 1)).flat(),
  ];
}

/** Each NIC behind a root port of its own, so that it has an IOMMU group of its own; all on one hub, so that they hear each other. */
function nic(number: number): readonly string[] {
  return [
    '-device', `pcie-root-port,id=rp${number},chassis=${number},slot=${number},bus=pcie.0,addr=${(number + 8).toString(16)}.0`,
    '-netdev', `hubport,id=n${number},hubid=0`, '-device', `igb,bus=rp${number},netdev=n${number},mac=52:54:00:00:00:0${number},romfile=`,
  ];
}

function runQemu(words: readonly string[], options: MachineOptions): Promise<{ readonly overdue: boolean; readonly neverStarted: boolean; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    // The machine ends with this process, whatever ends it (PR_SET_PDEATHSIG).
    const qemu = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    let overdue = false;
    const hasStarted = () => existsSync(join(options.exchange, 'started'));
    const bootTimer = setTimeout(() => {
      if (!hasStarted()) qemu.kill('SIGKILL');
    }, BOOT_LIMIT_MS);
    const timer = setTimeout(() => {
      overdue = true;
      qemu.kill('SIGKILL');
    }, options.limitMs);
    qemu.stdout.setEncoding('utf8').on('data', options.onOutput);
    qemu.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    qemu.once('error', reject);
    qemu.once('close', () => {
      clearTimeout(timer);
      clearTimeout(bootTimer);
      resolve({ overdue, neverStarted: !overdue && !hasStarted(), stderr });
    });
  });
}
