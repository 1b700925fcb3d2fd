import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
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

/** Files on the host's file system, synced to disk. Locks are files made with O_EXCL that hold the owner's process id. */
export class NodeFiles implements Files {
  readonly #clock: Clock;
  readonly #random: Random;

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

  async replace(path: string, text: string, options: { readonly mode?: number } = {}): Promise<Result<void, FilesError>> {
    const temporary = join(dirname(path), `.${this.#random.suffix(10)}.tmp`);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeSynced(temporary, text, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, options.mode ?? 0o600);
      await rename(temporary, path);
      await syncFolder(dirname(path));
      return ok(undefined);
    } catch (error) {
      // Cleaning up can fail for the same reason as the write; that reason is what the caller is told.
      await rm(temporary, { force: true }).catch(() => undefined);
      return failure(path, error);
    }
  }

  async create(path: string, text: string, options: { readonly mode?: number } = {}): Promise<Result<void, FilesError>> {
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeSynced(path, text, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, options.mode ?? 0o600);
      await syncFolder(dirname(path));
      return ok(undefined);
    } catch (error) {
      return failure(path, error);
    }
  }

  async append(path: string, text: string): Promise<Result<void, FilesError>> {
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeSynced(path, text, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
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
    await mkdir(dirname(path), { recursive: true });
    await this.#acquire(path);
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  }

  async #acquire(path: string): Promise<void> {
    for (;;) {
      try {
        await writeSynced(path, String(process.pid), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
        return;
      } catch (error) {
        if (failure(path, error).error.code !== 'exists') throw error;
      }
      const holder = await this.read(path);
      // A lock whose owner died is taken over; the number may not be written yet, so an empty file is not dead.
      if (holder.ok && holder.value !== '' && !isAlive(Number(holder.value))) await rm(path, { force: true });
      else await this.#clock.sleep(5 + this.#random.integer(10));
    }
  }
}

async function writeSynced(path: string, text: string, flags: number, mode: number): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await file.writeFile(text);
    await file.sync();
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
