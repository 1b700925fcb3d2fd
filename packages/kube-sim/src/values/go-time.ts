import { parseRfc3339 } from '@vfleet/core';
import { goQuote } from '../errors/field-error.ts';

/** A text that is no time; the message is what Go's time.Parse says of it. */
export class GoTimeError extends Error {}

export interface GoTime {
  /** Whole seconds, as milliseconds since 1970. */
  readonly epochMs: number;
  /** Digits after the seconds as they were given, at most nine. */
  readonly fraction: string;
}

const SECONDS_LAYOUT = '2006-01-02T15:04:05Z07:00';
const MICROS_LAYOUT = '2006-01-02T15:04:05.000000Z07:00';

/** Reads a time in one of the two layouts of Kubernetes' times (metav1.Time, metav1.MicroTime) as Go does. Throws GoTimeError. */
export function parseGoTime(text: string, precision: 'seconds' | 'micros'): GoTime {
  const layout = precision === 'seconds' ? SECONDS_LAYOUT : MICROS_LAYOUT;
  let rest = text;
  const fail = (element: string, at: string): never => {
    throw new GoTimeError(`parsing time ${goQuote(text)} as ${goQuote(layout)}: cannot parse ${goQuote(at)} as ${goQuote(element)}`);
  };
  const outOfRange = (what: string): never => {
    throw new GoTimeError(`parsing time ${goQuote(text)}: ${what} out of range`);
  };
  const take = (pattern: RegExp, element: string): string => {
    const match = pattern.exec(rest);
    if (match === null) return fail(element, rest);
    rest = rest.slice(match[0].length);
    return match[0];
  };
  const number = (pattern: RegExp, element: string, what: string, min: number, max: number): number => {
    const value = Number(take(pattern, element));
    return value < min || value > max ? outOfRange(what) : value;
  };
  const skip = (literal: string): void => {
    if (!rest.startsWith(literal)) fail(literal, rest);
    rest = rest.slice(literal.length);
  };
  const year = Number(take(/^\d{4}/, '2006'));
  skip('-');
  const month = number(/^\d\d/, '01', 'month', 1, 12);
  skip('-');
  const day = Number(take(/^\d\d/, '02'));
  skip('T');
  const hour = number(/^\d\d?/, '15', 'hour', 0, 23);
  skip(':');
  const minute = number(/^\d\d/, '04', 'minute', 0, 59);
  skip(':');
  const second = number(/^\d\d/, '05', 'second', 0, 59);
  const fraction = precision === 'micros' ? take(/^[.,]\d{6}/, '.000000') : (/^[.,]\d+/.exec(rest)?.[0] ?? '');
  if (precision === 'seconds') rest = rest.slice(fraction.length);
  const zone = take(/^(Z|[+-]\d\d:\d\d)/, 'Z07:00');
  if (rest !== '') throw new GoTimeError(`parsing time ${goQuote(text)}: extra text: ${goQuote(rest)}`);
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]!;
  if (day < 1 || day > days) outOfRange('day');
  const offsetMinutes = zone === 'Z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  const epochMs = parseRfc3339(`${String(year).padStart(4, '0')}-${pad(month)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}Z`)!;
  return { epochMs: epochMs - offsetMinutes * 60_000, fraction: fraction.slice(1) };
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
