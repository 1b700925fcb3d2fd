// Goal: a range set gives out exactly its addresses, each once, going round from the last one.
// Method: small drawn ranges, compared with the plainly enumerated set; refused configurations by hand.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIp, ipPlus, parseIp } from '../../src/ipam/ip.ts';
import type { IpAddress } from '../../src/ipam/ip.ts';
import { candidates, parseRange, parseRangeSet, rangeFor } from '../../src/ipam/ranges.ts';
import type { RangeSet } from '../../src/ipam/ranges.ts';

function ip(text: string): IpAddress {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

/** One to three ranges inside neighbouring /28 (or /124) subnets. */
const smallSet = fc.record({ v6: fc.boolean(), ends: fc.array(fc.tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 })), { minLength: 1, maxLength: 3 }) }).map(({ v6, ends }): RangeSet => {
  const texts = ends.map(([a, b], index) => {
    const at = (offset: number) => formatIp(ipPlus(ip(v6 ? 'fd00::' : '192.0.2.0'), BigInt(16 * index + offset)));
    return { subnet: `${at(0)}/${v6 ? 124 : 28}`, rangeStart: at(Math.min(a, b)), rangeEnd: at(Math.max(a, b)), gateway: at(3) };
  });
  const set = parseRangeSet(texts);
  if (!set.ok) throw new Error(set.error);
  return set.value;
});

function enumerated(set: RangeSet): readonly string[] {
  return set.flatMap((range) => {
    const count = Number(range.end.value - range.start.value) + 1;
    return Array.from({ length: count }, (_, offset) => formatIp(ipPlus(range.start, BigInt(offset)))).filter((text) => text !== formatIp(range.gateway));
  });
}

describe('candidates', () => {
  test('are all addresses but the gateways and the excluded, each once', () => {
    fc.assert(fc.property(smallSet, fc.option(fc.nat(63), { nil: undefined }), fc.nat(15), (set, lastOffset, excludedOffset) => {
      const base = set[0]!.subnet.address;
      const last = lastOffset === undefined ? undefined : ipPlus(base, BigInt(lastOffset));
      const excluded = formatIp(ipPlus(base, BigInt(excludedOffset)));
      const given = [...candidates(set, last, (address) => formatIp(address) === excluded)].map(({ address }) => formatIp(address));
      expect(new Set(given).size).toBe(given.length);
      expect(given.toSorted()).toEqual(enumerated(set).filter((text) => text !== excluded).toSorted());
    }));
  });

  test('begin after the last one given, wrap around, and come to it last', () => {
    fc.assert(fc.property(smallSet, fc.nat(), (set, pick) => {
      const all = enumerated(set);
      fc.pre(all.length > 0);
      const position = pick % all.length;
      const given = [...candidates(set, ip(all[position]!))].map(({ address }) => formatIp(address));
      expect(given).toEqual([...all.slice(position + 1), ...all.slice(0, position + 1)]);
    }));
  });

  test('are found without walking when an IPv6 range is huge', () => {
    const set = parseRangeSet([{ subnet: 'fd00::/64' }]);
    const given = set.ok ? candidates(set.value, ip('fd00::ffff:ffff:ffff:fffe')) : undefined;
    expect([given?.next().value, given?.next().value].map((candidate) => candidate && formatIp(candidate.address))).toEqual(['fd00::ffff:ffff:ffff:ffff', 'fd00::2']);
  });
});

describe('parseRange', () => {
  test('fills in what host-local fills in', () => {
    const show = (subnet: string) => {
      const range = parseRange({ subnet });
      return range.ok ? [range.value.start, range.value.end, range.value.gateway].map(formatIp) : range.error;
    };
    expect(show('10.1.2.0/24')).toEqual(['10.1.2.1', '10.1.2.254', '10.1.2.1']);
    expect(show('fd00:1::/64')).toEqual(['fd00:1::1', 'fd00:1::ffff:ffff:ffff:ffff', 'fd00:1::1']);
  });

  test.each([
    [{ subnet: '10.0.0.0/31' }, 'too small'], [{ subnet: '10.0.0.5/24' }, 'host bits set; write 10.0.0.0/24'], [{ subnet: 'nonsense' }, 'no address with a prefix length'],
    [{ subnet: '10.0.0.0/24', rangeStart: '10.0.1.1' }, 'rangeStart 10.0.1.1 is not in 10.0.0.0/24'], [{ subnet: '10.0.0.0/24', rangeEnd: 'fd00::1' }, 'rangeEnd fd00::1 is not in'],
    [{ subnet: '10.0.0.0/24', rangeStart: '10.0.0.9', rangeEnd: '10.0.0.8' }, 'below rangeStart'], [{ subnet: '10.0.0.0/24', gateway: 'x' }, 'gateway:'],
  ])('refuses %j', (text, words) => {
    const range = parseRange(text);
    expect(!range.ok && range.error).toContain(words);
  });

  test.each([
    [[], 'at least one range'], [[{ subnet: '10.0.0.0/24' }, { subnet: 'fd00::/64' }], 'must not mix'], [[{ subnet: '10.0.0.0/24' }, { subnet: '10.0.0.128/25' }], 'overlap'],
  ])('a set refuses %j', (texts, words) => {
    const set = parseRangeSet(texts);
    expect(!set.ok && set.error).toContain(words);
  });

  test('rangeFor finds by position, not by subnet', () => {
    const set = parseRangeSet([{ subnet: '10.0.0.0/24', rangeStart: '10.0.0.10', rangeEnd: '10.0.0.20' }]);
    expect(set.ok && [rangeFor(set.value, ip('10.0.0.10')), rangeFor(set.value, ip('10.0.0.21')), rangeFor(set.value, ip('fd00::1'))].map((range) => range !== undefined)).toEqual([true, false, false]);
  });
});
