import { accessSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import type { Result } from '@vfleet/core';
import { attempt, attempted, trimmed } from './answers.ts';
import type { Sysfs, SysfsError } from './sysfs.ts';

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
    return attempted(path, readFile(this.#root + path, 'utf8').then(trimmed));
  }

  async write(path: string, text: string): Promise<Result<void, SysfsError>> {
    return attempted(path, writeOnce(this.#root + path, text));
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

async function writeOnce(path: string, text: string): Promise<void> {
  // Without O_CREAT and O_TRUNC: an attribute that is not there must be ENOENT, not EACCES.
  const file = await open(path, O_WRONLY);
  try {
    await file.write(text);
  } finally {
    await file.close();
  }
}
