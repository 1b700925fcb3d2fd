import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { privateFolder } from '../../home.ts';

/** Where one `vfleet up` keeps its kubeconfig and its keys. */
export interface ClusterFolder {
  readonly path: string;
  /** Another cluster has the usual folder, and `kubectl` goes on talking to it. */
  readonly isSecond: boolean;
  release(): void;
}

/** So long a cluster may take from claiming the folder to answering at the address in its kubeconfig. */
const STARTING_MS = 30_000;
const ANSWER_WITHIN_MS = 1_000;

/**
 * The home folder, or, while a cluster that still runs has it, a folder of this process inside: a second cluster must not point the
 * first one's kubeconfig elsewhere. What a killed process left is taken over.
 */
export async function claimClusterFolder(home: string): Promise<ClusterFolder> {
  const claim = join(home, 'up.pid');
  for (;;) {
    try {
      writeFileSync(claim, String(process.pid), { flag: 'wx', mode: 0o600 });
      return { path: home, isSecond: false, release: () => rmSync(claim, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    if (await isHeld(claim, join(home, 'kubeconfig'))) break;
    rmSync(claim, { force: true });
  }
  const own = privateFolder(join(home, `cluster-${process.pid}`));
  return { path: own, isSecond: true, release: () => rmSync(own, { recursive: true, force: true }) };
}

/** A process with the claimed id may be another one by now, after a reboot say: the cluster has to answer too. */
async function isHeld(claim: string, kubeconfig: string): Promise<boolean> {
  try {
    const claimedMs = statSync(claim).mtimeMs;
    process.kill(Number(readFileSync(claim, 'utf8')) || process.pid, 0);
    return Date.now() - claimedMs < STARTING_MS || (await answers(kubeconfig));
  } catch (error) {
    // ESRCH: that process has ended. EPERM: it runs, as somebody else. ENOENT: it let go meanwhile.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function answers(kubeconfig: string): Promise<boolean> {
  const [, host, port] = /server: "?https:\/\/\[?([^\]\s"]+?)\]?:(\d+)/.exec(readFileSync(kubeconfig, 'utf8')) ?? [];
  if (host === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: ANSWER_WITHIN_MS });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false)).once('timeout', () => end(false));
  });
}
