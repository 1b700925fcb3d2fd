// Goal: what the simulator once found stays fixed. Method: every kept replay file runs again; none of them fails any more.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findScenario, parseReplay, runReplay } from '@vfleet/sim';

const folder = join(import.meta.dirname, 'replays');
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

test.each(files)('%s', async (file) => {
  const parsed = parseReplay(JSON.parse(readFileSync(join(folder, file), 'utf8')));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const { violations } = await runReplay(findScenario(parsed.value.scenario)!, parsed.value);
  expect(violations.map(({ oracle, says }) => `${oracle}: ${says}`)).toEqual([]);
});
