import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ApiAccess } from '../client.ts';
import type { Command, Script } from './scripts.ts';

/** A kubectl that knows one server. */
export interface Player {
  readonly program: string;
  readonly folder: string;
  readonly access: ApiAccess;
}

export interface Played {
  readonly command: string;
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Carries out a script in a new namespace; what a server may choose freely is normalised. */
export async function play(player: Player, script: Script): Promise<readonly Played[]> {
  const namespace = script.name.replace(/[^a-z]+/g, '-');
  const folder = join(player.folder, namespace);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'kubeconfig'), kubeconfig(player.access, namespace), { mode: 0o600 });
  for (const [name, text] of Object.entries(script.files ?? {})) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode: 0o700 });
  }
  const fill = (text: string) => text.replace(/\{file:([^}]+)\}/g, (_match, name: string) => join(folder, name)).replaceAll('{{ns}}', namespace);
  const run = (command: Command) => runCommand(player.program, folder, { ...command, words: command.words.map(fill), ...(command.input === undefined ? {} : { input: fill(command.input) }), env: Object.fromEntries(Object.entries(command.env ?? {}).map(([name, value]) => [name, fill(value)])) });
  await run({ words: ['create', 'namespace', namespace] });
  const played: Played[] = [];
  for (const command of script.commands) {
    const endMs = performance.now() + notYetMs;
    let answer = await run(command);
    while (command.notYet?.test(answer.err) === true && performance.now() < endMs) answer = await run(command);
    const { status, out, err } = answer;
    const compared = (text: string) => {
      const lines = text.split('\n').filter((line) => !RACES.test(line));
      // Columns are as wide as what is not compared.
      const chosen = command.only === undefined ? lines : lines.filter((line) => command.only!.test(line)).map((line) => line.replace(/ +/g, ' '));
      return normalised(chosen.join('\n'), player, folder);
    };
    played.push({ command: `kubectl ${command.words.join(' ')}${command.input === undefined ? '' : ` < ${command.input}`}`.slice(0, 300), status, out: compared(out), err: compared(err) });
  }
  return played;
}

/** What client-go says when the time given to it is over while it begins a watch, or between the list and the watch. */
const RACES = /very short watch|reflector\.go:\d+\] "Failed to (list|watch)" err="[^"]*context deadline exceeded"/;

const timeoutMs = 120_000;
const notYetMs = 60_000;

function runCommand(program: string, folder: string, { words, input = '', env = {} }: Command): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...words], { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: join(folder, 'kubeconfig'), ...env }, stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.on('error', reject);
    child.stdin.on('error', () => {});
    child.on('close', (status) => resolve({ status: status ?? -1, out, err }));
    child.stdin.end(input);
  });
}

function kubeconfig({ url, certificateAuthority, token }: ApiAccess, namespace: string): string {
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'test', contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') } }], users: [{ name: 'test', user: { token } }],
  });
}

const REPLACED: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, '<time>'],
  [/(resource ?version"?: *"?)\d+/gi, '$1<version>'],
  [/(kube-api-access-)[a-z0-9]{5}/g, '$1<suffix>'],
  // Ages, which columns of spaces follow or precede.
  [/ +\d+(\.\d+)?(ms|s|m|h|d)\b/g, ' <age>'],
  [/\b\d+s\b/g, '<age>'],
  [/^[EWIF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ /gm, ''],
  [/localhost:\d+/g, '<server>'],
  [/ +$/gm, ''],
];

function normalised(text: string, { access }: Player, folder: string): string {
  return REPLACED.reduce((result, [pattern, by]) => result.replace(pattern, by), text.replaceAll(access.url, '<server>').replaceAll(folder, '<folder>').replaceAll(new URL(access.url).host, '<server>'));
}
