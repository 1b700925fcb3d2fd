/** Named counters: how often a fault struck or a situation arose, so that a campaign knows what it has reached. */
export class Marks {
  readonly #counts = new Map<string, number>();

  hit(name: string, times = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + times);
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** By name, in alphabetical order. */
  all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Adds up the counters of several runs. */
export function addMarks(sums: Record<string, number>, marks: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(marks)) sums[name] = (sums[name] ?? 0) + count;
}
