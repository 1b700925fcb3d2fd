import { SeededRandom } from '@vfleet/core';

/** Draws from lists by one seeded stream. */
export class Draw {
  readonly #random: SeededRandom;

  constructor(seed: string) {
    this.#random = new SeededRandom(seed);
  }

  integer(bound: number): number {
    return this.#random.integer(bound);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.#random.integer(times) === 0;
  }

  from<Item>(items: readonly Item[]): Item {
    return items[this.#random.integer(items.length)]!;
  }

  /** Each of some of the items, at most `max`. */
  some<Item>(items: readonly Item[], max: number): readonly Item[] {
    return Array.from({ length: this.#random.integer(max + 1) }, () => this.from(items));
  }
}
