/**
 * JSON as Go's encoding/json writes maps: keys in byte order, no spaces, and `<`, `>`, `&`, U+2028, U+2029 escaped. Programs
 * compare such texts (the device plugin's environment variables), so the letters matter.
 */
export function goJson(value: GoJson): string {
  if (typeof value === 'string') return goString(value);
  const fields = Object.keys(value).sort(compareCodePoints).map((key) => `${goString(key)}:${goJson(value[key]!)}`);
  return `{${fields.join(',')}}`;
}

/** Strings and maps of them: all that is written this way. */
export type GoJson = string | { readonly [key: string]: GoJson };

const ESCAPED: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' };

function goString(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (character) => ESCAPED[character]!);
}

/** UTF-8 byte order is code point order; UTF-16 order differs from it beyond the basic plane. */
function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let index = 0; index < left.length && index < right.length; index++) {
    const difference = left[index]!.codePointAt(0)! - right[index]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
