// Goal: resource quantities are read, written and calculated as apimachinery does. Method: a table of texts and their canonical
// form (the rules are those of pkg/api/resource/quantity.go), and properties: canonical text keeps the value, is stable, and
// arithmetic agrees with rational arithmetic.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addQuantities, compareQuantities, formatQuantity, parseQuantity, quantityMilliUnits, quantityOf, quantityUnits, subtractQuantities } from '../src/quantities/quantity.ts';

function parsed(text: string | number) {
  const result = parseQuantity(text);
  if (!result.ok) throw new Error(result.error.cause);
  return result.value;
}

test.each([
  ['0', '0'], ['0Ki', '0'], ['-0', '0'], ['0e9', '0'], ['1', '1'], ['+1', '1'], ['007', '7'], ['-5', '-5'],
  ['1.5', '1500m'], ['.5', '500m'], ['1.', '1'], ['0.5Gi', '512Mi'], ['1.5Gi', '1536Mi'], ['1000', '1k'], ['1024', '1024'], ['1000m', '1'],
  ['1500m', '1500m'], ['1000k', '1M'], ['1024Ki', '1Mi'], ['1Ki', '1Ki'], ['0.5Ki', '512'], ['0.0001Ki', '102400u'], ['1.0001Ki', '1024102400u'],
  ['1e3', '1e3'], ['1E3', '1e3'], ['12e6', '12e6'], ['1e-3', '1e-3'], ['1e2', '100'], ['1e+2', '100'], ['1.2345', '1234500u'], ['0.9n', '1n'], ['-0.9n', '-1n'], ['1e-400', '1e-9'],
  ['8Ei', '9223372036854775807'], ['1000E', '1e21'], ['18446744073709551616', '18446744073709551616'], ['1E', '1E'], ['1Ei', '1Ei'],
  [' 2 ', '2'], [2, '2'], [0.25, '250m'], [1e21, '1e21'], ['2M', '2M'], ['3u', '3u'], ['4n', '4n'],
])('%j is written %j', (text, canonical) => {
  expect(formatQuantity(parsed(text))).toBe(canonical);
});

test.each(['', ' ', '.', '+', 'Ki', 'm', '1.2.3', '1 Gi', '1gi', '1KI', '1K', '1i', '1e', '1e1.5', '1ee3', '--1', '1mm', '1Gim', '0x10', 'NaN', 'Infinity', '1e1001', '1e99999999999'])('%j is refused', (text) => {
  expect(parseQuantity(text)).toMatchObject({ ok: false, error: { text: text.trim() } });
});

test('amounts round away from zero when asked in units or thousandths', () => {
  expect([quantityUnits(parsed('1500m')), quantityUnits(parsed('-1500m')), quantityUnits(parsed('1n')), quantityUnits(parsed('2Gi'))]).toEqual([2n, -2n, 1n, 2147483648n]);
  expect([quantityMilliUnits(parsed('1.5')), quantityMilliUnits(parsed('1n')), quantityMilliUnits(parsed('-1u'))]).toEqual([1500n, 1n, -1n]);
});

test('a sum is written as its first term is, unless that is zero', () => {
  expect(formatQuantity(addQuantities(parsed('1Gi'), parsed('1Gi')))).toBe('2Gi');
  expect(formatQuantity(addQuantities(parsed('0'), parsed('1Gi')))).toBe('1Gi');
  expect(formatQuantity(subtractQuantities(quantityOf(4), quantityOf(4)))).toBe('0');
  expect(compareQuantities(parsed('1Gi'), parsed('1073741824'))).toBe(0);
  expect(compareQuantities(parsed('1Gi'), parsed('1G'))).toBeGreaterThan(0);
});

const text = fc
  .tuple(fc.constantFrom('', '-', '+'), fc.nat(99_999_999), fc.option(fc.nat(9999)), fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'P', 'E', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'e3', 'E-2', 'e7'))
  .map(([sign, whole, fraction, suffix]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${suffix}`);

describe('properties', () => {
  test('the canonical text has the same value and is its own canonical text', () => {
    fc.assert(
      fc.property(text, (written) => {
        const canonical = formatQuantity(parsed(written));
        expect(parsed(canonical).nano).toBe(parsed(written).nano);
        expect(formatQuantity(parsed(canonical))).toBe(canonical);
      }),
    );
  });

  test('adding and subtracting are inverse, and order follows the difference', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const [a, b] = [parsed(one), parsed(other)];
        expect(subtractQuantities(addQuantities(a, b), b).nano).toBe(a.nano);
        const difference = subtractQuantities(a, b).nano;
        expect(compareQuantities(a, b)).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
      }),
    );
  });

  test('no text makes the parser throw, and what it accepts it also accepts in canonical form', () => {
    const unit = fc.constantFrom('0', '1', '9', '.', 'e', 'E', '-', '+', 'K', 'M', 'i', 'm', ' ');
    const valueOf = (written: string) => {
      const result = parseQuantity(written);
      return result.ok ? result.value : undefined;
    };
    fc.assert(
      fc.property(fc.string({ unit }), (written) => {
        const value = valueOf(written);
        expect(value === undefined ? undefined : valueOf(formatQuantity(value))?.nano).toBe(value?.nano);
      }),
    );
  });
});
