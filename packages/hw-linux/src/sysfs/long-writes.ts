import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Clock, Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { SysfsError } from './sysfs.ts';

export interface LongWriteCall {
  readonly path: string;
  readonly text: string;
}

export interface LongWriteReply {
  /** Absent: it is written. */
  readonly errno?: string;
}

export type LongWriteFailure = SysfsError | 'deadlinePassed';

/** A write that may not come back: it can be left alone, but not undone. */
export interface LongWrite {
  readonly outcome: Promise<Result<void, LongWriteFailure>>;
  /** Resolves when the kernel has let the write go, at the latest with the end of its process. */
  readonly over: Promise<void>;
}

/** Writes that can hang in the kernel, where no signal reaches them. Implemented by {@link HelperWrites}. */
export interface LongWrites {
  write(path: string, text: string, deadlineMs: number): LongWrite;
}

/**
 * Such writes are made by a helper process. While one waits uninterruptibly the helper is left to itself: a thread of this process in
 * that place could not be given up, and the process could not end. A helper that came back is used again.
 */
export class HelperWrites implements LongWrites {
  readonly #clock: Clock;
  readonly #root: string;
  #idle: ChildProcess[] = [];

  constructor(clock: Clock, root = '') {
    this.#clock = clock;
    this.#root = root;
  }

  write(path: string, text: string, deadlineMs: number): LongWrite {
    const helper = this.#idle.pop() ?? this.#start();
    helper.ref();
    helper.channel?.ref();
    const answered = new Promise<LongWriteReply>((resolve) => {
      const onMessage = (reply: unknown) => {
        helper.off('exit', onExit);
        this.#rest(helper);
        resolve(reply as LongWriteReply);
      };
      // A helper that was killed has written or has not: the caller reads back.
      const onExit = () => {
        helper.off('message', onMessage);
        resolve({ errno: 'EINTR' });
      };
      helper.once('message', onMessage);
      helper.once('exit', onExit);
      helper.send({ path: this.#root + path, text } satisfies LongWriteCall);
    });
    const outcome = new Promise<Result<void, LongWriteFailure>>((resolve) => {
      const timer = this.#clock.setTimer(deadlineMs, () => {
        helper.unref();
        helper.channel?.unref();
        resolve(fail('deadlinePassed'));
      });
      void answered.then(({ errno }) => {
        timer.cancel();
        resolve(errno === undefined ? ok(undefined) : fail({ errno, path }));
      });
    });
    return { outcome, over: answered.then(() => undefined) };
  }

  /** Ends the helpers that wait for work. */
  close(): void {
    for (const helper of this.#idle) helper.disconnect();
    this.#idle = [];
  }

  #start(): ChildProcess {
    const helper = fork(new URL('./write-helper.ts', import.meta.url), [String(process.pid)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], detached: true, execArgv: ['--disable-warning=ExperimentalWarning'] });
    helper.once('exit', () => {
      this.#idle = this.#idle.filter((other) => other !== helper);
    });
    return helper;
  }

  #rest(helper: ChildProcess): void {
    helper.unref();
    helper.channel?.unref();
    this.#idle.push(helper);
  }
}
