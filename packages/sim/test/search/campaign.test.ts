// Goal: a campaign gives out every seed once, goes on where it was stopped, and does not pass when a fault never struck, a seed failed
// or some were not run. Method: runs are made up.
import { expect, test } from 'vitest';
import { faultNames } from '../../src/faults/catalog.ts';
import type { RunReport } from '../../src/run/run-scenario.ts';
import { Campaign, campaignSummary } from '../../src/search/campaign.ts';

const goal = { seeds: 30, scaleSeeds: 0, only: ['pod-churn', 'single-node'] };
const everything = Object.fromEntries(faultNames.map((name) => [name, 1]));

function report(scenario: string, seed: string, more: Partial<RunReport> = {}): RunReport {
  return { scenario, seed, traceHash: '', traceEntries: 0, virtualMs: 1000, wallMs: 10, events: 1, faultsFired: [], marks: everything, violations: [], ...more };
}

function drain(campaign: Campaign, most = Number.POSITIVE_INFINITY): readonly string[] {
  const taken: string[] = [];
  for (let job = campaign.take(); job !== undefined; job = taken.length < most ? campaign.take() : undefined) {
    taken.push(`${job.scenario} ${job.seed}`);
    campaign.add(report(job.scenario, job.seed));
  }
  return taken;
}

test('every seed is given out once, cheap scenarios get more, and it passes', () => {
  const campaign = new Campaign(goal);
  const taken = drain(campaign);
  expect(new Set(taken).size).toBe(taken.length);
  expect(taken.length).toBeGreaterThanOrEqual(30);
  const of = (name: string) => taken.filter((text) => text.startsWith(name)).length;
  expect(of('single-node')).toBeGreaterThan(of('pod-churn'));
  expect(campaign.verdict()).toEqual([]);
  expect(campaignSummary(campaign)).toContain(`All ${taken.length} seeds; ${faultNames.length} of ${faultNames.length} kinds of fault struck; 0 violations.`);
});

test('it goes on where it was stopped', () => {
  const first = new Campaign(goal);
  const before = drain(first, 10);
  expect(first.verdict().some((line) => line.includes('seeds were run'))).toBe(true);
  // What a file keeps of it.
  const second = new Campaign(goal, JSON.parse(JSON.stringify(first.parts)) as typeof first.parts);
  const after = drain(second);
  expect([...before, ...after].sort()).toEqual([...drain(new Campaign(goal))].sort());
  expect(second.verdict()).toEqual([]);
});

test('seeds that were under way when it was stopped are run by the next', () => {
  const first = new Campaign(goal);
  const jobs = Array.from({ length: 6 }, () => first.take()!);
  for (const { scenario, seed } of jobs.slice(2)) first.add(report(scenario, seed));
  const second = new Campaign(goal, JSON.parse(JSON.stringify(first.parts)) as typeof first.parts);
  const after = drain(second);
  expect(after.slice(0, 2).toSorted()).toEqual(jobs.slice(0, 2).map(({ scenario, seed }) => `${scenario} ${seed}`).toSorted());
  expect([...jobs.slice(2).map(({ scenario, seed }) => `${scenario} ${seed}`), ...after].toSorted()).toEqual([...drain(new Campaign(goal))].toSorted());
  expect(second.verdict()).toEqual([]);
});

test('a fault that never struck and a seed that failed are told', () => {
  const campaign = new Campaign(goal);
  for (let job = campaign.take(); job !== undefined; job = campaign.take()) campaign.add(report(job.scenario, job.seed, { marks: { ...everything, 'hardware.busy': 0 } }));
  expect(campaign.verdict()).toEqual(['the fault hardware.busy never struck']);
  campaign.add(report('pod-churn', '99', { violations: [{ oracle: 'silence', property: '', atMs: 1, objects: [], says: 'writes', trace: [] }] }));
  expect(campaign.verdict()).toEqual(['pod-churn, seed 99: silence: writes']);
});
