/** What the kernel says of a process, proc(5). */
import { readFileSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

export async function residentKb(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Megabytes of 1,000 kB: what `kubectl top` and a limit of `120M` count. */
export async function residentMb(pid: number): Promise<number> {
  return Math.round((await residentKb(pid)) * 1.024e-3);
}

/** User and system time so far, from clock ticks of 10 ms. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

/**
 * For how long threads of processes, ready to run, have waited for a processor so far, ms: what a busy machine adds to everything
 * (Documentation/scheduler/sched-stats.rst). Threads that wait at the same time count twice. Zero where the kernel does not count it.
 */
export function waitedForProcessorMs(pids: readonly number[]): () => number {
  const files = pids.flatMap((pid) => readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/schedstat`));
  return () => files.reduce((sum, file) => sum + waitedNs(file), 0) / 1e6;
}

function waitedNs(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8').split(' ')[1]);
  } catch {
    return 0;
  }
}
