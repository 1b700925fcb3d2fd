// Goal: the seeded generator repeats itself, keeps its streams apart, and is uniform enough; both twins keep to the interface.
// Method: comparisons of sequences, a chi-square test on fixed seeds, and the same checks on either twin.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom, SUFFIX_ALPHABET } from '../../src/index.ts';
import type { Random } from '../../src/index.ts';
import { SystemRandom } from '../../src/real.ts';

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.next());

describe('SeededRandom', () => {
  test('same seed, same sequence; another seed or stream, another', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), (seed, name) => {
        const first = draw(new SeededRandom(seed), 5);
        expect(draw(new SeededRandom(seed), 5)).toEqual(first);
        expect(draw(new SeededRandom(`${seed}'`), 5)).not.toEqual(first);
        expect(draw(new SeededRandom(seed).stream(name), 5)).not.toEqual(first);
      }),
    );
  });

  test('a stream depends on the seed and its name, not on what was drawn before', () => {
    const used = new SeededRandom(7);
    draw(used, 100);
    expect(draw(used.stream('a'), 5)).toEqual(draw(new SeededRandom('7').stream('a'), 5));
    expect(draw(used.stream('a'), 5)).not.toEqual(draw(used.stream('b'), 5));
  });

  test.each(['a', 'b', 'c'])('integers are uniform (chi-square, 99.9 %), seed %s', (seed) => {
    const random = new SeededRandom(seed);
    const counts = new Array<number>(16).fill(0);
    for (let index = 0; index < 16_000; index++) counts[random.integer(16)]!++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(37.7);
  });
});

describe.each<[string, () => Random]>([['SeededRandom', () => new SeededRandom('x')], ['SystemRandom', () => new SystemRandom()]])('%s', (_name, make) => {
  test('numbers within bounds, version 4 UUIDs, suffixes of the Kubernetes alphabet', () => {
    const random = make();
    for (const value of draw(random, 1000)) expect(value >= 0 && value < 1).toBe(true);
    for (const bound of [1, 2, 1000, 2 ** 31]) expect(random.integer(bound)).toBeLessThan(bound);
    const uuids = Array.from({ length: 200 }, () => random.uuid());
    for (const uuid of uuids) expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(uuids).size).toBe(200);
    expect(random.suffix(200)).toMatch(new RegExp(`^[${SUFFIX_ALPHABET}]{200}$`));
    expect(random.suffix(0)).toBe('');
  });
});
