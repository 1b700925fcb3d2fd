import { join } from 'node:path';
import { installPackages, missingPackages, missingPackagesProblem } from './host-packages.ts';
import { downloadKernel, findKernel, missingKernelProblem } from './kernel-image.ts';
import type { KernelImage } from './kernel-image.ts';
import type { RigProblem } from './rig-problem.ts';

const root = join(import.meta.dirname, '../../..');

/** The kernel to boot, or what is missing. With `ensure` what is missing is got first, and a RigProblem thrown when it cannot be. */
export function openRig(ensure: boolean): KernelImage | RigProblem {
  if (ensure) installPackages(missingPackages());
  const missing = missingPackages();
  if (missing.length > 0) return missingPackagesProblem(missing);
  return (ensure ? downloadKernel() : findKernel()) ?? missingKernelProblem();
}

/**
 * The shell script that runs a program of this checkout in the machine, with this very Node. Compiled code is kept for all processes in
 * it: emulated, compiling is most of what starting one costs.
 */
export function machineScript(program: string, words: readonly string[]): string {
  const quoted = [process.execPath, '--disable-warning=ExperimentalWarning', program, ...words].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  return `cd '${root}'\nexport NODE_COMPILE_CACHE=/run/compile-cache\nexec ${quoted.join(' ')}\n`;
}
