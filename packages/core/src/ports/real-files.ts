import { constants } from 'node:fs';
import { link, mkdir, open, readdir, readFile, readlink, rename, rm, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, ok } from '../result.ts';
import type { Result } from '../result.ts';
import type { Clock } from './clock.ts';
import type { Files, FilesError } from './files.ts';
import type { Random } from './random.ts';

const CODES: Readonly<Record<string, FilesError['code']>> = {
  ENOENT: 'notFound', EEXIST: 'exists', ENOSPC: 'noSpace', EDQUOT: 'noSpace', EROFS: 'readOnly', EACCES: 'denied', EPERM: 'denied',
};

function failure(path: string, error: unknown): { readonly ok: false; readonly error: FilesError } {
  const errno = error instanceof Error && 'code' in error ? String(error.code) : 'EIO';
  return fail({ code: CODES[errno] ?? 'io', path, cause: error instanceof Error ? error.message : String(error) });
}

/**
 * Files on the host's file system, synced to disk. A lock is a link that leads nowhere: where it seems to lead is the owner's process id and
 * when it started. So it is made and filled by one call, and whoever is killed on the way leaves no lock without an owner.
 */
export class NodeFiles implements Files {
  readonly #clock: Clock;
  readonly #random: Random;
  /** What this process writes into its locks. */
  #own: Promise<string> | undefined;
  /** The last in line for each lock. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  async read(path: string): Promise<Result<string, FilesError>> {
    try {
      return ok(await readFile(path, 'utf8'));
    } catch (error) {
      return failure(path, error);
    }
  }

  async replace(path: string, text: string, options: { readonly mode?: number; readonly durable?: boolean } = {}): Promise<Result<void, FilesError>> {
    const temporary = join(dirname(path), `.${this.#random.suffix(10)}.tmp`);
    try {
      await inFolder(path, () => writeNew(temporary, text, options.mode ?? 0o600, options.durable ?? true));
      await rename(temporary, path);
      if (options.durable ?? true) await syncFolder(dirname(path));
      return ok(undefined);
    } catch (error) {
      // Cleaning up can fail for the same reason as the write; that reason is what the caller is told.
      await rm(temporary, { force: true }).catch(() => undefined);
      return failure(path, error);
    }
  }

  async create(path: string, text: string, options: { readonly mode?: number } = {}): Promise<Result<void, FilesError>> {
    try {
      await inFolder(path, () => writeNew(path, text, options.mode ?? 0o600, true));
      await syncFolder(dirname(path));
      return ok(undefined);
    } catch (error) {
      return failure(path, error);
    }
  }

  async append(path: string, text: string): Promise<Result<void, FilesError>> {
    try {
      await inFolder(path, () => write(path, text, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600, true));
      return ok(undefined);
    } catch (error) {
      return failure(path, error);
    }
  }

  async list(folder: string): Promise<Result<readonly string[], FilesError>> {
    try {
      return ok((await readdir(folder)).sort());
    } catch (error) {
      const failed = failure(folder, error);
      return failed.error.code === 'notFound' ? ok([]) : failed;
    }
  }

  async remove(path: string): Promise<Result<void, FilesError>> {
    try {
      await unlink(path);
      await syncFolder(dirname(path));
      return ok(undefined);
    } catch (error) {
      const failed = failure(path, error);
      return failed.error.code === 'notFound' ? ok(undefined) : failed;
    }
  }

  async withLock<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
    // Within this process the first comes first; only the foremost looks at the file.
    const before = this.#turns.get(path);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const turn = before === undefined ? over : before.then(() => over);
    this.#turns.set(path, turn);
    await before;
    try {
      await this.#acquire(path);
      try {
        return await work();
      } finally {
        await removed(path);
      }
    } finally {
      end();
      if (this.#turns.get(path) === turn) this.#turns.delete(path);
    }
  }

  async #acquire(path: string): Promise<void> {
    const own = await (this.#own ??= startOf(process.pid).then((start) => `${process.pid} ${start}`));
    for (;;) {
      try {
        await inFolder(path, () => symlink(own, path));
        return;
      } catch (error) {
        if (failure(path, error).error.code !== 'exists') throw error;
      }
      const holder = await holderOf(path);
      if (holder !== undefined && !(await isAlive(holder))) await this.#takeAway(path, holder);
      else await this.#clock.sleep(5 + this.#random.integer(10));
    }
  }

  /** Removes a dead owner's lock. Another waiter may have done so, and have its own there by now: that one is put back. */
  async #takeAway(path: string, dead: string): Promise<void> {
    const away = `${path}.${this.#random.suffix(10)}`;
    try {
      await rename(path, away);
      // link(2) makes another name of the link itself.
      if ((await holderOf(away)) !== dead) await link(away, path);
    } catch (error) {
      const { code } = failure(path, error).error;
      if (code !== 'notFound' && code !== 'exists') throw error;
    } finally {
      await rm(away, { force: true });
    }
  }
}

/** Who has a lock; undefined when it has gone, or cannot be read just now. Versions before wrote a file. */
async function holderOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EINVAL')) return undefined;
  }
  return readFile(path, 'utf8').catch(() => undefined);
}

async function removed(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (failure(path, error).error.code !== 'notFound') throw error;
  }
}

/** The folder is made where it turns out to be missing: nearly always it is there, and each question costs as much as the write. */
async function inFolder(path: string, work: () => Promise<void>): Promise<void> {
  try {
    return await work();
  } catch (error) {
    if (failure(path, error).error.code !== 'notFound') throw error;
  }
  await mkdir(dirname(path), { recursive: true });
  await work();
}

function writeNew(path: string, text: string, mode: number, durable: boolean): Promise<void> {
  return write(path, text, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode, durable);
}

async function write(path: string, text: string, flags: number, mode: number, durable: boolean): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await file.writeFile(text);
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether the process that wrote a lock is still there. After a reboot its number may be another one's: then they started at different times. */
async function isAlive(owner: string): Promise<boolean> {
  const [pid = '', start = ''] = owner.split(' ');
  if (!/^\d+$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  const startSeen = await startOf(Number(pid));
  return start === '' || startSeen === '' || start === startSeen;
}

/** Field 22 of /proc/PID/stat, in clock ticks since the boot; nothing where that cannot be read. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field, the program's name in parentheses, may hold blanks and parentheses of its own.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
