import type { HardwareStep } from '@vfleet/core';
import type { ProcessId } from '../process-host.ts';

/** Something that happens to a process at a write. */
export type WriteFate = 'none' | 'before' | 'after' | 'torn';

/** A write of a process to something that outlives it. */
export interface ProcessWrite {
  readonly to: 'api' | 'hardware' | 'files' | 'host';
  readonly verb: string;
  /** What is written to, and for small things what is written. */
  readonly what: string;
  /** Of writes to hardware. */
  readonly step?: HardwareStep;
}

/** What watches over processes. */
export interface ProcessWatcher {
  /** Asked before each write, in order. */
  fateOf(process: SimProcess, write: ProcessWrite): WriteFate;
  /** The process has just died at a write. */
  died(process: SimProcess, write: ProcessWrite, fate: WriteFate): void;
}

/**
 * One life of a process, as its ports see it. Killed, nothing of it has an effect any more and nothing returns to it; paused,
 * everything that would reach it waits. What it had begun before goes on outside of it.
 */
export class SimProcess {
  readonly id: ProcessId;
  /** `config-daemon/node-a`. */
  readonly name: string;
  readonly watcher: ProcessWatcher;
  /** How far its wall clock is ahead of everybody's. */
  wallOffsetMs = 0;
  /** How much faster its wall clock runs than everybody's, and since when: milliseconds a millisecond. */
  drift: { readonly rate: number; readonly sinceMs: number } | undefined;
  #alive = true;
  #held: (() => void)[] | undefined;
  readonly #atDeath = new Set<() => void>();
  readonly #inKernel = new Set<Promise<unknown>>();

  constructor(id: ProcessId, watcher: ProcessWatcher) {
    this.id = id;
    this.name = `${id.component}/${id.place}`;
    this.watcher = watcher;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#held !== undefined;
  }

  /** SIGKILL. */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#held = undefined;
    for (const end of [...this.#atDeath]) end();
    this.#atDeath.clear();
  }

  /**
   * Resolves once nothing of it is in the kernel any more. A system call under way is not interrupted by SIGKILL (rtnetlink waits for
   * its mutex in state D), so that a killed process is there until then, and nobody takes its place.
   */
  async gone(): Promise<void> {
    while (this.#inKernel.size > 0) await Promise.allSettled([...this.#inKernel]);
  }

  /** SIGSTOP and SIGCONT. */
  pause(): void {
    if (this.#alive) this.#held ??= [];
  }

  resume(): void {
    const held = this.#held;
    this.#held = undefined;
    for (const deliver of held ?? []) this.enter(deliver);
  }

  /** Calls `deliver` inside the process: now, when it is resumed, or never. */
  enter(deliver: () => void): void {
    if (!this.#alive) return;
    if (this.#held !== undefined) this.#held.push(deliver);
    else deliver();
  }

  /** Runs `end` when the process dies; the answer takes that back. */
  atDeath(end: () => void): () => void {
    if (!this.#alive) end();
    else this.#atDeath.add(end);
    return () => void this.#atDeath.delete(end);
  }

  /** A call that changes nothing. */
  async read<Value>(effect: () => Promise<Value>): Promise<Value> {
    if (!this.#alive) return never();
    return this.#returns(effect());
  }

  /** A call that changes something, at which the process may die. `torn` carries out part of it. */
  async write<Value>(write: ProcessWrite, effect: () => Promise<Value>, torn?: () => Promise<unknown>): Promise<Value> {
    if (!this.#alive) return never();
    if (this.#held !== undefined) await new Promise<void>((resolve) => this.enter(resolve));
    if (!this.#alive) return never();
    const fate = this.watcher.fateOf(this, write);
    if (fate === 'none') return this.#returns(write.to === 'hardware' ? this.#throughKernel(effect()) : effect());
    if (fate === 'torn' && torn !== undefined) await torn();
    if (fate === 'after') await effect().catch(() => undefined);
    if (this.#alive) {
      this.kill();
      this.watcher.died(this, write, fate);
    }
    return never();
  }

  #throughKernel<Value>(call: Promise<Value>): Promise<Value> {
    this.#inKernel.add(call);
    const over = () => void this.#inKernel.delete(call);
    call.then(over, over);
    return call;
  }

  /** What comes back reaches the process only while it is there to receive it. */
  #returns<Value>(result: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      result.then((value) => this.enter(() => resolve(value)), (error: unknown) => this.enter(() => reject(error)));
    });
  }
}

export function never<Value>(): Promise<Value> {
  return new Promise<Value>(() => undefined);
}
