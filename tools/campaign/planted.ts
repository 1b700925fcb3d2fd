/**
 * `npm run campaign -- --planted`: runs seeds from 1 on with each planted defect until one fails, and writes what it took beside the
 * defects. Fails when a defect is not found, is named by another oracle first, or a seed fails without it.
 */
import { writeFileSync } from 'node:fs';
import { findScenario, References, runSeed } from '@vfleet/sim';
import type { PlantedDefect } from '../../test/simulation/planted/defects.ts';
import { plantedDefects } from '../../test/simulation/planted/defects.ts';
import type { PlantedResult } from '../../test/simulation/planted/results.ts';

const SEEDS_MAX = 1000;

/** Answers whether all were found as expected. */
export async function searchPlanted(file: string, tell: (line: string) => void): Promise<boolean> {
  const references = new References();
  const results: PlantedResult[] = [];
  let good = true;
  for (const defect of plantedDefects) {
    const found = await searchOne(defect, references);
    tell(`${defect.name}: ${found.text}`);
    if (found.result === undefined) good = false;
    else results.push(found.result);
  }
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  return good;
}

async function searchOne({ name, says, scenario, oracle, wrap }: PlantedDefect, references: References): Promise<{ readonly text: string; readonly result?: PlantedResult }> {
  const story = findScenario(scenario)!;
  await references.of(story);
  const startMs = performance.now();
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const [first] = (await runSeed(story, String(seed), { wrap, references })).violations;
    if (first === undefined) continue;
    const seconds = Number(((performance.now() - startMs) / 1000).toFixed(1));
    if (first.oracle !== oracle) return { text: `seed ${seed} is told of by ${first.oracle} instead of ${oracle}: ${first.says}` };
    for (let clean = 1; clean <= seed; clean++) {
      const [other] = (await runSeed(story, String(clean), { references })).violations;
      if (other !== undefined) return { text: `seed ${clean} fails without the defect: ${other.oracle}: ${other.says}` };
    }
    return { text: `${oracle} after ${seed} seeds, ${seconds} s`, result: { name, says, scenario, oracle, seeds: seed, seconds } };
  }
  return { text: `not found in ${SEEDS_MAX} seeds` };
}
