// Goal: a refactoring does not change what a seed means without anybody noticing. Method: trace hashes of a fixed set of seeds beside
// this file; after a change that is meant to alter runs, `npx vitest run test/simulation/snapshot.test.ts -u` writes them anew.
import { expect, test } from 'vitest';
import { References, runSeed } from '@vfleet/sim';
import { tiny } from './tiny.ts';

test('seeds have the traces that they had', async () => {
  const hashes: string[] = [];
  const references = new References();
  for (const seed of ['1', '2', '3', '4', '5', '6', '7', '8']) hashes.push(`${seed} ${(await runSeed(tiny, seed, { references })).traceHash}`);
  await expect(`${hashes.join('\n')}\n`).toMatchFileSnapshot('hashes.txt');
});
