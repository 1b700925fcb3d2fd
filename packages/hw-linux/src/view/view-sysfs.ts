import type { Clock, Result } from '@vfleet/core';
import { fail } from '@vfleet/core';
import { attempt, attempted, trimmed } from '../sysfs/answers.ts';
import type { LongFailure, LongWork, LongWrites } from '../sysfs/long-writes.ts';
import type { Sysfs, SysfsError } from '../sysfs/sysfs.ts';

/** What of `node:fs` the kernel's files need; a memfs volume has it. */
export interface VolumeView {
  readFileSync(path: string, encoding: 'utf8'): unknown;
  readdirSync(path: string): readonly unknown[];
  readlinkSync(path: string): unknown;
  existsSync(path: string): boolean;
}

/** The kernel's files in this process. Reads and writes that take time are promises; errors have their errno as `code`. */
export interface FilesView {
  volume(): VolumeView;
  readText(path: string): Promise<string>;
  writeText(path: string, text: string): Promise<void>;
}

/** As {@link RealSysfs}, on a volume in memory. */
export class ViewSysfs implements Sysfs {
  readonly #view: FilesView;

  constructor(view: FilesView) {
    this.#view = view;
  }

  async read(path: string): Promise<Result<string, SysfsError>> {
    return attempt(path, () => trimmed(String(this.#view.volume().readFileSync(path, 'utf8'))));
  }

  async readPatiently(path: string): Promise<Result<string, SysfsError>> {
    return attempted(path, this.#view.readText(path).then(trimmed));
  }

  async write(path: string, text: string): Promise<Result<void, SysfsError>> {
    return attempted(path, this.#view.writeText(path, text));
  }

  async list(folder: string): Promise<Result<readonly string[], SysfsError>> {
    return attempt(folder, () => this.#view.volume().readdirSync(folder).map(String).sort());
  }

  async readLink(path: string): Promise<Result<string, SysfsError>> {
    return attempt(path, () => String(this.#view.volume().readlinkSync(path)));
  }

  async exists(path: string): Promise<boolean> {
    return this.#view.volume().existsSync(path);
  }
}

/** No process is needed where nothing but a promise hangs. */
export class ViewLongWrites implements LongWrites {
  readonly #clock: Clock;
  readonly #view: FilesView;

  constructor(clock: Clock, view: FilesView) {
    this.#clock = clock;
    this.#view = view;
  }

  write(path: string, text: string, deadlineMs: number): LongWork<void> {
    return this.#limited(attempted(path, this.#view.writeText(path, text)), deadlineMs);
  }

  read(path: string, deadlineMs: number): LongWork<string> {
    return this.#limited(attempted(path, this.#view.readText(path).then(trimmed)), deadlineMs);
  }

  #limited<Value>(work: Promise<Result<Value, SysfsError>>, deadlineMs: number): LongWork<Value> {
    const outcome = new Promise<Result<Value, LongFailure>>((resolve) => {
      const timer = this.#clock.setTimer(deadlineMs, () => resolve(fail('deadlinePassed')));
      void work.then((result) => {
        timer.cancel();
        resolve(result);
      });
    });
    return { outcome, over: work.then(() => undefined) };
  }
}
