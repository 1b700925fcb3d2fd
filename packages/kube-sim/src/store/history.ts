import type { Change } from './change.ts';

/**
 * The newest changes of one resource, in order: what a watch resumes from and what an older snapshot is rebuilt from.
 * A ring with a limit, as the API server's watch cache is.
 */
export class History {
  readonly #limit: number;
  #changes: Change[] = [];
  #first = 0;
  /** The highest revision whose change is gone: watches may begin here or later. */
  #compactedRevision: number;
  readonly #onDrop: ((change: Change) => void) | undefined;

  /** `onDrop` is told of every change that leaves. */
  constructor(limit: number, compactedRevision: number, onDrop?: (change: Change) => void) {
    this.#limit = limit;
    this.#compactedRevision = compactedRevision;
    this.#onDrop = onDrop;
  }

  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  append(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length - this.#first > this.#limit) this.#dropFirst();
  }

  /** Forgets changes up to and including `revision`. */
  compact(revision: number): void {
    while (this.#first < this.#changes.length && this.#changes[this.#first]!.revision <= revision) this.#dropFirst();
    this.#compactedRevision = Math.max(this.#compactedRevision, revision);
  }

  #dropFirst(): void {
    const dropped = this.#changes[this.#first]!;
    this.#compactedRevision = Math.max(this.#compactedRevision, dropped.revision);
    this.#first++;
    this.#onDrop?.(dropped);
    // Moving the rest down only once half of the array is dead keeps appending at constant cost.
    if (this.#first > 64 && this.#first * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Changes after `revision`, oldest first. The caller has asked {@link compactedRevision} before. */
  after(revision: number): readonly Change[] {
    let low = this.#first;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#changes[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low);
  }
}
