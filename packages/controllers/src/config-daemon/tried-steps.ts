/** Keys of steps without effect, by PF. See `triedKey` in the core. */
export class TriedSteps {
  readonly #byPf = new Map<string, Set<string>>();

  add(pf: string, key: string): void {
    let keys = this.#byPf.get(pf);
    if (keys === undefined) {
      keys = new Set();
      this.#byPf.set(pf, keys);
    }
    keys.add(key);
  }

  has(pf: string, key: string): boolean {
    return this.#byPf.get(pf)?.has(key) ?? false;
  }

  /** The PF got new VFs: what was tried on the old ones says nothing about them. */
  forgetVfs(pf: string): void {
    const ofVfs = ['bindDriver ', 'setVf ', 'rediscover '];
    for (const key of [...(this.#byPf.get(pf) ?? [])]) if (ofVfs.some((kind) => key.startsWith(kind))) this.delete(pf, key);
  }

  delete(pf: string, key: string): void {
    this.#byPf.get(pf)?.delete(key);
  }

  /** Everything is tried again: the spec changed, say. */
  clear(): void {
    this.#byPf.clear();
  }

  all(): ReadonlySet<string> {
    return new Set([...this.#byPf.values()].flatMap((keys) => [...keys]));
  }
}
