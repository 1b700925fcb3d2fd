import type { VfObservation } from '@vfleet/core';

/** The VFs of a PF as they were seen last, with the bits they were read from. */
export interface Seen {
  readonly surroundings: string;
  readonly bits: Uint32Array;
  readonly vfs: readonly VfObservation[];
}

/** What was seen last of each PF's VFs, for as long as somebody else keeps it: memory is kept for nobody, and what is seen is the same. */
export class SeenVfs {
  readonly #bits = new WeakMap<readonly VfObservation[], Omit<Seen, 'vfs'>>();
  readonly #last = new Map<number, WeakRef<readonly VfObservation[]>>();

  /** Undefined when nobody has it any more, or when it was seen in other surroundings. */
  of(pf: number, surroundings: string): Seen | undefined {
    const vfs = this.#last.get(pf)?.deref();
    const read = vfs === undefined ? undefined : this.#bits.get(vfs);
    return vfs === undefined || read?.surroundings !== surroundings ? undefined : { ...read, vfs };
  }

  note(pf: number, { vfs, ...read }: Seen): void {
    this.#bits.set(vfs, read);
    this.#last.set(pf, new WeakRef(vfs));
  }
}
