import { randomInt, randomUUID } from 'node:crypto';
import type { Random } from './random.ts';
import { SUFFIX_ALPHABET } from './random.ts';

/** The operating system's randomness. */
export class SystemRandom implements Random {
  next(): number {
    return randomInt(2 ** 47) / 2 ** 47;
  }

  integer(bound: number): number {
    return randomInt(bound);
  }

  uuid(): string {
    return randomUUID();
  }

  suffix(length: number): string {
    return Array.from({ length }, () => SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)]).join('');
  }
}
