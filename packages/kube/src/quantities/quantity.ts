import type { Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';

/** How a quantity is written: 12M, 12Mi or 12e6. */
export type QuantityFormat = 'decimalSi' | 'binarySi' | 'decimalExponent';

/** An amount of a resource, exact: apimachinery pkg/api/resource/quantity.go keeps nothing finer than 10⁻⁹. */
export interface Quantity {
  /** The value in units of 10⁻⁹. */
  readonly nano: bigint;
  readonly format: QuantityFormat;
}

export interface QuantityError {
  readonly text: string;
  readonly cause: string;
  readonly remedy: string;
}

const NANO = 1_000_000_000n;
const DECIMAL_SUFFIXES = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
/** Binary quantities are capped at 2⁶³−1 when parsed, as upstream does. */
const BINARY_CAP = (2n ** 63n - 1n) * NANO;
/** Beyond this an exponent only costs memory; upstream has no limit but no use for one either. */
const EXPONENT_LIMIT = 1000;
const SYNTAX = /^([+-]?)(\d+\.?\d*|\.\d+)(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i|))$/;

/** Parses a quantity as manifests have it: text, or a number where YAML had no quotes. Finer than nano rounds away from zero. */
export function parseQuantity(value: string | number): Result<Quantity, QuantityError> {
  const text = String(value).trim();
  const match = SYNTAX.exec(text);
  if (match === null) return refuse(text, `"${text}" is no quantity`);
  const [, sign, number, exponentText, suffix] = match;
  const exponent = exponentText === undefined ? 0 : Number(exponentText.slice(1));
  if (exponent > EXPONENT_LIMIT) return refuse(text, `the exponent of "${text}" is larger than ${EXPONENT_LIMIT}`);
  const scaled = scaledToNano(number!, exponent, suffix ?? '');
  const nano = sign === '-' ? -scaled.nano : scaled.nano;
  return ok({ nano, format: exponentText === undefined ? scaled.format : 'decimalExponent' });
}

function refuse(text: string, cause: string): Result<Quantity, QuantityError> {
  return fail({ text, cause, remedy: 'Write a number with one of the suffixes n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent: 500m, 1Gi, 2e3.' });
}

function scaledToNano(number: string, exponent: number, suffix: string): Quantity {
  const [whole, fraction = ''] = number.split('.');
  const digits = BigInt(`${whole}${fraction}`);
  const binary = suffix.endsWith('i') ? BINARY_SUFFIXES.indexOf(suffix) : 0;
  const decimal = binary > 0 ? 0 : 3 * (DECIMAL_SUFFIXES.indexOf(suffix) - 3) + exponent;
  const nano = shiftDecimal(digits << BigInt(10 * binary), decimal + 9 - fraction.length);
  if (binary === 0) return { nano, format: 'decimalSi' };
  // Between 0 and 1 a binary suffix would need rounding: from there on it is a decimal quantity.
  if (nano > 0n && nano < NANO) return { nano, format: 'decimalSi' };
  return { nano: nano > BINARY_CAP ? BINARY_CAP : nano, format: 'binarySi' };
}

/** `digits` × 10^`places`, rounded up: whoever asks for some of a resource gets some. */
function shiftDecimal(digits: bigint, places: number): bigint {
  if (digits === 0n || places >= 0) return digits === 0n ? 0n : digits * 10n ** BigInt(places);
  if (-places > digits.toString().length) return 1n;
  const divisor = 10n ** BigInt(-places);
  return (digits + divisor - 1n) / divisor;
}

/** The canonical text: no fraction, nothing lost, the largest suffix that allows both (quantity.go, CanonicalizeBytes). */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const whole = nano / NANO;
  if (format === 'binarySi' && nano % NANO === 0n && (whole <= -1024n || whole >= 1024n)) {
    const { mantissa, steps } = divideOut(whole, 1024n, BINARY_SUFFIXES.length - 1);
    return `${mantissa}${BINARY_SUFFIXES[steps]}`;
  }
  const { mantissa, steps } = divideOut(nano, 1000n, Number.POSITIVE_INFINITY);
  const exponent = 3 * steps - 9;
  const suffix = format === 'decimalExponent' ? undefined : DECIMAL_SUFFIXES[steps];
  return `${mantissa}${suffix ?? (exponent === 0 ? '' : `e${exponent}`)}`;
}

function divideOut(value: bigint, by: bigint, stepsMax: number): { readonly mantissa: bigint; readonly steps: number } {
  let mantissa = value;
  let steps = 0;
  while (steps < stepsMax && mantissa % by === 0n) {
    mantissa /= by;
    steps++;
  }
  return { mantissa, steps };
}

/** A whole number of units, for example of an extended resource. */
export function quantityOf(units: number | bigint, format: QuantityFormat = 'decimalSi'): Quantity {
  return { nano: BigInt(units) * NANO, format };
}

/** The sum, written as `a` is unless `a` is zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano + b.nano, format: a.nano === 0n ? b.format : a.format };
}

/** The difference, written as `a` is unless `a` is zero. */
export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano - b.nano, format: a.nano === 0n ? b.format : a.format };
}

/** Negative when `a` is less than `b`, 0 when they are equal, positive otherwise. The format does not matter. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nano < b.nano ? -1 : a.nano > b.nano ? 1 : 0;
}

/** Whole units, rounded away from zero (Quantity.Value). */
export function quantityUnits({ nano }: Quantity): bigint {
  return ceilAwayFromZero(nano, NANO);
}

/** Thousandths, rounded away from zero (Quantity.MilliValue): CPU is counted in these. */
export function quantityMilliUnits({ nano }: Quantity): bigint {
  return ceilAwayFromZero(nano, NANO / 1000n);
}

function ceilAwayFromZero(value: bigint, unit: bigint): bigint {
  return value < 0n ? -((-value + unit - 1n) / unit) : (value + unit - 1n) / unit;
}
