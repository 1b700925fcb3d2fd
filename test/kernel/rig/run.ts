import { spawnSync } from 'node:child_process';
import { RigProblem } from './rig-problem.ts';

/** Runs a tool of the host to its end and gives what it printed; a failure is a RigProblem with the tool's own words. */
export function run(file: string, words: readonly string[], options: { readonly cwd?: string; readonly shown?: boolean } = {}): string {
  const done = spawnSync(file, words, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }, maxBuffer: 1 << 28,
    stdio: ['ignore', options.shown === true ? 'inherit' : 'pipe', options.shown === true ? 'inherit' : 'pipe'],
  });
  if (done.status === 0) return done.stdout ?? '';
  const said = (done.stderr ?? '').trim() || done.error?.message || `status ${done.status}`;
  throw new RigProblem(`${file} ${words.join(' ')} failed: ${said}`, 'Mend what it says and run the same command again.');
}

/** Whether a program of this name is on the PATH. */
export function has(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0;
}
