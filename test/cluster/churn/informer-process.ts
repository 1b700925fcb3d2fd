import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runCommand } from '../../../tools/rigs/command.ts';
import { churnedGroup, shownSelector } from './records.ts';
import type { InformerRecord, InformerSpec } from './records.ts';

/** A process that runs informers, and everything that it said. */
export interface InformerProcess {
  readonly specs: readonly InformerSpec[];
  /** Takes what was said since the last call. */
  take(): readonly InformerRecord[];
  /** Asks what the informers' stores hold; resolves when all have said so. */
  state(): Promise<void>;
  /** Why it ended, if it did. */
  readonly ended: string | undefined;
  stop(): Promise<void>;
}

const stateTimeoutMs = 60_000;
const stopGraceMs = 3_000;

/** Builds `clientgo/main.go` into a folder. Undefined when there is no Go here. */
export async function buildClientGo(folder: string): Promise<string | undefined> {
  const output = join(folder, 'client-go-informers');
  const go = (words: readonly string[]) => runCommand('go', words, { cwd: join(import.meta.dirname, 'clientgo'), env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=readonly' } });
  const version = await go(['version']).catch(() => undefined);
  if (version?.exitCode !== 0) return undefined;
  const built = await go(['build', '-o', output, '.']);
  if (built.exitCode !== 0) throw new Error(`client-go's informers were not built: ${built.stderr}`);
  return output;
}

export function startClientGo(program: string, kubeconfigPath: string, specs: readonly InformerSpec[], streaming: boolean, onRecord: (record: InformerRecord) => void): InformerProcess {
  const words = specs.map(({ name, resource, namespace, onlyShown, minSeconds, maxSeconds }) => ({
    name, resource, namespace, minSeconds, maxSeconds, selector: onlyShown ? shownSelector : '', group: resource === 'configmaps' ? '' : churnedGroup, version: 'v1',
  }));
  const child = spawn(program, [kubeconfigPath, JSON.stringify(words)], { env: { ...process.env, KUBE_FEATURE_WatchListClient: String(streaming) }, stdio: ['pipe', 'pipe', 'pipe'] });
  return informerProcess(child, specs, onRecord);
}

export function startClientNode(kubeconfigPath: string, specs: readonly InformerSpec[], onRecord: (record: InformerRecord) => void): InformerProcess {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'node-informers.ts'), kubeconfigPath, JSON.stringify(specs)], { stdio: ['pipe', 'pipe', 'pipe'] });
  return informerProcess(child, specs, onRecord);
}

function informerProcess(child: ChildProcess, specs: readonly InformerSpec[], onRecord: (record: InformerRecord) => void): InformerProcess {
  let records: InformerRecord[] = [];
  let states = 0;
  let onState = () => {};
  let ended: string | undefined;
  let lastWords = '';
  child.on('error', (error) => (ended = error.message));
  child.on('exit', (code, signal) => (ended ??= `it ended with ${signal ?? code}: ${lastWords}`));
  // client-go logs every connection that breaks; only the last words are of interest.
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (lastWords = (lastWords + text).slice(-2_000)));
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const record = JSON.parse(line) as InformerRecord;
    records.push(record);
    onRecord(record);
    if (record.what === 'state') {
      states++;
      onState();
    }
  });
  return {
    specs,
    get ended() {
      return ended;
    },
    take: () => {
      const taken = records;
      records = [];
      return taken;
    },
    state: async () => {
      states = 0;
      const said = Promise.withResolvers<void>();
      onState = () => {
        if (states >= specs.length) said.resolve();
      };
      const timer = setTimeout(() => said.reject(new Error(`The informers do not say what they hold. ${ended ?? lastWords}`)), stateTimeoutMs);
      child.stdin?.write('state\n');
      await said.promise.finally(() => clearTimeout(timer));
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.stdin?.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), stopGraceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}
