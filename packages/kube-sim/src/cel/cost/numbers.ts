/** Costs and sizes are unsigned integers of 64 bits that stay at their largest instead of overflowing. */
const MAX = 2 ** 64;

export function plus(...terms: readonly number[]): number {
  return Math.min(MAX, terms.reduce((sum, term) => sum + term, 0));
}

export function times(a: number, b: number): number {
  return Math.min(MAX, a * b);
}

/** Rounded up. */
export function scaled(value: number, factor: number): number {
  return Math.min(MAX, Math.ceil(value * factor));
}

/** How long a text, a list or a map is. */
export interface Size {
  readonly min: number;
  readonly max: number;
}

export const UNKNOWN_SIZE: Size = { min: 0, max: MAX };

export function exactly(size: number): Size {
  return { min: size, max: size };
}

export function either(a: Size, b: Size): Size {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

export function sizesTogether(a: Size, b: Size): Size {
  return { min: plus(a.min, b.min), max: plus(a.max, b.max) };
}
