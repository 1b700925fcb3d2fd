import { join } from 'node:path';
import { capabilitiesOf } from '@vfleet/controllers/installation/node-rights.ts';
import { installPackages, missingPackages, missingPackagesProblem } from './host-packages.ts';
import { downloadKernel, findKernel, missingKernelProblem } from './kernel-image.ts';
import type { KernelImage } from './kernel-image.ts';
import { buildNetdevsimKernel, findNetdevsimKernel, missingBuildPackages, missingNetdevsimProblem } from './netdevsim-kernel.ts';
import type { RigProblem } from './rig-problem.ts';

const root = join(import.meta.dirname, '../../..');

/** What a machine is made of beside its kernel, and which tests are for it. */
export interface MachineKind {
  /** The folder of its tests. */
  readonly suite: string;
  /** There is no udev in the machine: what a boot loads elsewhere is loaded by name. */
  readonly modules: readonly string[];
  readonly nics: number;
  /** The kernel to boot, or what is missing. With `ensure` what is missing is got first, and a RigProblem thrown when it cannot be. */
  readonly openKernel: (ensure: boolean) => KernelImage | RigProblem;
}

/** Real drivers on emulated NICs, and a driver without NICs that has devlink and switchdev. */
export const MACHINES = {
  igb: { suite: 'suite', modules: ['igb', 'igbvf', 'vfio-pci'], nics: 2, openKernel: (ensure) => (ensure ? downloadKernel() : findKernel()) ?? missingKernelProblem() },
  netdevsim: { suite: 'netdevsim', modules: ['netdevsim', 'tun'], nics: 0, openKernel: openNetdevsim },
} as const satisfies Readonly<Record<string, MachineKind>>;

export type MachineName = keyof typeof MACHINES;

export function isMachineName(name: string): name is MachineName {
  return Object.hasOwn(MACHINES, name);
}

/** The kernel that a machine boots, or what is missing on this host. */
export function openRig(ensure: boolean, machine: MachineName): KernelImage | RigProblem {
  if (ensure) installPackages(missingPackages());
  const missing = missingPackages();
  if (missing.length > 0) return missingPackagesProblem(missing);
  return MACHINES[machine].openKernel(ensure);
}

function openNetdevsim(ensure: boolean): KernelImage | RigProblem {
  const known = findNetdevsimKernel();
  if (known !== undefined || !ensure) return known ?? missingNetdevsimProblem();
  installPackages(missingBuildPackages());
  return buildNetdevsimKernel();
}

/**
 * With which tests run: those of the daemon on its node, so that whatever the backend does is done with no more; what tests themselves need to start
 * processes of other users, with fewer, and a DHCP server; and where the folder for results is not root's, the right to write there.
 */
export function machineCapabilities(): readonly string[] {
  return [...capabilitiesOf('node', 'always'), 'NET_BIND_SERVICE', 'SETGID', 'SETUID', 'SETPCAP', ...(process.getuid?.() === 0 ? [] : ['DAC_OVERRIDE'])];
}

/**
 * The shell script that runs a program of this checkout in the machine, with this very Node. Compiled code is kept for all processes in
 * it: emulated, compiling is most of what starting one costs.
 */
export function machineScript(program: string, words: readonly string[], capabilities?: readonly string[]): string {
  const limited = capabilities === undefined ? [] : withOnly(capabilities);
  const quoted = [...limited, process.execPath, '--disable-warning=ExperimentalWarning', program, ...words].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  return `cd '${root}'\nexport NODE_COMPILE_CACHE=/run/compile-cache\nexec ${quoted.join(' ')}\n`;
}

/** The words before a command that root runs with these capabilities and no others (setpriv(1), of util-linux); what the command starts has no more. */
export function withOnly(capabilities: readonly string[]): readonly string[] {
  return ['setpriv', `--bounding-set=${['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',')}`, '--inh-caps=-all', '--'];
}
