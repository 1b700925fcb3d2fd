/**
 * A plugin of the cluster's network as other people's may be: it does what only root may who has kept his capabilities, and fails with the names of those that it
 * lacks. `plugin.ts FOLDER PID`: a folder with files of another user, and a process of another user.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NOBODY = 65_534;
const [folder = '', pid = ''] = process.argv.slice(2);
const other = join(folder, 'of-nobody');
const own = join(folder, 'of-root');

const ends = (program: string, words: readonly string[], options: object = {}) => {
  const { status, error } = spawnSync(program, words, options);
  if (status !== 0) throw error ?? new Error(`${program} ended with ${status}`);
};

const deeds: Readonly<Record<string, () => void>> = {
  DAC_OVERRIDE: () => appendFileSync(other, '.'),
  CHOWN() {
    writeFileSync(own, '');
    chownSync(own, NOBODY, NOBODY);
  },
  FOWNER: () => chmodSync(other, 0o600),
  KILL: () => void process.kill(Number(pid), 0),
  SETUID: () => ends('true', [], { uid: NOBODY }),
  SETGID: () => ends('true', [], { gid: NOBODY }),
};

const { cniVersion, prevResult } = JSON.parse(readFileSync(0, 'utf8')) as { readonly cniVersion: string; readonly prevResult?: object };
const refused = Object.entries(deeds).flatMap(([name, act]) => {
  try {
    act();
    return [];
  } catch {
    return [name];
  }
});
if (process.env['CNI_COMMAND'] === 'ADD') {
  const answer = refused.length === 0 ? { cniVersion, ...prevResult } : { cniVersion, code: 100, msg: `a plugin of root's may not: ${refused.join(' ')}` };
  process.stdout.write(JSON.stringify(answer));
  process.exitCode = refused.length === 0 ? 0 : 1;
}
