/**
 * The ports of the Linux backend and of files that tell of every change that they make, to the kernel or to files, one place each: for programs
 * that are killed at one, and for tests in which one is refused.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Files } from '@vfleet/core';
import { fail } from '@vfleet/core';
import { RealSysfs } from '@vfleet/hw-linux';
import type { LongWrites, Netlink } from '@vfleet/hw-linux';
import { RTM } from '@vfleet/hw-linux/netlink/link.ts';

/** Who is told. */
export interface Points {
  /** Asked before a change of the kernel; true: it is refused with EIO, and not made. */
  refuses?(what: string): boolean;
  /** After a change. `underWay` waits until the kernel is in the middle of it. */
  passed(what: string, underWay?: () => Promise<void>): Promise<void>;
}

const EIO = 5;

const baseName = (path: string) => path.slice(path.lastIndexOf('/') + 1);

export class TellingSysfs extends RealSysfs {
  readonly #points: Points;

  constructor(points: Points) {
    super();
    this.#points = points;
  }

  override async write(path: string, text: string): ReturnType<RealSysfs['write']> {
    const what = `${text.trim() === '' ? 'clear' : 'write'} ${baseName(path)}`;
    if (this.#points.refuses?.(what) === true) return fail({ errno: 'EIO', path });
    const written = await super.write(path, text);
    await this.#points.passed(what);
    return written;
  }
}

export function tellingWrites(points: Points, writes: LongWrites): LongWrites {
  return {
    read: (path, deadlineMs) => writes.read(path, deadlineMs),
    write(path, text, deadlineMs) {
      const what = `write ${baseName(path)}`;
      if (points.refuses?.(what) === true) return { outcome: Promise.resolve(fail({ errno: 'EIO', path })), over: Promise.resolve() };
      const firstVf = path.replace(/sriov_numvfs$/, 'virtfn0');
      const hadVfs = existsSync(firstVf);
      const write = writes.write(path, text, deadlineMs);
      // The kernel is in the middle of it when the first VF has come, or gone.
      const underWay = async () => {
        while (firstVf !== path && existsSync(firstVf) === hadVfs) await sleep(5);
      };
      const outcome = points.passed(`while ${baseName(path)} is written`, underWay).then(() => write.outcome).then(async (result) => {
        await points.passed(what);
        return result;
      });
      return { ...write, outcome };
    },
  };
}

export function tellingNetlink(points: Points, netlink: Netlink): Netlink {
  return {
    async ask(request) {
      // What goes to rtnetlink and asks for nothing is a change.
      const isChange = request.kind === 'netlink' && request.protocol === 'route' && request.request.dump !== true && request.request.type !== RTM.getLink;
      const what = isChange ? `rtnetlink message ${request.request.type} of ${request.request.payload.length} bytes` : '';
      if (isChange && points.refuses?.(what) === true) return { ok: false, failure: { errno: EIO, says: 'refused by the test' } };
      const answer = await netlink.ask(request);
      if (isChange) await points.passed(what);
      return answer;
    },
  };
}

export function tellingFiles(points: Points, files: Files): Files {
  const told = async <Value>(what: string, path: string, work: Promise<Value>): Promise<Value> => {
    const result = await work;
    await points.passed(`${what} ${baseName(path)}`);
    return result;
  };
  return {
    read: (path) => files.read(path),
    list: (folder) => files.list(folder),
    replace: (path, text, options) => told('replace', path, files.replace(path, text, options)),
    create: (path, text, options) => told('create', path, files.create(path, text, options)),
    append: (path, text) => told('append', path, files.append(path, text)),
    remove: (path) => told('remove', path, files.remove(path)),
    withLock: (path, work) => files.withLock(path, async () => {
      await points.passed(`lock ${baseName(path)}`);
      return work();
    }),
  };
}

/** What came of a process' own order to die: at which place, and what may hold it up there. */
export class DeadlyPoints implements Points {
  #points = 0;
  readonly #killAt: number;

  /** The `killAt`-th place is the last; 0: none is. The parent is told of each. */
  constructor(killAt: number) {
    this.#killAt = killAt;
  }

  async passed(what: string, underWay: () => Promise<void> = async () => {}): Promise<void> {
    const isLast = ++this.#points === this.#killAt;
    if (isLast) await underWay();
    await new Promise<void>((resolve) => process.send!(what, undefined, undefined, () => resolve()));
    if (!isLast) return;
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => {});
  }
}
