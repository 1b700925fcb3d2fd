import type { Random } from './random.ts';
import { SUFFIX_ALPHABET } from './random.ts';

/** Character codes. */
const DASH = 45;
const DIGITS = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** The deterministic Random: sfc32 (a small fast counting generator; PractRand-clean), seeded by a 32-bit FNV-1a of a text. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  readonly #seed: string;

  constructor(seed: string | number) {
    this.#seed = String(seed);
    this.#a = fnv1a(this.#seed, 0x811c9dc5);
    this.#b = fnv1a(this.#seed, 0x9e3779b9);
    this.#c = fnv1a(this.#seed, 0x85ebca6b);
    for (let warmUp = 0; warmUp < 12; warmUp++) this.#next32();
  }

  /** An independent stream that depends on the seed and `name` only, not on what was drawn before. */
  stream(name: string): SeededRandom {
    return new SeededRandom(`${this.#seed}/${name}`);
  }

  #next32(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = ((((this.#c << 21) | (this.#c >>> 11)) >>> 0) + sum) >>> 0;
    return sum;
  }

  next(): number {
    return (this.#next32() * 2 ** 21 + (this.#next32() >>> 11)) / 2 ** 53;
  }

  integer(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  uuid(): string {
    const [a, b, c, d] = [this.#next32(), this.#next32(), this.#next32(), this.#next32()];
    // Version 4 and the variant of RFC 9562, in the places that the form keeps for them; in one piece, since objects keep it for long.
    const words = [a, (b & 0xffff_0fff) | 0x4000, (c & 0x3fff_ffff) | 0x8000_0000, d];
    const codes: number[] = [];
    for (let digit = 0; digit < 32; digit++) {
      if (digit === 8 || digit === 12 || digit === 16 || digit === 20) codes.push(DASH);
      codes.push(DIGITS[(words[digit >> 3]! >>> (28 - 4 * (digit & 7))) & 0xf]!);
    }
    return String.fromCharCode(...codes);
  }

  suffix(length: number): string {
    let text = '';
    for (let index = 0; index < length; index++) text += SUFFIX_ALPHABET[this.integer(SUFFIX_ALPHABET.length)]!;
    return text;
  }
}

function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
