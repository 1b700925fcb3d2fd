// Goal: whoever speaks to our API server cannot tell it from the real one. Method: every case of the suite is played on both at
// the same time, each in a namespace of its own; what a server may choose freely is normalised, and the rest of each answer
// (status, headers, body, events) is compared field by field. What differs and shall stay so is listed with its reason.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printDifference, runCase } from './differential.ts';
import { knownDifferences, sift, stale } from './known-differences.ts';
import type { KnownDifference } from './known-differences.ts';
import { setUp } from './player.ts';
import { realServerIsBuilt, startBoth } from './servers.ts';
import type { Servers } from './servers.ts';
import { themes } from './suite/index.ts';

const shownMax = 15;
/**
 * Cases in which ours differs and shall not: what is still to be mended, one name a line. They are skipped as long as they differ,
 * and fail once they agree, so that the list only gets shorter; `npm run test:cluster -- --record` writes it anew.
 */
const openCasesPath = join(import.meta.dirname, 'open-cases.txt');
const openCases: ReadonlySet<string> = new Set(readFileSync(openCasesPath, 'utf8').split('\n').filter((line) => line !== ''));
const isRecording = process.env['VFLEET_RECORD_OPEN_CASES'] === 'yes';
const isBuilt = await realServerIsBuilt();

describe.skipIf(!isBuilt)('the real API server and ours', () => {
  let servers: Servers;
  const ran = new Set<string>();
  const seen = new Set<KnownDifference>();
  const differing = new Set<string>();

  beforeAll(async () => {
    servers = await startBoth();
  });

  afterAll(async () => {
    await servers?.stop();
    if (isRecording) writeFileSync(openCasesPath, [...differing].sort().map((name) => `${name}\n`).join(''));
  });

  for (const theme of themes) {
    describe(`${theme.name}`, () => {
      beforeAll(async () => {
        await Promise.all([setUp(servers.real, theme), setUp(servers.ours, theme)]);
      });

      for (const one of theme.cases) {
        test(`${one.name}`, { concurrent: theme.alone !== true }, async ({ expect: expectHere, skip }) => {
          const found = await runCase(servers.real, servers.ours, theme, one);
          const name = `${theme.name}/${one.name}`;
          ran.add(name);
          const sifted = sift(found, knownDifferences);
          for (const entry of sifted.seen) seen.add(entry);
          if (sifted.unknown.length > 0) differing.add(name);
          if (sifted.unknown.length > 0 && (openCases.has(name) || isRecording)) skip('differs still');
          const shown = sifted.unknown.slice(0, shownMax).map(printDifference);
          const more = sifted.unknown.length - shown.length;
          expectHere([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n')).toBe('');
        });
      }
    });
  }

  test('every open case still differs', { skip: isRecording }, () => {
    expect([...openCases].filter((name) => ran.has(name) && !differing.has(name)), 'take these off open-cases.txt').toEqual([]);
  });

  test('every known difference is still one', () => {
    expect(stale(knownDifferences, ran, seen)).toEqual([]);
  });
});
