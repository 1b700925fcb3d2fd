// Goal: the search finds bugs, and the oracle that is meant to see them does.
// Method: for each planted defect, seeds from 1 on until one fails; it must be one of the first ten and name an expected oracle. The
// same seeds pass without the defect.
import { describe, expect, test } from 'vitest';
import { findScenario, runSeed } from '@vfleet/sim';
import { plantedDefects } from './defects.ts';

const SEEDS_MAX = 10;

describe('planted defects', () => {
  test('have names of their own', () => {
    expect(new Set(plantedDefects.map(({ name }) => name)).size).toBe(plantedDefects.length);
  });

  test.each(plantedDefects.map((defect) => [defect.name, defect] as const))('%s', { timeout: 60_000 }, async (_, { scenario, oracles, wrap }) => {
    const story = findScenario(scenario)!;
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      const { violations } = await runSeed(story, String(seed), { wrap });
      if (violations[0] === undefined) continue;
      expect(oracles).toContain(violations[0].oracle);
      expect((await runSeed(story, String(seed))).violations.map(({ oracle, says }) => `${oracle}: ${says}`)).toEqual([]);
      return;
    }
    expect.fail(`nothing was found in ${SEEDS_MAX} seeds`);
  });
});
