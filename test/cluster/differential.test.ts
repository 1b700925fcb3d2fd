// Goal: whoever speaks to our API server cannot tell it from the real one. Method: every case of the suite is played on both at
// the same time, each in a namespace of its own; what a server may choose freely is normalised, and the rest of each answer
// (status, headers, body, events) is compared field by field. What differs and shall stay so is listed with its reason.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printDifference, runCase } from './differential.ts';
import type { Difference } from './differential.ts';
import { knownDifferences, sift, stale } from './known-differences.ts';
import type { KnownDifference } from './known-differences.ts';
import { setUp } from './player.ts';
import { realServerIsBuilt, startBoth } from './servers.ts';
import type { Servers } from './servers.ts';
import { themes } from './suite/index.ts';

const shownMax = 15;
const isBuilt = await realServerIsBuilt();

function tell(differences: readonly Difference[]): string {
  const more = differences.length - shownMax;
  return [...differences.slice(0, shownMax).map(printDifference), ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

describe.skipIf(!isBuilt)('the real API server and ours', () => {
  let servers: Servers;
  const ran = new Set<string>();
  const seen = new Set<KnownDifference>();

  beforeAll(async () => {
    servers = await startBoth();
  });

  afterAll(async () => {
    await servers?.stop();
  });

  for (const theme of themes) {
    describe(`${theme.name}`, () => {
      beforeAll(async () => {
        await Promise.all([setUp(servers.real, theme), setUp(servers.ours, theme)]);
      });

      for (const one of theme.cases) {
        test(`${one.name}`, { concurrent: theme.alone !== true }, async ({ task }) => {
          // The runner may be told to try again (`--retry`), and then names what was unsteady: each try has objects of its own.
          const found = await runCase(servers.real, servers.ours, theme, one, 1 + (task.result?.retryCount ?? 0));
          ran.add(`${theme.name}/${one.name}`);
          const sifted = sift(found, knownDifferences);
          for (const entry of sifted.seen) seen.add(entry);
          if (sifted.unknown.length > 0) throw new Error(tell(sifted.unknown));
        });
      }
    });
  }

  test('every known difference is still one', () => {
    expect(stale(knownDifferences, ran, seen)).toEqual([]);
  });
});
