/** `npm run test:kernel`: the Linux backend on a real kernel with emulated SR-IOV NICs, one boot for all tests. `--help` tells the rest. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { MachineName } from '../test/kernel/rig/rig.ts';
import type { KernelResults } from '../test/kernel/results.ts';
import { MACHINES, isMachineName, machineCapabilities, machineScript, openRig } from '../test/kernel/rig/rig.ts';
import { runInMachine } from '../test/kernel/rig/machine.ts';
import { RigProblem } from '../test/kernel/rig/rig-problem.ts';
import { buildShim } from './build-shim.ts';

const HELP = `npm run test:kernel [-- OPTIONS] [FILE | WORDS …]

Boots a stock Debian kernel with emulated SR-IOV NICs (QEMU, no KVM needed) and runs the tests of test/kernel in it.
FILE is a part of a test file's name, WORDS are a part of a test's name; without any all tests run.

  --machine NAME   igb (default): Linux 6.1 with two emulated 82576; netdevsim: Linux 6.12 with devlink, eswitch and representors;
                   all: one after the other
  --ensure         first get what is missing: Debian packages by apt-get (as root), the kernel into ~/.cache/vfleet.
                   Without it nothing is installed: it is said what is missing, and the tests are skipped.
  --all-kills      kill \`vfleet host apply\`, and who carries out a CNI call, at every write they make, not only at some
  --record         write what the kernel answers to test/conformance/recorded
  --limit SECONDS  give up after this long (default 1800; on two free cores it takes about five minutes)
`;

const root = join(import.meta.dirname, '..');
const resultsFile = (machine: MachineName) => join(root, `.vfleet/results/kernel${machine === 'igb' ? '' : `-${machine}`}.json`);

const NO_RESULTS: KernelResults = { numTotalTests: 0, numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, success: false, testResults: [] };

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
  const { values, positionals } = readWords();
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const limitSeconds = Number(values.limit);
  if (!(limitSeconds > 0)) throw new RigProblem(`--limit ${values.limit} is no number of seconds`, 'Give one above 0.');
  if (values.machine !== 'all' && !isMachineName(values.machine)) throw new RigProblem(`there is no machine ${values.machine}`, `There are ${Object.keys(MACHINES).join(', ')} and all.`);
  const machines = values.machine === 'all' ? (Object.keys(MACHINES) as MachineName[]) : [values.machine];
  const flags = [...(values.record === true ? ['--record'] : []), ...(values['all-kills'] === true ? ['--all-kills'] : [])];
  let status = 0;
  for (const machine of machines) status = Math.max(status, await runMachine(machine, values.ensure === true, limitSeconds, [...flags, ...positionals]));
  return status;
}

async function runMachine(machine: MachineName, ensure: boolean, limitSeconds: number, words: readonly string[]): Promise<number> {
  rmSync(resultsFile(machine), { force: true });
  const kernel = openRig(ensure, machine);
  if (kernel instanceof RigProblem) {
    process.stdout.write(`Skipped: ${kernel.message}. ${kernel.remedy}\n`);
    return 0;
  }
  const exchange = mkdtempSync(join(tmpdir(), 'vfleet-kernel-'));
  const started = performance.now();
  // The machine's tests of the CNI plugin take it from there; compiling is slow inside.
  if (buildShim(join(exchange, 'vfleet-cni')).kind !== 'built') process.stdout.write('The native CNI executable could not be built: the portable one stands in for it.\n');
  try {
    const status = await runInMachine({
      kernel, exchange, command: machineScript('test/kernel/inside.ts', [`--machine=${machine}`, ...words], machineCapabilities()), nics: MACHINES[machine].nics, memoryMb: 2048, limitMs: limitSeconds * 1000,
      onOutput: (text) => void process.stdout.write(text),
    });
    process.stdout.write(`In ${Math.round((performance.now() - started) / 1000)} s with the boot.\n`);
    keepResults(machine, exchange, undefined);
    rmSync(exchange, { recursive: true, force: true });
    return status;
  } catch (error) {
    // What had answered counts, and that the machine did not finish is a failure.
    if (error instanceof RigProblem) keepResults(machine, exchange, error);
    throw error;
  }
}

function readWords() {
  const options = { help: { type: 'boolean' }, ensure: { type: 'boolean' }, record: { type: 'boolean' }, 'all-kills': { type: 'boolean' }, limit: { type: 'string', default: '1800' }, machine: { type: 'string', default: 'igb' } } as const;
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new RigProblem(error instanceof Error ? error.message : String(error), '`npm run test:kernel -- --help` tells the options.');
  }
}

function keepResults(machine: MachineName, exchange: string, problem: RigProblem | undefined): void {
  const left = join(exchange, 'results.json');
  const results: KernelResults = existsSync(left) ? JSON.parse(readFileSync(left, 'utf8')) as KernelResults : NO_RESULTS;
  mkdirSync(join(root, '.vfleet/results'), { recursive: true });
  writeFileSync(resultsFile(machine), JSON.stringify(problem === undefined ? results : withFailure(results, problem)));
  const recorded = join(exchange, 'recorded.json');
  if (problem !== undefined || !existsSync(recorded)) return;
  mkdirSync(join(root, 'test/conformance/recorded'), { recursive: true });
  copyFileSync(recorded, join(root, 'test/conformance/recorded/82576-linux-6.1.json'));
}

function withFailure(results: KernelResults, { message }: RigProblem): KernelResults {
  const machine = { name: 'the machine', status: 'failed' as const, assertionResults: [{ fullName: 'the machine finishes', status: 'failed' as const, duration: 0, failureMessages: [message] }] };
  return { ...results, success: false, numTotalTests: results.numTotalTests + 1, numFailedTests: results.numFailedTests + 1, testResults: [...results.testResults, machine] };
}
