import { goQuote } from '../errors/field-error.ts';
import { isObject } from './json.ts';

/** A decoded JSON value as Go's fmt prints it with %v. */
export function goPrint(value: unknown): string {
  return print(value, goScalar);
}

/** The same with %s, which is for texts: other scalars come out as mistakes. */
export function goPrintText(value: unknown): string {
  return print(value, (scalar) => (typeof scalar === 'string' ? scalar : `%!s(${goTypeOf(scalar)}=${goScalar(scalar)})`), '%!s(<nil>)');
}

/** The same as Go's fmt prints it with %#v: in the syntax of Go. */
export function goSyntax(value: unknown): string {
  if (isObject(value)) return `${goTypeOf(value)}{${Object.keys(value).sort().map((key) => `${goQuote(key)}:${goSyntax(value[key])}`).join(', ')}}`;
  if (Array.isArray(value)) return `${goTypeOf(value)}{${value.map(goSyntax).join(', ')}}`;
  if (value === null || value === undefined) return 'interface {}(nil)';
  return typeof value === 'string' ? goQuote(value) : goScalar(value);
}

function print(value: unknown, scalar: (value: unknown) => string, nothing = '<nil>'): string {
  if (isObject(value)) return `map[${Object.keys(value).sort().map((key) => `${key}:${print(value[key], scalar, nothing)}`).join(' ')}]`;
  if (Array.isArray(value)) return `[${value.map((item) => print(item, scalar, nothing)).join(' ')}]`;
  return value === null || value === undefined ? nothing : scalar(value);
}

function goScalar(value: unknown): string {
  return typeof value === 'number' && goTypeOf(value) === 'float64' ? goFloat(value) : String(value);
}

/** The shortest text of a float64, with an exponent from a million on (strconv.FormatFloat, %g). */
function goFloat(value: number): string {
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const INT64_MAX = 2 ** 63;

/** The Go type that a decoded JSON value has (apimachinery pkg/util/json keeps whole numbers apart). */
export function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (isObject(value)) return 'map[string]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < INT64_MAX ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : '%!s(<nil>)';
}

/** Its kind, as Go's reflect names it. */
export function goKindOf(value: unknown): string {
  return Array.isArray(value) ? 'slice' : isObject(value) ? 'map' : goTypeOf(value);
}
