import { isAlias, isMap, isPair, isScalar, isSeq } from 'yaml';
import type { LineCounter } from 'yaml';
import { goQuote } from '../errors/field-error.ts';

/** Keys that a mapping has twice, as Go's YAML library says it (go-yaml v2 decode.go, setMapIndex): with the line of the later value. */
export function repeatedKeys(node: unknown, lines: LineCounter): readonly string[] {
  if (isSeq(node)) return node.items.flatMap((item) => repeatedKeys(item, lines));
  if (!isMap(node)) return [];
  const seen = new Set<unknown>();
  return node.items.flatMap((pair) => {
    if (!isPair(pair) || !isScalar(pair.key)) return [];
    const key = pair.key.value;
    const inside = repeatedKeys(pair.value, lines);
    const isRepeated = seen.has(key);
    seen.add(key);
    return isRepeated ? [...inside, `line ${lineOf(pair.value, lines) ?? lineOf(pair.key, lines) ?? 1}: key ${typeof key === 'string' ? goQuote(key) : String(key)} already set in map`] : inside;
  });
}

function lineOf(node: unknown, lines: LineCounter): number | undefined {
  const start = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
  return start === undefined ? undefined : lines.linePos(start).line;
}
