/** The Linux backend beside iproute2 and a shell, in the machine of `npm run test:kernel`, whose clock counts instructions here. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInMachine } from '../../test/kernel/rig/machine.ts';
import { machineScript, openRig } from '../../test/kernel/rig/rig.ts';
import { RigProblem } from '../../test/kernel/rig/rig-problem.ts';

export async function run(print: (line: string) => void): Promise<void> {
  const kernel = openRig(false, 'igb');
  if (kernel instanceof RigProblem) {
    print(`  skipped: ${kernel.message}. ${kernel.remedy}`);
    return;
  }
  const exchange = mkdtempSync(join(tmpdir(), 'vfleet-bench-'));
  let partial = '';
  const onOutput = (text: string) => {
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) print(line);
  };
  const status = await runInMachine({ kernel, exchange, command: machineScript('test/kernel/bench/host.ts', []), nics: 2, memoryMb: 2048, clockCountsInstructions: true, limitMs: 3_600_000, onOutput });
  if (status !== 0) throw new Error(`the benchmark ended with status ${status}`);
  rmSync(exchange, { recursive: true, force: true });
}
