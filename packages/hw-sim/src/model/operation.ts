import type { Clock, Errno, HardwareCondition, Timer } from '@vfleet/core';

/** How a kernel operation ended. */
export type Outcome = 'ok' | Errno | HardwareCondition;

/** A change under way on a PF. */
export class Operation {
  /** What its caller is told: the outcome, or 'deadlinePassed' when it hangs too long. */
  readonly answer: Promise<Outcome>;
  /** How it ended in the kernel, whenever that is. */
  readonly settled: Promise<Outcome>;
  stuck = false;
  /** It has hung at some time: nobody may have heard what it did meanwhile. */
  hasHung = false;
  /** It takes the PF's VFs away, one after the other: where one is held, those before it are gone. */
  removesVfs = false;
  #answered = false;
  #deadline: Timer | undefined;
  readonly #resolveAnswer: (outcome: Outcome) => void;
  readonly #resolveSettled: (outcome: Outcome) => void;
  #over = Promise.withResolvers<void>();

  constructor() {
    const answer = Promise.withResolvers<Outcome>();
    this.answer = answer.promise;
    this.#resolveAnswer = answer.resolve;
    const settled = Promise.withResolvers<Outcome>();
    this.settled = settled.promise;
    this.#resolveSettled = settled.resolve;
  }

  /** Resolves when others need not wait any longer: it ended, or it hangs. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** It hangs in the kernel until somebody lets go. */
  markStuck(clock: Clock, deadlineMs: number): void {
    this.stuck = true;
    this.hasHung = true;
    this.#deadline = clock.setTimer(deadlineMs, () => this.#answer('deadlinePassed'));
    this.#over.resolve();
  }

  /** It goes on after having hung. */
  markMoving(): void {
    this.stuck = false;
    this.#deadline?.cancel();
    this.#over = Promise.withResolvers<void>();
  }

  settle(outcome: Outcome): void {
    this.#deadline?.cancel();
    this.#answer(outcome);
    this.#resolveSettled(outcome);
    this.#over.resolve();
  }

  #answer(outcome: Outcome): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#resolveAnswer(outcome);
  }
}
