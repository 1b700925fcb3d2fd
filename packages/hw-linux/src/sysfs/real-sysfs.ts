import { accessSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { Sysfs, SysfsError } from './sysfs.ts';

/** Largest attribute: sysfs gives a page, /proc/cmdline and /proc/modules more. */
const TEXT_BYTES_MAX = 1024 * 1024;
const O_WRONLY = 1;

/**
 * The kernel's own files. Plain reads are synchronous: the kernel answers them from memory in microseconds, which a round through a
 * thread pool would make five times as long. `root` is where the host's /sys and /proc are seen, for a container that has them elsewhere.
 */
export class RealSysfs implements Sysfs {
  readonly #root: string;

  constructor(root = '') {
    this.#root = root;
  }

  async read(path: string): Promise<Result<string, SysfsError>> {
    return attempt(path, () => trimmed(readFileSync(this.#root + path, 'utf8')));
  }

  async readPatiently(path: string): Promise<Result<string, SysfsError>> {
    try {
      return ok(trimmed(await readFile(this.#root + path, 'utf8')));
    } catch (error) {
      return fail(errorOf(error, path));
    }
  }

  async write(path: string, text: string): Promise<Result<void, SysfsError>> {
    try {
      // Without O_CREAT and O_TRUNC: an attribute that is not there must be ENOENT, not EACCES.
      const file = await open(this.#root + path, O_WRONLY);
      try {
        await file.write(text);
      } finally {
        await file.close();
      }
      return ok(undefined);
    } catch (error) {
      return fail(errorOf(error, path));
    }
  }

  async list(folder: string): Promise<Result<readonly string[], SysfsError>> {
    return attempt(folder, () => readdirSync(this.#root + folder).sort());
  }

  async readLink(path: string): Promise<Result<string, SysfsError>> {
    return attempt(path, () => readlinkSync(this.#root + path));
  }

  async exists(path: string): Promise<boolean> {
    return attempt(path, () => accessSync(this.#root + path)).ok;
  }
}

function attempt<Value>(path: string, work: () => Value): Result<Value, SysfsError> {
  try {
    return ok(work());
  } catch (error) {
    return fail(errorOf(error, path));
  }
}

function trimmed(text: string): string {
  if (text.length > TEXT_BYTES_MAX) throw Object.assign(new Error('too long'), { code: 'EMSGSIZE' });
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

/** Errors without a code are mistakes of the program. */
function errorOf(error: unknown, path: string): SysfsError {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)) return { errno: error.code, path };
  throw error;
}
