import { goQuote } from '../../errors/field-error.ts';
import { compilePattern } from '../../schema/structural.ts';
import type { CelLibrary, Environment } from '../library.ts';
import { formatText } from './format-text.ts';

/** Patterns kept compiled, at most. */
const PATTERNS_MAX = 1_000;

/**
 * Texts and patterns: cel-go's ext.Strings, version 2, as far as the library has it not, Kubernetes' regular expressions
 * (apiserver pkg/cel/library/regex.go), and what the library has with other results. The latter go by the name that
 * {@link REPLACED} gives them. Patterns run on the JavaScript engine, RE2's flags and escapes translated.
 */
export function registerText(environment: Environment, library: CelLibrary): void {
  const fail = (text: string): never => { throw new library.EvaluationError(text); };
  const pattern = cachedPatterns(fail);
  environment.registerFunction('string.matchesPattern(string): bool', (text: string, source: string) => pattern(source).test(text));
  environment.registerFunction('matches(string, string): bool', (text: string, source: string) => pattern(source).test(text));
  environment.registerFunction('string.find(string): string', (text: string, source: string) => pattern(source).exec(text)?.[0] ?? '');
  const findAll = (text: string, source: string, limit: bigint) => {
    const { source: body, flags } = pattern(source);
    const all = Array.from(text.matchAll(new RegExp(body, `${flags}g`)), ([found]) => found);
    return limit < 0n ? all : all.slice(0, Number(limit));
  };
  environment.registerFunction('string.findAll(string): list<string>', (text: string, source: string) => findAll(text, source, -1n));
  environment.registerFunction('string.findAll(string, int): list<string>', findAll);
  const ascii = (text: string, from: RegExp, change: (found: string) => string) => text.replace(from, change);
  environment.registerFunction('string.lowerAsciiOnly(): string', (text: string) => ascii(text, /[A-Z]+/g, (found) => found.toLowerCase()));
  environment.registerFunction('string.upperAsciiOnly(): string', (text: string) => ascii(text, /[a-z]+/g, (found) => found.toUpperCase()));
  environment.registerFunction('string.charAt(int): string', (text: string, index: bigint) => {
    const characters = [...text];
    return index < 0n || index > BigInt(characters.length) ? fail(`index out of range: ${index}`) : (characters[Number(index)] ?? '');
  });
  environment.registerFunction('string.replace(string, string): string', (text: string, old: string, put: string) => text.split(old).join(put));
  environment.registerFunction('string.replace(string, string, int): string', replaceSome);
  environment.registerFunction('string.format(list<dyn>): string', (text: string, values: Iterable<unknown>) => formatText(library, text, [...values]));
  class StringsNamespace {
    readonly name = 'strings';
  }
  environment.registerType('StringsNamespace', StringsNamespace).registerConstant('strings', 'StringsNamespace', new StringsNamespace());
  environment.registerFunction('StringsNamespace.quote(string): string', (_strings: unknown, text: string) => goQuote(text));
}

/** Methods of the library whose results differ from cel-go's, and the names of ours. */
export const REPLACED: ReadonlyMap<string, string> = new Map([
  ['matches', 'matchesPattern'], ['lowerAscii', 'lowerAsciiOnly'], ['upperAscii', 'upperAsciiOnly'],
]);

function replaceSome(text: string, old: string, put: string, limit: bigint): string {
  if (limit < 0n) return text.split(old).join(put);
  const parts = text.split(old);
  const changed = Math.min(Number(limit), parts.length - 1);
  return parts.slice(0, changed + 1).join(put) + parts.slice(changed + 1).map((part) => old + part).join('');
}

function cachedPatterns(fail: (text: string) => never): (source: string) => RegExp {
  const known = new Map<string, RegExp>();
  return (source) => {
    const found = known.get(source);
    if (found !== undefined) return found;
    if (known.size >= PATTERNS_MAX) known.clear();
    const compiled = patternOf(source) ?? fail(`error parsing regexp: ${source}`);
    known.set(source, compiled);
    return compiled;
  };
}

function patternOf(source: string): RegExp | undefined {
  try {
    return compilePattern(source);
  } catch {
    return undefined;
  }
}
