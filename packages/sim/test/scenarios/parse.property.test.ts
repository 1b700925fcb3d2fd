// Goal: whatever a file holds, reading it as a scenario or a replay gives one or says what is wrong and where; what the program wrote
// comes back. Method: any values, and shipped scenarios with one part spoilt.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { catalog, drawPlan, faultNames, parseReplay, parseScenario, properties, REPLAY_VERSION } from '@vfleet/sim';
import type { Replay } from '@vfleet/sim';

const anything = fc.oneof(fc.anything({ withNullPrototype: true }), fc.jsonValue());

test('anything is a scenario, or has problems with paths', () => {
  const spoilt = fc.tuple(fc.constantFrom(...catalog.map(fileOf)), fc.constantFrom('name', 'fleet', 'objects', 'steps', 'faults', 'workloads', 'convergeWithinMs', 'expectations', '__proto__', 'nothing'), anything)
    .map(([file, field, value]) => Object.fromEntries([...Object.entries(file), [field, value]]));
  fc.assert(fc.property(fc.oneof(anything, spoilt), (value) => {
    const parsed = parseScenario(value);
    if (parsed.ok) return;
    expect(parsed.error.length).toBeGreaterThan(0);
    for (const { path, cause, remedy } of parsed.error) expect([path !== '', cause !== '', remedy !== '']).toEqual([true, true, true]);
  }), { numRuns: 300 });
});

test.each(catalog.map((scenario) => [scenario.name, scenario] as const))('%s can be written as a file', (_, scenario) => {
  const parsed = parseScenario(JSON.parse(JSON.stringify(fileOf(scenario))));
  expect(parsed).toMatchObject({ ok: true, value: { name: scenario.name, convergeWithinMs: scenario.convergeWithinMs } });
});

/** The form of files: an action's fields stand beside its time. */
function fileOf({ steps, ...scenario }: (typeof catalog)[number]): Record<string, unknown> {
  return { ...scenario, ...(steps === undefined ? {} : { steps: steps.map(({ atMs, action }) => ({ atMs, ...action })) }) };
}

test('a replay comes back as it was written; anything else is refused with paths', () => {
  const replays: fc.Arbitrary<Replay> = fc.record({
    version: fc.constant(REPLAY_VERSION), scenario: fc.constantFrom(...catalog.map(({ name }) => name)), seed: fc.string(), oracle: fc.constantFrom(...properties.map(({ name }) => name)), says: fc.string(),
    faults: fc.array(fc.tuple(fc.constantFrom(...faultNames), fc.stringMatching(/^[a-z/-]{0,20}$/), fc.nat()).map(([name, site, nth]) => `${name}@${site}#${nth}`), { maxLength: 5 }),
  });
  fc.assert(fc.property(replays, (replay) => {
    expect(parseReplay(JSON.parse(JSON.stringify(replay)))).toEqual({ ok: true, value: replay });
  }));
  fc.assert(fc.property(fc.oneof(anything, fc.record({ version: fc.constant(REPLAY_VERSION), scenario: anything, seed: anything, oracle: anything, says: anything, faults: anything })), (value) => {
    const parsed = parseReplay(value);
    if (!parsed.ok) for (const { path, cause } of parsed.error) expect([path !== '', cause !== '']).toEqual([true, true]);
  }));
});

test('a seed draws the same faults every time, allowed ones only, at rates within their bounds', () => {
  fc.assert(fc.property(fc.constantFrom(...catalog), fc.string(), (scenario, seed) => {
    const plan = drawPlan(scenario, seed);
    expect(drawPlan(scenario, seed)).toEqual(plan);
    for (const [name, rate] of Object.entries(plan.rates)) {
      expect(scenario.faults.deny ?? []).not.toContain(name);
      expect(rate).toBeGreaterThan(0);
      expect(rate).toBeLessThanOrEqual(1);
    }
  }));
});
