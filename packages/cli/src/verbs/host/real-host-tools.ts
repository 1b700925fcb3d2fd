import { createInterface } from 'node:readline/promises';
import { silentLog } from '@vfleet/core';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { createLinuxHardware, realHost } from '@vfleet/hw-linux';
import { CliFailure } from '../../failure.ts';
import { thisExecutable } from '../../host-ports/this-executable.ts';
import type { HostTools } from './host-tools.ts';

/** This machine. Imported only by the verbs that need it: it loads native code. */
export function realHostTools(): HostTools {
  if (process.platform !== 'linux') throw new CliFailure(`this is ${process.platform}, and NICs are configured on Linux hosts only`, 'Run it on the host itself, or try `vfleet up` with simulated NICs.');
  const clock = new RealClock();
  const files = new NodeFiles(clock, new SystemRandom());
  const { host, preparation, sysfs } = realHost(files);
  // Nothing else goes on in this process.
  const hardware = createLinuxHardware({ clock, sysfs }, { waiting: 'here' });
  return {
    hardware, sysfs, preparation, host, files, clock, log: silentLog, executable: thisExecutable(), confirm, interrupted,
    close: () => hardware.close(),
  };
}

async function confirm(question: string): Promise<boolean | undefined> {
  if (process.stdin.isTTY !== true) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    // The thread that listens keeps no process alive.
    const awake = setInterval(() => {}, 60_000);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        clearInterval(awake);
        resolve();
      });
    }
  });
}
