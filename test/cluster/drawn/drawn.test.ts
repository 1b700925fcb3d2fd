// Goal: whatever several clients do to the same objects in turn, both servers answer and notify the same. Method: sequences of
// requests (create, update from a stale copy, patches of all types, apply with and without force, status, scale, binding,
// eviction, deletion) drawn from a seed are played on both; every answer, the final lists and the events of open watches are
// compared. A sequence that differs is shrunk first.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knownDifferences } from '../known-differences.ts';
import { setUp } from '../player.ts';
import { realServerIsBuilt, startBoth } from '../servers.ts';
import type { Servers } from '../servers.ts';
import { drawnTheme, drawSequence, sequenceCase } from './draw.ts';
import { printFailure, runDrawn } from './run.ts';

const count = Number(process.env['VFLEET_SEQUENCES'] ?? 200);
const seed = process.env['VFLEET_SEED'] ?? 'two-servers';
const msPerSequence = 5_000;
const isBuilt = await realServerIsBuilt();

test('a seed draws the same sequence again, and another one another', () => {
  const text = (of: string) => JSON.stringify(sequenceCase(drawSequence(of), 'x'));
  expect(text('a/1')).toBe(text('a/1'));
  expect(text('a/1')).not.toBe(text('a/2'));
});

describe.skipIf(!isBuilt)('several clients on the real API server and on ours', () => {
  let servers: Servers;

  beforeAll(async () => {
    servers = await startBoth();
    await Promise.all([setUp(servers.real, drawnTheme), setUp(servers.ours, drawnTheme)]);
  });

  afterAll(async () => {
    await servers?.stop();
  });

  test(`${count} drawn sequences have the same outcome`, { timeout: 60_000 + count * msPerSequence }, async () => {
    const result = await runDrawn(servers.real, servers.ours, { count, seed, parallel: 6, known: knownDifferences, failuresMax: 3 });
    expect(result.failures.map(printFailure).join('\n\n')).toBe('');
    expect(result.ran).toBe(count);
  });
});
