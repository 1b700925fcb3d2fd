/** IPv4 addresses of one node's pods, handed out in turn as the host-local plugin does: a freed one is not the next one taken. */
export class PodAddresses {
  readonly #base: number;
  readonly #size: number;
  readonly #prefixLength: number;
  readonly #taken = new Set<number>();
  #last = 1;

  /** `cidr`: for example 10.244.1.0/24. The first address is the bridge's, the last the broadcast address. */
  constructor(cidr: string) {
    const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
    const prefixLength = Number(match?.[5]);
    if (match === null || prefixLength > 30 || match.slice(1, 5).some((part) => Number(part) > 255)) throw new TypeError(`"${cidr}" is no IPv4 range with room for pods; one looks like 10.244.1.0/24`);
    this.#prefixLength = prefixLength;
    this.#size = 2 ** (32 - prefixLength);
    const address = match.slice(1, 5).reduce((sum, part) => sum * 256 + Number(part), 0);
    this.#base = address - (address % this.#size);
  }

  get prefixLength(): number {
    return this.#prefixLength;
  }

  get gateway(): string {
    return this.#text(1);
  }

  /** Undefined when every address is taken. */
  take(): string | undefined {
    for (let step = 1; step <= this.#size; step++) {
      const offset = (this.#last + step) % this.#size;
      if (offset < 2 || offset === this.#size - 1 || this.#taken.has(offset)) continue;
      this.#taken.add(offset);
      this.#last = offset;
      return this.#text(offset);
    }
    return undefined;
  }

  /** Marks an address found in use after a restart. */
  reserve(address: string): void {
    this.#taken.add(this.#offset(address));
  }

  give(address: string): void {
    this.#taken.delete(this.#offset(address));
  }

  #offset(address: string): number {
    return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) - this.#base;
  }

  #text(offset: number): string {
    const address = this.#base + offset;
    return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
  }
}

/** The MAC that the bridge plugin gives a pod: 0a:58 and the address (containernetworking plugins, utils/hwaddr). */
export function macOf(address: string): string {
  return ['0a', '58', ...address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');
}
