// Goal: both twins of Files keep the same promises: whole files or none, O_EXCL, appends, sorted lists, locks. Method: one suite over both,
// the real one in a folder of its own, then what only the twin can do: refuse and tear writes.
import { mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { MemFiles } from '../../src/index.ts';
import type { Files } from '../../src/index.ts';
import { NodeFiles, RealClock, SystemRandom } from '../../src/real.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function realFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'files-'));
  folders.push(folder);
  return folder;
}

const realFiles = () => new NodeFiles(new RealClock(), new SystemRandom());

describe.each<[string, () => Promise<{ files: Files; folder: string }>]>([
  ['MemFiles', async () => ({ files: new MemFiles(), folder: '/var/lib/x' })],
  ['NodeFiles', async () => ({ files: realFiles(), folder: await realFolder() })],
])('%s', (_name, make) => {
  test('replace, read, append, create once, remove twice', async () => {
    const { files, folder } = await make();
    const path = `${folder}/sub/a`;
    expect(await files.read(path)).toMatchObject({ ok: false, error: { code: 'notFound', path } });
    expect((await files.replace(path, 'one\n')).ok).toBe(true);
    expect((await files.append(path, 'two\n')).ok).toBe(true);
    expect(await files.read(path)).toEqual({ ok: true, value: 'one\ntwo\n' });
    expect((await files.replace(path, 'ä€😀')).ok).toBe(true);
    expect(await files.read(path)).toEqual({ ok: true, value: 'ä€😀' });
    expect((await files.create(`${folder}/sub/b`, 'x')).ok).toBe(true);
    expect(await files.create(`${folder}/sub/b`, 'y')).toMatchObject({ ok: false, error: { code: 'exists' } });
    expect(await files.read(`${folder}/sub/b`)).toEqual({ ok: true, value: 'x' });
    expect((await files.append(`${folder}/new/log`, 'first')).ok).toBe(true);
    expect((await files.remove(path)).ok).toBe(true);
    expect((await files.remove(path)).ok).toBe(true);
    expect((await files.read(path)).ok).toBe(false);
  });

  test('lists names, sorted, without leftovers of replacing; nothing of a folder that is not there', async () => {
    const { files, folder } = await make();
    for (const name of ['c', 'a', 'b']) await files.replace(`${folder}/list/${name}`, name);
    await files.replace(`${folder}/list/a`, 'again');
    expect(await files.list(`${folder}/list`)).toEqual({ ok: true, value: ['a', 'b', 'c'] });
    expect(await files.list(`${folder}/none`)).toEqual({ ok: true, value: [] });
  });

  test('a lock is held by one at a time, also after a holder failed', async () => {
    const { files, folder } = await make();
    let inside = 0;
    let most = 0;
    const work = async (fails: boolean) => {
      inside++;
      most = Math.max(most, inside);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      inside--;
      if (fails) throw new Error('holder failed');
      return 'done';
    };
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map((number) => files.withLock(`${folder}/locks/x`, () => work(number === 2))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(most).toBe(1);
    expect(await files.withLock(`${folder}/locks/x`, () => work(false))).toBe('done');
  });
});

describe('NodeFiles', () => {
  test('new files are the owner’s only unless asked otherwise', async () => {
    const folder = await realFolder();
    const files = realFiles();
    await files.replace(`${folder}/secret`, 'x');
    await files.create(`${folder}/open`, 'x', { mode: 0o640 });
    expect([(await stat(`${folder}/secret`)).mode & 0o777, (await stat(`${folder}/open`)).mode & 0o777]).toEqual([0o600, 0o640]);
  });

  test('a lock whose owner died is taken over', async () => {
    const folder = await realFolder();
    const files = realFiles();
    // Process ids end at 4,194,304 (PID_MAX_LIMIT), so nobody has this one.
    await symlink('99999999 7', `${folder}/lock`);
    expect(await files.withLock(`${folder}/lock`, async () => 'mine')).toBe('mine');
    // As versions before wrote it.
    await files.replace(`${folder}/lock`, '99999999');
    expect(await files.withLock(`${folder}/lock`, async () => 'mine')).toBe('mine');
    // Nobody's, as a full disk may have left it.
    await files.replace(`${folder}/lock`, '');
    expect(await files.withLock(`${folder}/lock`, async () => 'mine')).toBe('mine');
    expect(await files.list(folder)).toEqual({ ok: true, value: [] });
  });

  test.skipIf(process.platform !== 'linux')('a lock from before a reboot, whose owner’s number is another process’s now, is taken over', async () => {
    const folder = await realFolder();
    const files = realFiles();
    await symlink(`${process.ppid} 7`, `${folder}/lock`);
    expect(await files.withLock(`${folder}/lock`, async () => 'mine')).toBe('mine');
  });

  test('a lock of a process that lives is waited for, and is gone after its holder', async () => {
    const folder = await realFolder();
    const order: string[] = [];
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const first = realFiles().withLock(`${folder}/lock`, async () => {
      order.push('first');
      await released;
      order.push('first ends');
    });
    while (order.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    // Another instance knows of it by the file system alone, as another process would.
    const second = realFiles().withLock(`${folder}/lock`, async () => order.push('second'));
    await new Promise((resolve) => setTimeout(resolve, 40));
    release();
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'first ends', 'second']);
    expect(await realFiles().list(folder)).toEqual({ ok: true, value: [] });
  });

  test('of many that find a dead owner’s lock only one has it at a time', async () => {
    const folder = await realFolder();
    await symlink('99999999 7', `${folder}/lock`);
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 2));
      inside--;
    };
    await Promise.all(Array.from({ length: 20 }, () => realFiles().withLock(`${folder}/lock`, work)));
    expect([most, await realFiles().list(folder)]).toEqual([1, { ok: true, value: [] }]);
  });

  test('a path that cannot be is answered, not thrown', async () => {
    const folder = await realFolder();
    const files = realFiles();
    await files.replace(`${folder}/file`, 'x');
    expect((await files.replace(`${folder}/file/under`, 'x')).ok).toBe(false);
    expect((await files.read(folder)).ok).toBe(false);
  });
});

describe('MemFiles', () => {
  test('a fault refuses the write it names and changes nothing', async () => {
    const files = new MemFiles((operation, path) => (operation === 'append' && path === '/full' ? 'noSpace' : 'none'));
    await files.replace('/full', 'old');
    expect(await files.append('/full', 'new')).toMatchObject({ ok: false, error: { code: 'noSpace', path: '/full' } });
    expect(await files.read('/full')).toEqual({ ok: true, value: 'old' });
    expect(files.paths()).toEqual(['/full']);
  });

  test('tear cuts the end of a file, as a crash in an append does', async () => {
    const files = new MemFiles();
    await files.append('/log', 'record 1\nrecord 2\n');
    files.tear('/log', 4);
    expect(await files.read('/log')).toEqual({ ok: true, value: 'record 1\nrecor' });
    files.tear('/log', 1000);
    expect(await files.read('/log')).toEqual({ ok: true, value: '' });
  });
});
