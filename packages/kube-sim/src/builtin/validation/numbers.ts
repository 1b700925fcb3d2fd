import type { Cursor } from './cursor.ts';

const PERCENT_TEXT = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** A non-negative number, or a percentage (apps/validation ValidatePositiveIntOrPercent). */
export function checkIntOrPercent(cursor: Cursor): void {
  if (typeof cursor.value === 'number') cursor.notNegative();
  else if (typeof cursor.value === 'string' && !/^[0-9]+%$/.test(cursor.value)) cursor.invalid(PERCENT_TEXT);
}

export function checkAtMostHundredPercent(cursor: Cursor): void {
  const match = /^([0-9]+)%$/.exec(cursor.text);
  if (match !== null && Number(match[1]) > 100) cursor.invalid('must not be greater than 100%');
}

/** The number behind an int-or-percent whose share is not known: percentages count as they stand. */
export function rawIntOrPercent(cursor: Cursor): number {
  if (typeof cursor.value === 'number') return cursor.value;
  return Number(/^([0-9]+)%$/.exec(cursor.text)?.[1] ?? 0);
}
