import type { Draw } from './draw.ts';

/** Texts that have broken servers: empty, long, of no name's form, escapes, prototype keys, other scripts, controls. */
export const TEXTS: readonly string[] = [
  '', 'a', 'b', 'x-1', 'A_B', '-', '.', '..', '../..', 'a/b', 'a.b.c', 'x'.repeat(64), 'x'.repeat(254), 'y'.repeat(5_000), '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty',
  '\u0000', '\u202e', 'ÄÖ', '漢字', '🦊', '\ud800', '%00', '%2f', '%zz', 'null', 'true', '0', '-1', '1e9', '9007199254740993', '1Gi', '2026-01-01T00:00:00Z', 'metadata.name=a', 'a in (b,c)', '!a', '=,=', 'a=b,c!=d', ',', '\\', '"', '<script>', '${x}', '{{x}}',
];

const SCALARS: readonly unknown[] = [null, true, false, 0, -1, 1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 5e-324];

/** Any JSON value, small most of the time. */
export function anyValue(draw: Draw, depth = 0): unknown {
  switch (draw.integer(depth > 3 ? 2 : 5)) {
    case 0: return draw.from(SCALARS);
    case 1: return draw.from(TEXTS);
    case 2: return Array.from({ length: draw.integer(4) }, () => anyValue(draw, depth + 1));
    case 3: return objectOf(draw, () => anyValue(draw, depth + 1));
    default: return nested(draw.from([2, 50, 400, 600]), draw.once(2));
  }
}

/** Own keys whatever their names: `__proto__` too. */
export function objectOf(draw: Draw, value: () => unknown): object {
  return Object.fromEntries(draw.some(TEXTS, 4).map((key) => [key, value()]));
}

function nested(depth: number, isArray: boolean): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = isArray ? [value] : { a: value };
  return value;
}

/** The value with one thing in it changed, removed or added. */
export function mutated(draw: Draw, value: unknown): unknown {
  if (Array.isArray(value)) {
    if (value.length === 0 || draw.once(4)) return [...value, anyValue(draw)];
    const index = draw.integer(value.length);
    return draw.once(5) ? value.toSpliced(index, 1) : value.with(index, mutated(draw, value[index]));
  }
  if (typeof value !== 'object' || value === null) return anyValue(draw, 2);
  const keys = Object.keys(value);
  if (keys.length === 0 || draw.once(6)) return Object.fromEntries([...Object.entries(value), [draw.from(TEXTS), anyValue(draw, 1)]]);
  const key = draw.from(keys);
  const entries = Object.entries(value);
  if (draw.once(8)) return Object.fromEntries(entries.filter(([name]) => name !== key));
  return Object.fromEntries(entries.map(([name, inner]) => [name, name !== key ? inner : draw.once(3) ? anyValue(draw, 1) : mutated(draw, inner)]));
}
