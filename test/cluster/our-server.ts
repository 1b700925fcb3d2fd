/**
 * The API server of an embedded cluster in a process of its own, as a test or a benchmark wants it: with the cluster's admission,
 * but not started, so no scheduler and no controllers, because none runs beside the real one either. The process prints how to
 * reach it as one line of JSON; its lines of input are commands.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ApiAccess } from './client.ts';

export interface OurServer extends AsyncDisposable {
  readonly access: ApiAccess;
  readonly pid: number;
  /** From the start of the process to the first answer of /readyz. */
  readonly readyAfterMs: number;
  /** Forgets all history up to now. */
  compact(): Promise<void>;
  stop(): Promise<void>;
  /** Ends it without a chance to do anything. */
  kill(): Promise<void>;
}

export interface OurServerOptions {
  /** Its state is in a data file, as with `vfleet up --data`. */
  readonly kept?: boolean;
  /** Where its keys and data are, for one that is started again; removed at the end when it is not named. */
  readonly folder?: string;
  /** A free one by default. */
  readonly port?: number;
}

interface Ready {
  readonly access: ApiAccess;
}

export async function startOurServer({ kept = false, folder: named, port = 0 }: OurServerOptions = {}): Promise<OurServer> {
  const folder = named ?? (await mkdtemp(join(tmpdir(), 'vfleet-kube-sim-')));
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8', import.meta.filename, folder, String(port), ...(kept ? [join(folder, 'data')] : [])], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // As with `npm start`: young objects have less room, and compiled code is kept from run to run.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'vfleet-compile-cache') },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  const clean = async () => {
    if (named === undefined) await rm(folder, { recursive: true, force: true });
  };
  if (first.done === true) {
    await clean();
    throw new Error('The embedded API server ended before it was ready.');
  }
  const { access } = JSON.parse(first.value) as Ready;
  const readyAfterMs = performance.now() - startedMs;
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(timer);
    }
    await clean();
  };
  return {
    access,
    pid: child.pid ?? 0,
    readyAfterMs,
    compact: async () => {
      child.stdin.write('compact\n');
      await lines.next();
    },
    stop,
    kill: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      await clean();
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** What runs in the process: ends with its input, so that it never outlives whoever started it. */
async function main(folder: string, port: number, dataPath: string | undefined): Promise<void> {
  const [{ RealClock, SystemRandom }, { createApiServer }, { serve }] = await Promise.all([
    import('@vfleet/core/real.ts'), import('@vfleet/kube-sim/api-server.ts'), import('@vfleet/kube-sim/edge/serve.ts'),
  ]);
  const data = dataPath === undefined ? undefined : (await import('@vfleet/kube-sim/adapters/sqlite/data-file.ts')).openDataFile(dataPath);
  const apiServer = createApiServer({ clock: new RealClock(), random: new SystemRandom(), fullAdmission: true, ...(data === undefined ? {} : { storage: data.storage }) });
  const served = await serve(apiServer, { host: '127.0.0.1', port, folder });
  const config = await readFile(served.kubeconfigPath, 'utf8');
  process.stdout.write(`${JSON.stringify({ access: { url: served.url, ...credentialsOf(config) } })}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'compact') apiServer.compact();
    process.stdout.write('done\n');
  }
  await served.close();
  apiServer.stop();
  data?.close();
}

/** A kubeconfig may be YAML; two of its lines are all that is wanted. */
function credentialsOf(config: string): Pick<ApiAccess, 'certificateAuthority' | 'token'> {
  const value = (name: string) => new RegExp(`"?${name}"?:\\s*"?([\\w+/=.-]+)`).exec(config)?.[1] ?? '';
  return { certificateAuthority: Buffer.from(value('certificate-authority-data'), 'base64').toString(), token: value('token') };
}

if (import.meta.main) await main(process.argv[2] ?? '', Number(process.argv[3]), process.argv[4]);
