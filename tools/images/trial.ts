/**
 * The image's program in the image's own file system, without a container runtime: does it start, and how soon is it ready. Takes root, for chroot(2) and
 * a mount namespace.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '@vfleet/core';
import { RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { installCrds, namespaces } from '@vfleet/kube';
import { createApiServer } from '@vfleet/kube-sim';
import { serve } from '@vfleet/kube-sim/edge/serve.ts';
import { ImageError } from './image-error.ts';
import { inImage } from './root-filesystem.ts';

const NAMESPACE = 'sriov-network-operator';
const STATUS_PORT = 18_080;
const READY_WITHIN_MS = 120_000;
/** A mount namespace in which the image has /proc, of which libraries ask what they run on. */
const ENTER = 'mount --rbind /proc "$0/proc" && exec chroot "$0" "$@"';

export interface Trial {
  readonly version: string;
  /** From the start of the process to the end of `vfleet --version`. */
  readonly versionMs: number;
  /** From the start of the process to the first answer of /readyz that says so, with webhooks, beside the embedded API server. */
  readonly operatorReadyMs: number;
}

/** Undefined where it cannot be tried; then the build has not shown that it runs. Throws {@link ImageError}. */
export async function tryImage(layers: readonly string[]): Promise<Trial | undefined> {
  if (process.getuid?.() !== 0 || spawnSync('unshare', ['--mount', 'true'], { stdio: 'ignore' }).status !== 0) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'vfleet-trial-'));
  const root = join(folder, 'root');
  try {
    await mkdir(root);
    for (const layer of layers) if (spawnSync('cp', ['-a', `${layer}/.`, root]).status !== 0) throw new ImageError(`${layer} cannot be copied.`, 'Is there room in the temporary folder?');
    // Native code, which only the daemon loads.
    runIn(root, '--input-type=module', '--eval', `(await import('${dirname(inImage.main)}/node_modules/koffi/index.js')).default.load(null).func('int getpid()')()`);
    const startedMs = performance.now();
    const version = runIn(root, inImage.main, '--version');
    const versionMs = performance.now() - startedMs;
    return { version, versionMs, operatorReadyMs: await operatorReadyMs(root, join(folder, 'api')) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the image's Node.js to its end; gives what it printed. Throws {@link ImageError}. */
function runIn(root: string, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', ENTER, root, inImage.node, ...words], { encoding: 'utf8', env: {} });
  if (status !== 0) throw new ImageError(`The image does not run: ${stderr.trim()}`, 'A library or a file is missing in it: see tools/images/root-filesystem.ts.');
  return stdout.trim();
}

async function operatorReadyMs(root: string, folder: string): Promise<number> {
  const ports = { clock: new RealClock(), random: new SystemRandom(), log: silentLog };
  const server = createApiServer(ports);
  const kube = server.client();
  const served = await serve(server, { port: 0, host: '127.0.0.1', folder });
  try {
    const installed = await installCrds({ ...ports, kube });
    if (!installed.ok) throw new ImageError(installed.error.cause, installed.error.remedy);
    await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await cp(served.kubeconfigPath, join(root, 'tmp/kubeconfig'));
    const words = ['operator', '--kubeconfig=/tmp/kubeconfig', '--webhook-address=127.0.0.1', '--webhook-port=0', `--status-port=${STATUS_PORT}`];
    const startedMs = performance.now();
    const child = spawn('unshare', ['--mount', 'sh', '-c', ENTER, root, inImage.node, '--disable-warning=ExperimentalWarning', inImage.main, ...words], { stdio: ['ignore', 'ignore', 'pipe'], env: {} });
    try {
      await ready(child, startedMs);
      return performance.now() - startedMs;
    } finally {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    }
  } finally {
    await served.close();
    server.stop();
  }
}

async function ready(child: ChildProcess, startedMs: number): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (said = (said + text).slice(-2_000)));
  while (performance.now() - startedMs < READY_WITHIN_MS) {
    if (child.exitCode !== null) break;
    const isReady = await fetch(`http://127.0.0.1:${STATUS_PORT}/readyz`).then(({ ok }) => ok, () => false);
    if (isReady) return;
    await sleep(10);
  }
  throw new ImageError(`The operator of the image did not get ready: ${said.trim()}`, 'See what it says.');
}
