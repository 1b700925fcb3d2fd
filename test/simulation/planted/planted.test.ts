// Goal: the search finds bugs, and the oracle that is meant to see them does.
// Method: for each planted defect, seeds from 1 on until one fails: the first oracle to speak is the expected one, and the same seed
// passes without the defect. Most are found by the first seed; test/simulation/planted/results.json says after how many, and
// `npm run campaign -- --planted` writes it anew.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Scenario } from '@vfleet/sim';
import { findScenario, properties, References, runSeed } from '@vfleet/sim';
import { plantedDefects } from './defects.ts';
import type { PlantedResult } from './results.ts';

/** Seeds that are tried here when the recorded one means another run since. */
const SEEDS_MAX = 40;
const references = new References();
// The file is written by our own tool.
const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8')) as readonly PlantedResult[];

const without = new Map<string, Promise<readonly string[]>>();

/** What a seed tells of when no defect is planted; several defects are found by the same one. */
function toldWithout(story: Scenario, seed: string): Promise<readonly string[]> {
  const key = `${story.name} ${seed}`;
  const known = without.get(key) ?? runSeed(story, seed, { references }).then(({ violations }) => violations.map(({ oracle, says }) => `${oracle}: ${says}`));
  without.set(key, known);
  return known;
}

describe('planted defects', () => {
  test('are at least thirty, with names of their own and oracles that exist', () => {
    expect(plantedDefects.length).toBeGreaterThanOrEqual(30);
    expect(new Set(plantedDefects.map(({ name }) => name)).size).toBe(plantedDefects.length);
    for (const { oracle } of plantedDefects) expect(properties.map(({ name }) => name)).toContain(oracle);
  });

  test('are all in the table', () => {
    expect(recorded.map(({ name, oracle, scenario }) => [name, oracle, scenario])).toEqual(plantedDefects.map(({ name, oracle, scenario }) => [name, oracle, scenario]));
    for (const { seeds } of recorded) expect(seeds).toBeLessThanOrEqual(1000);
  });

  test.each(plantedDefects.map((defect) => [defect.name, defect] as const))('%s', async (name, { scenario, oracle, wrap }) => {
    const story = findScenario(scenario)!;
    // First the seed that found it when the table was written: the ones before were tried then.
    for (const seed of [recorded.find((result) => result.name === name)!.seeds, ...Array.from({ length: SEEDS_MAX }, (_unused, index) => index + 1)]) {
      const [first] = (await runSeed(story, String(seed), { wrap, references })).violations;
      if (first === undefined) continue;
      expect(first.oracle).toBe(oracle);
      expect(await toldWithout(story, String(seed))).toEqual([]);
      return;
    }
    expect.fail(`nothing was found in ${SEEDS_MAX} seeds`);
  });
});
