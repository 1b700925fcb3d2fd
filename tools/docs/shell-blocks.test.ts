// Goal: what the docs tell people to type works. Method: every shell block that is not marked is run by bash, line by line, in an empty folder that has
// the checkout's files, beside a running `vfleet up`; a line that fails fails the test. npm is left out: it would only start what its
// scripts say, which test/house/bootstrap.test.ts shows; and `npm start` ends by itself once all is attached.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { commandsOf } from './page.ts';
import { ROOT, readPages } from './pages.ts';

const PRELUDE = `set -eu -o pipefail
npm() {
  [ "$1" != run ] || shift
  [ "$1" != --silent ] || shift
  local verb="$1"
  shift
  [ "\${1:-}" != -- ] || shift
  case "$verb" in
    start) vfleet up "$@" --exit --port 0 --timeout 3600 ;;
    vfleet) vfleet "$@" ;;
    *) echo "these tests do not run npm run $verb: mark it in the text" >&2; return 1 ;;
  esac
}
vfleet() { "$VFLEET_NODE" --disable-warning=ExperimentalWarning "$VFLEET_ROOT/packages/cli/src/main.ts" "$@"; }
`;
const MAIN = join(ROOT, 'packages/cli/src/main.ts');
interface Run {
  readonly at: string;
  readonly commands: readonly string[];
  /** Lines of tables that the text shows as the answer. */
  readonly shown: readonly string[];
}

/** The same commands at several places are run once, where most is shown of their answer. */
const blocks = readPages().flatMap((page) => page.shellBlocks.flatMap((block): Run[] => {
  const commands = block.notRun === undefined ? commandsOf(block) : [];
  return commands.length === 0 ? [] : [{ at: `${page.path}:${block.line}`, commands, shown: block.language === 'console' ? tableLines(block.text) : [] }];
})).filter((run, index, all) => {
  const same = all.filter((other) => keyOf(other) === keyOf(run));
  const most = Math.max(...same.map(({ shown }) => shown.length));
  return all.indexOf(same.find(({ shown }) => shown.length === most)!) === index;
});

function keyOf({ commands }: Run): string {
  return commands.map((command) => command.replace(/ +#.*$/, '').replace(/^npm start( -- --exit)?$/, 'npm start')).join('\n');
}

/** What is at rest in the end: lines of tables, without what is drawn (MACs, names of pods, addresses in turn) and without their widths. */
function tableLines(text: string): readonly string[] {
  return text.split('\n').filter((line) => /^(?:NODE|POD|node-[a-z]|default\/)/.test(line)).map((line) => line
    .replace(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC').replace(/(day-one)-\w+-\w+/, '$1').replace(/10\.20\.30\.\d+/, '10.20.30.N').replace(/#[01]\b/, '#N').replace(/ +/g, ' ').trim());
}

describe('shell blocks of the docs', () => {
  let folder: string;
  let cluster: ChildProcess;
  let environment: NodeJS.ProcessEnv;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vfleet-docs-'));
    for (const name of ['home', 'work']) mkdirSync(join(folder, name));
    for (const name of readdirSync(ROOT)) if (!['.git', '.vfleet', '.nx'].includes(name)) symlinkSync(join(ROOT, name), join(folder, 'work', name));
    environment = { PATH: process.env['PATH'], HOME: join(folder, 'home'), VFLEET_HOME: join(folder, 'home'), VFLEET_NODE: process.execPath, VFLEET_ROOT: ROOT, LC_ALL: 'C' };
    cluster = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'up', '--port', '0'], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [cluster.stdout, cluster.stderr]) stream!.setEncoding('utf8').on('data', (text: string) => (said += text));
    await vi.waitFor(() => {
      if (!said.includes('until Ctrl-C')) throw new Error(said);
    }, { timeout: 240_000, interval: 50 });
  }, 300_000);
  afterAll(async () => {
    const ended = once(cluster, 'exit');
    if (cluster.exitCode === null && cluster.kill('SIGTERM')) await ended;
    rmSync(folder, { recursive: true });
  });

  test('there are some', () => {
    expect(blocks.length).toBeGreaterThan(3);
    expect(blocks.flatMap(({ shown }) => shown).length).toBeGreaterThan(8);
  });

  test.each(blocks)('$at', { timeout: 300_000 }, async ({ commands, shown }) => {
    const shell = spawn('bash', ['-c', PRELUDE + commands.join('\n')], { cwd: join(folder, 'work'), env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [status] = (await once(shell, 'close')) as [number | null];
    expect(status, `${commands.join('\n')}\n${said}`).toBe(0);
    expect(tableLines(said).toSorted()).toEqual(expect.arrayContaining([...shown]));
  });
});
