import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Clock, Result } from '@vfleet/core';
import { fail } from '@vfleet/core';
import { attempt, trimmed } from './answers.ts';
import type { SysfsError } from './sysfs.ts';

/** What a helper is asked: a write, or without text a read. */
export interface LongCall {
  readonly path: string;
  readonly text?: string;
}

export interface LongReply {
  /** Absent: it is done. */
  readonly errno?: string;
  /** What a read gave. */
  readonly text?: string;
}

export type LongFailure = SysfsError | 'deadlinePassed';

/** A read or write that may not come back: it can be left alone, but not undone. */
export interface LongWork<Value> {
  readonly outcome: Promise<Result<Value, LongFailure>>;
  /** Resolves when the kernel has let the caller go, at the latest with the end of its process. */
  readonly over: Promise<void>;
}

/** Files of the kernel that can hang whoever writes or reads them, where no signal reaches him. Implemented by {@link HelperWrites}. */
export interface LongWrites {
  write(path: string, text: string, deadlineMs: number): LongWork<void>;
  /** The text has no final line end. */
  read(path: string, deadlineMs: number): LongWork<string>;
}

/**
 * Such work is done by a helper process. While it waits uninterruptibly the helper is left to itself: a thread of this process in
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

  write(path: string, text: string, deadlineMs: number): LongWork<void> {
    return this.#ask({ path, text }, deadlineMs, () => undefined);
  }

  read(path: string, deadlineMs: number): LongWork<string> {
    return this.#ask({ path }, deadlineMs, ({ text = '' }) => trimmed(text));
  }

  #ask<Value>({ path, text }: LongCall, deadlineMs: number, valueOf: (reply: LongReply) => Value): LongWork<Value> {
    const helper = this.#idle.pop() ?? this.#start();
    helper.ref();
    helper.channel?.ref();
    const answered = new Promise<LongReply>((resolve) => {
      const onMessage = (reply: unknown) => {
        helper.off('exit', onExit);
        this.#rest(helper);
        resolve(reply as LongReply);
      };
      // A helper that was killed has written or has not: the caller reads back.
      const onExit = () => {
        helper.off('message', onMessage);
        resolve({ errno: 'EINTR' });
      };
      helper.once('message', onMessage);
      helper.once('exit', onExit);
      helper.send({ path: this.#root + path, ...(text === undefined ? {} : { text }) } satisfies LongCall);
    });
    const outcome = new Promise<Result<Value, LongFailure>>((resolve) => {
      const timer = this.#clock.setTimer(deadlineMs, () => {
        helper.unref();
        helper.channel?.unref();
        resolve(fail('deadlinePassed'));
      });
      void answered.then((reply) => {
        timer.cancel();
        resolve(reply.errno === undefined ? attempt(path, () => valueOf(reply)) : fail({ errno: reply.errno, path }));
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
