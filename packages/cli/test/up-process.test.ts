import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/**
 * Goal: what people do to `vfleet up` in a terminal ends well. Method: the executable itself, as processes that share a home folder.
 */

const executable = join(import.meta.dirname, '../src/main.ts');

interface Up {
  readonly stderr: () => string;
  readonly port: string;
  interrupt(): void;
  readonly ended: Promise<number | null>;
}

let home: string;
let first: Up;

function start(...options: readonly string[]) {
  const child = spawn(process.execPath, [executable, 'up', ...options], { env: { ...process.env, VFLEET_HOME: home, NO_COLOR: '1' } });
  let stderr = '';
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, stderr: () => stderr, stdout: () => stdout };
}

function said(text: () => string, words: string): Promise<void> {
  return vi.waitFor(() => expect(text()).toContain(words), { timeout: 120_000, interval: 50 });
}

async function startAndWait(): Promise<Up> {
  const { child, ended, stderr } = start('--no-demo', '--port', '0');
  await said(stderr, 'stays up until');
  return { stderr, ended, port: /127\.0\.0\.1:(\d+)/.exec(stderr())![1]!, interrupt: () => void child.kill('SIGINT') };
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'vfleet-up-'));
  first = await startAndWait();
});

afterAll(async () => {
  first.interrupt();
  await first.ended;
  await rm(home, { recursive: true });
});

describe('vfleet up, in several terminals', () => {
  it('a second cluster leaves the first one its kubeconfig, and nothing of its own behind', async () => {
    const second = await startAndWait();
    expect(await readFile(join(home, 'kubeconfig'), 'utf8')).toContain(`:${first.port}`);
    const own = /KUBECONFIG=(\S+)/.exec(second.stderr())?.[1];
    expect(await readFile(own!, 'utf8')).toContain(`:${second.port}`);
    second.interrupt();
    expect(await second.ended).toBe(0);
    expect((await readdir(home)).filter((name) => name.startsWith('cluster-'))).toEqual([]);
  });

  it('a port that is taken ends it with a sentence, not with a process that hangs', async () => {
    const refused = start('--no-demo', '--port', first.port);
    expect(await refused.ended).toBe(1);
    expect(refused.stderr()).toContain(`port ${first.port} of 127.0.0.1 is in use`);
  });

  it('--exit that was interrupted is no success, and a cluster that is gone offers no kubeconfig', async () => {
    const interrupted = start('--port', '0', '--exit');
    await said(interrupted.stderr, 'API server at');
    interrupted.child.kill('SIGINT');
    expect(await interrupted.ended).toBe(130);
    expect(interrupted.stdout()).not.toContain('KUBECONFIG');
  });
});
