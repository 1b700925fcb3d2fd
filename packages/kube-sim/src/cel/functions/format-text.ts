import { rfc3339 } from '@vfleet/core';
import type { CelLibrary } from '../library.ts';
import { entriesOf, isList } from '../equality.ts';

const CLAUSE = /%(%|(?:\.(\d+))?([a-zA-Z]))/g;

/** `"…".format([…])` of cel-go's ext.Strings (ext/formatting.go): %s %d %f %e %b %o %x %X and %%. */
export function formatText(library: CelLibrary, text: string, values: readonly unknown[]): string {
  let next = 0;
  return text.replace(CLAUSE, (_whole, percent: string, precision: string | undefined, verb: string | undefined) => {
    if (percent === '%') return '%';
    if (next >= values.length) throw new library.EvaluationError(`index ${next} out of range`);
    return clause(library, verb!, precision === undefined ? 6 : Number(precision), values[next++]);
  });
}

function clause(library: CelLibrary, verb: string, precision: number, value: unknown): string {
  const fail = (text: string): never => { throw new library.EvaluationError(`error during formatting: ${text}`); };
  switch (verb) {
    case 's': return plain(value);
    case 'd': return isInteger(value) || (typeof value === 'number' && !Number.isFinite(value)) ? plain(value) : fail(`decimal clause can only be used on integers, was given ${nameOf(value)}`);
    case 'f': return typeof value === 'number' || isInteger(value) ? finite(value, (number) => number.toFixed(precision)) : fail(`fixed-point clause can only be used on doubles, was given ${nameOf(value)}`);
    case 'e': return typeof value === 'number' || isInteger(value) ? finite(value, (number) => scientific(number, precision)) : fail(`scientific clause can only be used on doubles, was given ${nameOf(value)}`);
    case 'b': return typeof value === 'boolean' ? (value ? '1' : '0') : isInteger(value) ? whole(value).toString(2) : fail(`only integers and bools can be formatted as binary, was given ${nameOf(value)}`);
    case 'o': return isInteger(value) ? whole(value).toString(8) : fail(`octal clause can only be used on integers, was given ${nameOf(value)}`);
    case 'x': return hexadecimal(value) ?? fail(`only integers, byte buffers, and strings can be formatted as hex, was given ${nameOf(value)}`);
    case 'X': return (hexadecimal(value) ?? fail(`only integers, byte buffers, and strings can be formatted as hex, was given ${nameOf(value)}`)).toUpperCase();
    default: return fail(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

function isInteger(value: unknown): value is bigint | { valueOf(): bigint } {
  return typeof value === 'bigint' || (typeof value === 'object' && value !== null && typeof value.valueOf() === 'bigint');
}

function whole(value: bigint | { valueOf(): bigint }): bigint {
  return value.valueOf();
}

function finite(value: number | bigint | { valueOf(): bigint }, show: (number: number) => string): string {
  const number = Number(value);
  return Number.isFinite(number) ? show(number) : plain(number);
}

function scientific(number: number, precision: number): string {
  return number.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2');
}

function hexadecimal(value: unknown): string | undefined {
  if (isInteger(value)) return whole(value).toString(16);
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return bytes instanceof Uint8Array ? Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') : undefined;
}

function plain(value: unknown): string {
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? String(value) : value > 0 ? 'Infinity' : '-Infinity';
  if (value instanceof Date) return rfc3339(value.getTime());
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (isList(value)) return `[${[...value].map(plain).join(', ')}]`;
  if (typeof value === 'object' && value !== null && (value instanceof Map || value.constructor === Object)) {
    return `{${entriesOf(value).map(([key, item]) => `${plain(key)}: ${plain(item)}`).sort().join(', ')}}`;
  }
  return String(value);
}

function nameOf(value: unknown): string {
  if (value === null) return 'null_type';
  if (isList(value)) return 'list';
  return { string: 'string', boolean: 'bool', bigint: 'int', number: 'double' }[typeof value as string] ?? 'map';
}
