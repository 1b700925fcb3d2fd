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
  if (day < 1 || day > daysIn(year, month)) outOfRange('day');
  const offsetMinutes = zone === 'Z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  const epochMs = parseRfc3339(`${String(year).padStart(4, '0')}-${pad(month)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}Z`)!;
  return { epochMs: epochMs - offsetMinutes * 60_000, fraction: fraction.slice(1) };
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeap ? 29 : DAYS[month - 1]!;
}

/** `2006-01-02T15:04:05Z`, with micros `2006-01-02T15:04:05.000000Z`: a digit stands for any. */
const CANONICAL = { seconds: '0000-00-00T00:00:00Z', micros: '0000-00-00T00:00:00.000000Z' } as const;
const [ZERO, NINE] = [48, 57];

/** Whether a text is a time just as Kubernetes writes it, which nearly all are: no need then to read and write it anew. */
export function isCanonicalTime(text: string, precision: 'seconds' | 'micros'): boolean {
  const form = CANONICAL[precision];
  if (text.length !== form.length) return false;
  for (let index = 0; index < form.length; index++) {
    const [code, wanted] = [text.charCodeAt(index), form.charCodeAt(index)];
    if (wanted === ZERO ? code < ZERO || code > NINE : code !== wanted) return false;
  }
  const two = (at: number) => (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
  const month = two(5);
  if (month < 1 || month > 12 || two(11) > 23 || two(14) > 59 || two(17) > 59) return false;
  const day = two(8);
  return day >= 1 && day <= daysIn(two(0) * 100 + two(2), month);
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
