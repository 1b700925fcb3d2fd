import type { Clock, Kube, Timer } from '@vfleet/core';

/**
 * One process on a shared clock that can be paused (its timers and answers wait), has a wall clock of its own, and runs a
 * little fast or slow: what a virtual machine does.
 */
export class SimulatedProcess implements Clock {
  readonly #clock: Clock;
  readonly #speed: number;
  readonly #originMs: number;
  #pausedUntilMs = 0;
  #stepMs = 0;

  /** `speed`: its milliseconds a real one; 1.1 runs fast. */
  constructor(clock: Clock, speed = 1) {
    this.#clock = clock;
    this.#speed = speed;
    this.#originMs = clock.monotonicMs();
  }

  get isPaused(): boolean {
    return this.#clock.monotonicMs() < this.#pausedUntilMs;
  }

  pause(forMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#clock.monotonicMs() + forMs);
  }

  stepWallClock(byMs: number): void {
    this.#stepMs += byMs;
  }

  now(): number {
    return this.#clock.now() + this.#stepMs;
  }

  monotonicMs(): number {
    return (this.#clock.monotonicMs() - this.#originMs) * this.#speed;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    let timer = this.#clock.setTimer(Math.ceil(delayMs / this.#speed), () => fire());
    const fire = () => {
      if (!this.isPaused) callback();
      else timer = this.#clock.setTimer(this.#pausedUntilMs - this.#clock.monotonicMs(), fire);
    };
    return { cancel: () => timer.cancel() };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(delayMs, resolve));
  }

  /** `kube` as this process sees it: answers arrive when it is awake. */
  kube(kube: Kube): Kube {
    const awake = async <Value>(answer: Promise<Value>): Promise<Value> => {
      const settled = await answer.then((value) => () => value, (error: unknown) => () => { throw error; });
      while (this.isPaused) await this.#clock.sleep(this.#pausedUntilMs - this.#clock.monotonicMs());
      return settled();
    };
    return {
      get: (...call) => awake(kube.get(...call)),
      list: (...call) => awake(kube.list(...call)),
      watch: (...call) => kube.watch(...call),
      create: (...call) => awake(kube.create(...call)),
      update: (...call) => awake(kube.update(...call)),
      patch: (...call) => awake(kube.patch(...call)),
      delete: (...call) => awake(kube.delete(...call)),
      evict: (...call) => awake(kube.evict(...call)),
      bind: (...call) => awake(kube.bind(...call)),
    };
  }
}
