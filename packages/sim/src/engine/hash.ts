/**
 * A running 64-bit hash of texts: two 32-bit multiply-xor lanes with different constants, finished like MurmurHash3. It tells two
 * traces apart; it is no cryptography.
 */
export class RunningHash {
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  add(text: string): void {
    let a = this.#a;
    let b = this.#b;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ code, 0x5bd1e995);
      b ^= b >>> 15;
    }
    // The end of a text counts: "ab","c" is not "a","bc".
    this.#a = Math.imul(a ^ 0x10ffff, 0x01000193);
    this.#b = Math.imul(b ^ 0x10ffff, 0x5bd1e995);
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return hex(finish(this.#a ^ (this.#b >>> 3))) + hex(finish(this.#b ^ (this.#a << 5)));
  }
}

/** MurmurHash3's finalizer: every input bit changes about half of the output's. */
export function finish(word: number): number {
  let hash = word;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** 32-bit FNV-1a. */
export function hashText(text: string, basis = 0x811c9dc5): number {
  let hash = basis;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
