// Goal: manifests mean the same to the Go operator and to ours, but for the differences that docs/upgrade.md tells of. Method: the Go operator was
// run on written and drawn fleets, policies, pools and networks (recording/record.ts); ours gets the same on an embedded API server, and every
// object is compared. Each difference needs a reason that holds for that very object, and each reason has to be needed by some.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { world } from '../operator/harness.ts';
import { KNOWN, compare } from './recording/differences.ts';
import type { Comparison } from './recording/differences.ts';
import { change, discover, prepare, readAnswers, write } from './recording/scenario.ts';
import type { Answers, Scenario } from './recording/scenario.ts';
import { scenarios } from './recording/scenarios.ts';

interface Recorded {
  readonly recordedFrom: string;
  readonly scenario: Scenario;
  readonly answers: Answers;
  /** After each step of changes. */
  readonly then: readonly Answers[];
}

const folder = join(import.meta.dirname, 'recording/recorded');
const recorded = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Recorded;

/** What was made of the scenario, and then of each step of its changes. */
async function answersOfOurs(scenario: Scenario): Promise<readonly Answers[]> {
  const { clock, kube, begin, bugs } = await world();
  await prepare(kube, scenario);
  const operator = begin('ours');
  await clock.run(5_000);
  expect(await discover(kube, scenario)).toBe(true);
  await clock.run(5_000);
  const refused = await write(kube, scenario);
  await clock.run(30_000);
  const answers = [await readAnswers(kube, refused)];
  for (const step of scenario.changes) {
    await change(kube, step);
    await clock.run(30_000);
    answers.push(await readAnswers(kube, refused));
  }
  await operator.stop();
  expect(bugs).toEqual([]);
  return answers;
}

test('what was recorded is what the scenarios say', () => {
  expect(readdirSync(folder).toSorted()).toEqual(scenarios.map(({ name }) => `${name}.json`).toSorted());
  for (const scenario of scenarios) expect(recorded(scenario.name).scenario, 'record again').toEqual(JSON.parse(JSON.stringify(scenario)));
});

test('ours answers as the Go operator did, but for differences that are told', async () => {
  const needed = new Set<string>();
  const comparisons: Record<string, Comparison['unexplained']> = {};
  for (const { name } of scenarios) {
    const { scenario, answers, then } = recorded(name);
    const ours = await answersOfOurs(scenario);
    const compared = [answers, ...then].map((one, step) => compare(scenario, one, ours[step]!));
    comparisons[name] = compared.flatMap(({ unexplained }, step) => unexplained.map((text) => `step ${step}: ${text}`));
    for (const reason of compared.flatMap((comparison) => [...comparison.needed])) needed.add(reason);
  }
  expect(comparisons).toEqual(Object.fromEntries(scenarios.map(({ name }) => [name, []])));
  expect([...needed].toSorted()).toEqual(Object.keys(KNOWN).toSorted());
});

test('the comparison sees what differs', async () => {
  const { scenario, answers } = recorded('bridges');
  const changed = structuredClone(answers) as { nodes: Record<string, { state: { interfaces: { numVfs: number }[] } }> };
  changed.nodes['both']!.state.interfaces[0]!.numVfs++;
  expect(compare(scenario, answers, changed as never).unexplained).toEqual([expect.stringContaining('node state both')]);
});
