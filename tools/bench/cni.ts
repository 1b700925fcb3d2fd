/** CNI calls on a VF of a real kernel, from execution to result, in the machine of `npm run test:kernel`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInMachine } from '../../test/kernel/rig/machine.ts';
import { RigProblem } from '../../test/kernel/rig/rig-problem.ts';
import { machineScript, openRig } from '../../test/kernel/rig/rig.ts';
import { buildShim } from '../build-shim.ts';

/** `--peer=PATH`: another SR-IOV plugin, to be called with the same configuration; `--rounds=N`: how often the fast ones are called. */
export async function run(print: (line: string) => void, words: readonly string[]): Promise<void> {
  const kernel = openRig(false, 'igb');
  if (kernel instanceof RigProblem) {
    print(`  skipped: ${kernel.message}. ${kernel.remedy}`);
    return;
  }
  const exchange = mkdtempSync(join(tmpdir(), 'vfleet-bench-'));
  if (buildShim(join(exchange, 'vfleet-cni')).kind !== 'built') print('  The native executable could not be built here.');
  let partial = '';
  const onOutput = (text: string) => {
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) print(`  ${line}`);
  };
  const load = () => loadavg()[0]!.toFixed(1);
  const before = load();
  const handed = words.filter((word) => /^--(?:peer|rounds)=/.test(word));
  const status = await runInMachine({ kernel, exchange, command: machineScript('test/kernel/bench/cni.ts', handed), nics: 2, memoryMb: 2048, limitMs: 1_800_000, onOutput });
  if (status !== 0) throw new Error(`the benchmark ended with status ${status}`);
  print(`  An emulated machine of one processor: look at the proportions. Load of this one before and after: ${before}, ${load()}.`);
  rmSync(exchange, { recursive: true, force: true });
}
