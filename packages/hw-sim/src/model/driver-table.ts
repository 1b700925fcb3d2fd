/** Names of drivers as small numbers for the columns; 0 is "none". */
export class DriverTable {
  readonly #names: string[] = [''];
  readonly #ids = new Map<string, number>();

  id(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#names.length;
    if (id > 0xffff) throw new RangeError('more than 65535 driver names in one fleet');
    this.#names.push(name);
    this.#ids.set(name, id);
    return id;
  }

  /** Undefined for 0. */
  name(id: number): string | undefined {
    return id === 0 ? undefined : this.#names[id];
  }
}
