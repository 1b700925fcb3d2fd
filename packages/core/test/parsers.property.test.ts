// Goal: what reads text from outside takes what its own writer wrote, refuses the rest with a sentence, and never throws. Method: round
// trips over drawn values, sets of indices beside the ranges that stand for them, and any text at all.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson, parseRfc3339, rfc3339, rfc3339Micro } from '@vfleet/core';
import { comparePciAddresses, parsePciAddress, pciAddress, pciAddressPlus } from '../src/domain/pci.ts';
import { labelPredicate } from '../src/render/label-selector.ts';
import { formatVfRange, parsePfName, parseVfRange, rangesCover, rangesOverlap, uniteRanges } from '../src/render/vf-range.ts';
import type { VfRange } from '../src/render/vf-range.ts';

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
const addresses = fc.tuple(fc.nat(0xffff), fc.nat(0xff), fc.nat(0x1f), fc.nat(7)).map(([domain, bus, device, fn]) => `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${fn}`);
const anyText = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), addresses.map((text) => text.slice(1)), fc.tuple(fc.nat(99_999), fc.integer()).map(([first, last]) => `${first}-${last}`));

describe('PCI addresses', () => {
  test('are themselves in small letters, whatever the case they came in', () => {
    fc.assert(fc.property(addresses, (text) => {
      expect(parsePciAddress(text.toUpperCase())).toEqual({ ok: true, value: text });
    }));
  });

  test('follow each other by routing id: adding is one walk over bus, device and function', () => {
    fc.assert(fc.property(addresses, fc.nat(300), fc.nat(300), (text, a, b) => {
      const base = pciAddress(text.replace(/:..:/, ':10:'));
      expect(pciAddressPlus(pciAddressPlus(base, a), b)).toBe(pciAddressPlus(base, a + b));
      expect(parsePciAddress(pciAddressPlus(base, a)).ok).toBe(true);
      expect(Math.sign(comparePciAddresses(pciAddressPlus(base, a), base))).toBe(Math.sign(a));
    }));
  });

  test('any other text is refused with a sentence that quotes it', () => {
    fc.assert(fc.property(anyText, (text) => {
      const parsed = parsePciAddress(text);
      if (parsed.ok) expect(parsed.value).toMatch(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/);
      else expect(parsed.error).toContain(text);
    }));
  });
});

const ranges: fc.Arbitrary<VfRange> = fc.tuple(fc.nat(60), fc.nat(12)).map(([first, more]) => ({ first, last: first + more }));
const indices = ({ first, last }: VfRange) => Array.from({ length: last - first + 1 }, (_, offset) => first + offset);

describe('VF ranges', () => {
  test('come back as they were written', () => {
    fc.assert(fc.property(ranges, fc.string({ minLength: 1 }).filter((name) => !name.includes('#')), (range, pfName) => {
      expect(parseVfRange(formatVfRange(range))).toEqual({ ok: true, value: range });
      expect(parsePfName(`${pfName}#${formatVfRange(range)}`)).toEqual({ ok: true, value: { pfName, range } });
      expect(parsePfName(pfName)).toEqual({ ok: true, value: { pfName } });
    }));
  });

  test('any text gives a range in order, or a sentence', () => {
    fc.assert(fc.property(anyText, (text) => {
      const parsed = parseVfRange(text);
      if (parsed.ok) expect(parsed.value.last).toBeGreaterThanOrEqual(parsed.value.first);
      else expect(parsed.error).toContain(`"${text}"`);
      const entry = parsePfName(text);
      if (entry.ok) expect(entry.value.pfName).not.toBe('');
    }));
  });

  test('united are the same indices, ascending, and neither overlap nor touch', () => {
    fc.assert(fc.property(fc.array(ranges, { maxLength: 8 }), (all) => {
      const united = uniteRanges(all);
      expect(united.flatMap(indices)).toEqual([...new Set(all.flatMap(indices))].sort((a, b) => a - b));
      for (const [at, range] of united.entries()) if (at > 0) expect(range.first).toBeGreaterThan(united[at - 1]!.last + 1);
      expect(uniteRanges(united)).toEqual(united);
    }));
  });

  test('overlap when they share an index, cover when they have every index', () => {
    fc.assert(fc.property(fc.array(ranges, { maxLength: 5 }), ranges, ranges, (all, a, b) => {
      expect(rangesOverlap(a, b)).toBe(indices(a).some((index) => indices(b).includes(index)));
      const held = new Set(all.flatMap(indices));
      expect(rangesCover(uniteRanges(all), a)).toBe(indices(a).every((index) => held.has(index)));
    }));
  });
});

describe('times', () => {
  const moments = fc.integer({ min: 0, max: 253_402_300_799_999 });

  test('come back to the second and to the millisecond', () => {
    fc.assert(fc.property(moments, (epochMs) => {
      expect(parseRfc3339(rfc3339(epochMs))).toBe(epochMs - (epochMs % 1000));
      expect(parseRfc3339(rfc3339Micro(epochMs))).toBe(epochMs);
    }));
  });

  test('any text is a time or none', () => {
    fc.assert(fc.property(fc.oneof(anyText, fc.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})$/)), (text) => {
      expect(['number', 'undefined']).toContain(typeof parseRfc3339(text));
    }));
  });
});

describe('JSON', () => {
  test('is read as the engine reads it, and what the engine refuses has a place', () => {
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string(), fc.tuple(fc.json(), fc.nat(40), fc.string({ maxLength: 2 })).map(([text, at, put]) => text.slice(0, at) + put + text.slice(at))), (text) => {
      let expected: { readonly value: unknown } | undefined;
      try {
        expected = { value: JSON.parse(text) as unknown };
      } catch {
        expected = undefined;
      }
      const parsed = parseJson(text);
      expect(parsed.ok).toBe(expected !== undefined);
      if (parsed.ok) expect(parsed.value).toEqual(expected!.value);
      else {
        expect(parsed.error.offset).toBeLessThanOrEqual(text.length);
        expect(parsed.error.line).toBe(text.slice(0, parsed.error.offset).split('\n').length);
      }
    }), { numRuns: 500 });
  });
});

describe('label selectors', () => {
  const label = fc.constantFrom('a', 'b', 'c');
  const labels = fc.dictionary(label, label, { noNullPrototype: true });

  test('choose by set arithmetic: NotIn and DoesNotExist are the complements of In and Exists', () => {
    fc.assert(fc.property(labels, label, fc.array(label, { minLength: 1 }), (have, key, values) => {
      const chooses = (operator: string, wanted?: string[]) => {
        const predicate = labelPredicate({ matchExpressions: [{ key, operator, ...(wanted === undefined ? {} : { values: wanted }) }] } as never);
        if (!predicate.ok) throw new Error(predicate.error);
        return predicate.value(have);
      };
      expect(chooses('In', values)).toBe(Object.hasOwn(have, key) && values.includes(have[key]!));
      expect(chooses('NotIn', values)).toBe(!chooses('In', values));
      expect(chooses('Exists')).toBe(Object.hasOwn(have, key));
      expect(chooses('DoesNotExist')).toBe(!chooses('Exists'));
    }));
  });
});
