/** Splits a byte stream into lines of bounded length. Feed it chunks as they arrive. */
export class LineSplitter {
  readonly #bytesMax: number;
  readonly #line: (text: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** `line` gets each line without its end; empty lines are left out. */
  constructor(bytesMax: number, line: (text: string) => void) {
    this.#bytesMax = bytesMax;
    this.#line = line;
  }

  /** False when a line is longer than allowed: the stream is of no more use. */
  push(chunk: Buffer): boolean {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      if (!this.#keep(chunk.subarray(start, end))) return false;
      start = end + 1;
      this.#emit();
    }
    return this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): boolean {
    if (part.length === 0) return true;
    this.#bytes += part.length;
    if (this.#bytes > this.#bytesMax) return false;
    this.#parts.push(part);
    return true;
  }

  #emit(): void {
    const [only] = this.#parts;
    if (only === undefined) return;
    const text = (this.#parts.length === 1 ? only : Buffer.concat(this.#parts)).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    this.#line(text);
  }
}
