/** Randomness, as logic may see it: seeded in simulation and tests, from the operating system in production. */
export interface Random {
  /** A float in [0, 1). */
  next(): number;
  /** An integer in [0, bound). `bound` is a positive safe integer. */
  integer(bound: number): number;
  /** A version 4 UUID in lower case. */
  uuid(): string;
  /** `length` characters of the alphabet that Kubernetes uses for generated names (apimachinery pkg/util/rand). */
  suffix(length: number): string;
}

/** Consonants and digits that form no words (apimachinery pkg/util/rand/rand.go). */
export const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
