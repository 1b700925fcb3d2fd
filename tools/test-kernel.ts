/**
 * `npm run test:kernel [-- --ensure] [-- --limit SECONDS] [-- FILTER]`: the Linux backend on a real kernel with emulated SR-IOV NICs.
 * One boot for all tests. Without what the rig needs these tests are skipped, and it is said what is missing and how to get it;
 * --ensure gets it. FILTER: only tests whose name has these words. The results are also written as JSON.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages, missingPackages, missingPackagesProblem } from '../test/kernel/rig/host-packages.ts';
import { downloadKernel, findKernel, missingKernelProblem } from '../test/kernel/rig/kernel-image.ts';
import { runInMachine } from '../test/kernel/rig/machine.ts';
import { RigProblem } from '../test/kernel/rig/rig-problem.ts';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const ensure = take('--ensure');
const record = take('--record');
const limitSeconds = Number(takeValue('--limit') ?? 900);

// The emulator ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof RigProblem)) throw error;
  process.stderr.write(`test:kernel: ${error.message}\n             ${error.remedy}\n`);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  if (ensure) installPackages(missingPackages());
  const missing = missingPackages();
  const kernel = ensure ? downloadKernel() : findKernel();
  if (missing.length > 0 || kernel === undefined) {
    const problem = missing.length > 0 ? missingPackagesProblem(missing) : missingKernelProblem();
    process.stdout.write(`Skipped: ${problem.message}. ${problem.remedy}\n`);
    return 0;
  }
  const exchange = mkdtempSync(join(tmpdir(), 'vfleet-kernel-'));
  const node = process.execPath;
  const script = `cd '${root}'\nexec '${node}' --disable-warning=ExperimentalWarning test/kernel/inside.ts${record ? ' --record' : ''} ${words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')}\n`;
  try {
    const status = await runInMachine({
      kernel, exchange, command: script, nics: 2, memoryMb: 2048, limitMs: limitSeconds * 1000, onOutput: (text) => void process.stdout.write(text),
    });
    keepResults(exchange);
    return status;
  } finally {
    if (process.exitCode === 0 || existsSync(join(exchange, 'status'))) rmSync(exchange, { recursive: true, force: true });
  }
}

function keepResults(exchange: string): void {
  const results = join(exchange, 'results.json');
  if (!existsSync(results)) return;
  mkdirSync(join(root, '.vfleet/results'), { recursive: true });
  copyFileSync(results, join(root, '.vfleet/results/kernel.json'));
  const recorded = join(exchange, 'recorded.json');
  if (record && existsSync(recorded)) {
    mkdirSync(join(root, 'test/conformance/recorded'), { recursive: true });
    copyFileSync(recorded, join(root, 'test/conformance/recorded/82576-linux-6.1.json'));
  }
}

function take(flag: string): boolean {
  const at = words.indexOf(flag);
  if (at >= 0) words.splice(at, 1);
  return at >= 0;
}

function takeValue(flag: string): string | undefined {
  const at = words.indexOf(flag);
  return at < 0 ? undefined : words.splice(at, 2)[1];
}
