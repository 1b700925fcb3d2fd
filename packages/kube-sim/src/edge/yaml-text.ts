import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { goTags } from '@vfleet/kube/yaml/go-tags.ts';
import { goQuote } from '../errors/field-error.ts';

/** A YAML text as JSON, or why it is none, in the words of Go's library where the parser here has a word for the same. */
export type YamlText =
  | { readonly ok: true; readonly json: string; /** Keys that a mapping has twice. */ readonly repeated: readonly string[] }
  | { readonly ok: false; readonly why: string };

/** A value made of aliases that is larger than this many times the text is refused. */
const ALIASES_MAX = 100;

/** Reads YAML as sigs.k8s.io/yaml does: version 1.1 of YAML, but for dates and numbers of base 60, which stay texts. */
export function readYaml(text: string): YamlText {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { version: '1.1', uniqueKeys: false, merge: true, lineCounter, customTags: goTags });
  const [error] = document.errors;
  if (error !== undefined) return { ok: false, why: `yaml: line ${error.linePos?.[0].line ?? 1}: ${worded(error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''))}` };
  try {
    return { ok: true, json: JSON.stringify(document.toJS({ maxAliasCount: ALIASES_MAX }), finite) ?? 'null', repeated: repeatedKeys(document, lineCounter) };
  } catch (failure) {
    if (failure instanceof UnsupportedNumber) return { ok: false, why: `json: unsupported value: ${failure.message}` };
    return { ok: false, why: `yaml: ${worded(failure instanceof Error ? failure.message : String(failure))}` };
  }
}

class UnsupportedNumber extends Error {}

/** JSON has no infinity. */
function finite(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  throw new UnsupportedNumber(Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf');
}

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^Unresolved alias .*: (.+)$/, "unknown anchor '$1' referenced"],
  [/^Plain value cannot start with (reserved|directive indicator) character .*$/, 'found character that cannot start any token'],
  [/^Nested mappings are not allowed in compact mappings$/, 'mapping values are not allowed in this context'],
  [/^Unexpected block-seq-ind .*$/, 'block sequence entries are not allowed in this context'],
  [/^Invalid escape sequence .*$/, 'found unknown escape character'],
];

function worded(message: string): string {
  const found = WORDS.find(([pattern]) => pattern.test(message));
  return found === undefined ? message : message.replace(found[0], found[1]);
}

/** As Go's YAML library says it (go-yaml v2 decode.go, setMapIndex): with the line of the later value. */
function repeatedKeys(document: Document, lines: LineCounter): readonly string[] {
  return repeatedIn(document.contents, lines);
}

function repeatedIn(node: unknown, lines: LineCounter): readonly string[] {
  if (isSeq(node)) return node.items.flatMap((item) => repeatedIn(item, lines));
  if (!isMap(node)) return [];
  const seen = new Set<unknown>();
  return node.items.flatMap((pair) => {
    if (!isPair(pair) || !isScalar(pair.key)) return [];
    const key = pair.key.value;
    const inside = repeatedIn(pair.value, lines);
    const isRepeated = seen.has(key);
    seen.add(key);
    return isRepeated ? [...inside, `line ${lineOf(pair.value, lines) ?? lineOf(pair.key, lines) ?? 1}: key ${typeof key === 'string' ? goQuote(key) : String(key)} already set in map`] : inside;
  });
}

function lineOf(node: unknown, lines: LineCounter): number | undefined {
  const start = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
  return start === undefined ? undefined : lines.linePos(start).line;
}
