// Goal: every shipped scenario ends as it says without faults, and with those of a few seeds; dying at any write of a daemon changes
// nothing at the end. Method: one calm run each and one drawn; crash points of one node's processes in the small world, every third.
import { describe, expect, test } from 'vitest';
import { catalog, crashPoints, runCrash, runScenario, runSeed } from '@vfleet/sim';
import { tiny } from './tiny.ts';

const told = ({ violations }: { readonly violations: readonly { readonly oracle: string; readonly says: string }[] }) => violations.map(({ oracle, says }) => `${oracle}: ${says}`);

describe.each(catalog.filter(({ scale }) => scale !== true).map((scenario) => [scenario.name, scenario] as const))('%s', (_, scenario) => {
  test('without faults', async () => {
    expect(told(await runScenario(scenario, 1))).toEqual([]);
  });

  test('with faults', async () => {
    const report = await runSeed(scenario, '2');
    expect(told(report)).toEqual([]);
    expect(report.convergedAfterMs).toBeGreaterThanOrEqual(0);
  });
});

test('a process may die at any of its writes', async () => {
  const points = (await crashPoints(tiny, '1', (name) => !name.startsWith('operator/'))).filter((_, index) => index % 3 === 0);
  expect(points.length).toBeGreaterThan(20);
  for (const point of points) {
    const report = await runCrash(tiny, '1', point);
    expect(report.faultsFired, JSON.stringify(point)).toHaveLength(1);
    expect(told(report), JSON.stringify(point)).toEqual([]);
  }
});
