// Goal: shrinking keeps failing and leaves out what is not needed; replay files are checked with the path in the file; chance is a
// function of seed, site and number. Method: fast-check on failures that need a drawn set; files with one mistake each.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Marks } from '../../src/engine/marks.ts';
import { Chance } from '../../src/faults/chance.ts';
import { junitReport, newSummary } from '../../src/search/search.ts';
import { parseReplay } from '../../src/search/replay.ts';
import { shrink } from '../../src/search/shrink.ts';

test('shrink finds exactly the items that a failure needs', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.array(fc.nat(39), { maxLength: 4 }), async (count, wanted) => {
    const items = Array.from({ length: count }, (_, index) => index);
    const needed = [...new Set(wanted)].filter((item) => item < count).sort((a, b) => a - b);
    const smaller = await shrink(items, async (part) => needed.every((item) => part.includes(item)));
    expect(smaller).toEqual(needed);
  }));
});

test('shrink ends at its limit', async () => {
  let runs = 0;
  await shrink(Array.from({ length: 1000 }, (_, index) => index), async (part) => { runs++; return part.length > 500; }, { runsMax: 30 });
  expect(runs).toBeLessThanOrEqual(31);
});

describe('Chance', () => {
  const strikes = (chance: Chance, sites: readonly string[]) => sites.flatMap((site) => chance.strike(site, ['kube.conflict', 'kube.slow'])?.key ?? []);
  const sites = Array.from({ length: 400 }, (_, index) => `site-${index % 7}`);
  const rates = { 'kube.conflict': 0.1, 'kube.slow': 0.2 };

  test('what fired strikes again from its keys alone, also when some are left out', () => {
    const drawn = new Chance('s', { rates }, new Marks());
    const keys = strikes(drawn, sites);
    expect(keys.length).toBeGreaterThan(60);
    expect(keys.length).toBeLessThan(180);
    expect(drawn.fired).toEqual(keys);
    expect(strikes(new Chance('s', { rates: {}, only: keys }, new Marks()), sites)).toEqual(keys);
    const fewer = keys.filter((_, index) => index % 3 === 0);
    expect(strikes(new Chance('s', { rates: {}, only: fewer }, new Marks()), sites)).toEqual(fewer);
    expect(strikes(new Chance('other', { rates }, new Marks()), sites)).not.toEqual(keys);
  });

  test('a firing draws the same numbers in every run', () => {
    const first = new Chance('s', { rates: { 'kube.slow': 1 } }, new Marks()).strike('a', ['kube.slow'])!;
    const again = new Chance('s', { rates: {}, only: [first.key] }, new Marks()).strike('a', ['kube.slow'])!;
    expect([again.draw(), again.draw()]).toEqual([first.draw(), first.draw()]);
    expect(first.draw()).toBeLessThan(1);
  });

  test('nothing strikes while it is off, and opportunities count all the same', () => {
    const chance = new Chance('s', { rates: { 'kube.slow': 1 } }, new Marks());
    chance.active = false;
    expect(chance.strike('a', ['kube.slow'])).toBeUndefined();
    chance.active = true;
    expect(chance.strike('a', ['kube.slow'])?.key).toBe('kube.slow@a#2');
  });
});

test.each([
  ['another version', { version: 2 }, 'version'],
  ['no scenario', { scenario: 'nothing' }, 'scenario'],
  ['an unknown fault', { faults: ['kube.slow@a#1', 'kube.nonsense@a#1'] }, 'faults[1]'],
  ['no firing', { faults: ['kube.slow'] }, 'faults[0]'],
  ['faults that are no list', { faults: 'kube.slow@a#1' }, 'faults'],
  ['a seed that is no text', { seed: 4 }, 'seed'],
  ['an unknown oracle', { oracle: 'constructor' }, 'oracle'],
  ['a fault named like a property of all objects', { faults: ['toString@a#1'] }, 'faults[0]'],
])('a replay with %s is refused at its path', (_, wrong, path) => {
  const good = { version: 1, scenario: 'pod-churn', seed: '4', faults: ['kube.slow@a#1'], oracle: 'silence', says: 'x' };
  expect(parseReplay(good).ok).toBe(true);
  const parsed = parseReplay({ ...good, ...wrong });
  expect(parsed.ok ? [] : parsed.error.map((problem) => problem.path)).toEqual([path]);
});

test('the JUnit report names what failed and escapes what it says', () => {
  const summary = newSummary();
  summary.failures.push({ scenario: 'a', seed: '1', oracle: 'silence', says: '<3 & "x"', atMs: 1, faults: [] });
  const text = junitReport(summary, ['a', 'b']);
  expect(text).toContain('tests="2" failures="1"');
  expect(text).toContain('&lt;3 &amp; &quot;x&quot;');
});
