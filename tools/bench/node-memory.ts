/** What a node's process weighs: on this machine's NICs, and with pods that have VFs. */
import { spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NodeRig } from '../../test/node-data-plane/node-rig.ts';
import { residentMb } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const PREPARE = 'ip link set lo up && mount -t tmpfs tmpfs /run && mkdir -p /run/netns';

/** As it is shipped: the image's files. Undefined where the bundler is not installed. */
export async function bundled(folder: string): Promise<string | undefined> {
  const built = await import('../images/bundle.ts').then(({ bundle }) => bundle()).catch(() => undefined);
  if (built === undefined) return undefined;
  await mkdir(folder, { recursive: true });
  for (const [name, text] of built.files) await writeFile(join(folder, name), text);
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'main.js');
}

/** Resident memory some seconds after the start, on whatever NICs there are. */
export async function realMb(main: string): Promise<number> {
  const rig = await NodeRig.create(1);
  try {
    rig.startFrom(main, 'real');
    await sleep(8_000);
    return await residentMb(rig.child!.pid!);
  } finally {
    await rig.close();
  }
}

export interface WithPods {
  readonly beforeMb: number;
  /** After each pod. */
  readonly afterMb: readonly number[];
}

/** With VFs that are interfaces of the kernel; the words are why not, where interfaces cannot be made. */
export function withPods(main: string, vfs: number, pods: number): WithPods | string {
  const done = spawnSync('unshare', ['-n', '-m', 'sh', '-ec', `${PREPARE}; exec "$@"`, 'sh', process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'node-pod-child.ts'), main, String(vfs), String(pods)], { encoding: 'utf8', timeout: 300_000, killSignal: 'SIGKILL' });
  if (done.status !== 0) return done.stderr?.trim().split('\n').at(-1) ?? String(done.error);
  const { beforeKb, afterKb } = JSON.parse(done.stdout) as { readonly beforeKb: number; readonly afterKb: readonly number[] };
  const mb = (kb: number) => Math.round(kb * 1.024e-3);
  return { beforeMb: mb(beforeKb), afterMb: afterKb.map(mb) };
}
