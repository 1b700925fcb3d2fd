// Goal: a seed is a run: the same seed gives the same trace, entry for entry, twice in one process and in another process.
// Method: a small world with drawn faults, 100 seeds in two processes of their own, some of them here too, twice; hashes are compared.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { References, runSeed } from '@vfleet/sim';
import { tiny } from './tiny.ts';

const SEEDS = 100;

function hashesElsewhere(from: number, to: number): Promise<Readonly<Record<string, string>>> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'hashes-child.ts'), String(from), String(to)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('error', reject);
    // Not 'exit': what it printed may still be in the pipe then.
    child.on('close', (code) => (code === 0 ? resolve(JSON.parse(text) as Record<string, string>) : reject(new Error(`ended with status ${code}`))));
  });
}

test(`${SEEDS} seeds have the same trace in two processes, and in this one twice`, { timeout: 1_200_000 }, async () => {
  const [one, two] = await Promise.all([hashesElsewhere(1, SEEDS), hashesElsewhere(1, SEEDS)]);
  expect(Object.keys(one)).toHaveLength(SEEDS);
  expect(two).toEqual(one);
  expect(new Set(Object.values(one)).size).toBe(SEEDS);
  const references = new References();
  for (let seed = 1; seed <= 5; seed++) {
    for (let time = 0; time < 2; time++) expect((await runSeed(tiny, String(seed), { references })).traceHash, `seed ${seed}`).toBe(one[seed]);
  }
});
