// Goal: the engine is deterministic, orders events by time and by who came first, and refuses real waits instead of hanging on them.
// Method: small programs on a Simulation; the same twice; ones that break its rules.
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { NotReachedError, RealWaitError, RunningHash, Simulation, traceLine } from '../../src/engine/index.ts';

function program(seed: string): Simulation {
  const simulation = new Simulation(seed);
  const random = simulation.random('ticks');
  const tick = (left: number) => {
    simulation.trace.record('node-a', 'tick', String(random.integer(1000)));
    if (left > 0) simulation.clock.setTimer(random.integer(50), () => tick(left - 1));
  };
  tick(100);
  return simulation;
}

describe('Simulation', () => {
  test('one seed, one trace hash; another seed, another', async () => {
    const hashes = [];
    for (const seed of ['a', 'a', 'b']) {
      const simulation = program(seed);
      await simulation.run(10_000);
      expect(simulation.trace.count).toBe(101);
      hashes.push(simulation.trace.hash);
    }
    expect(hashes[0]).toMatch(/^[0-9a-f]{16}$/);
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  test('streams do not disturb each other', () => {
    const one = new Simulation('s');
    const two = new Simulation('s');
    two.random('other').next();
    expect(one.random('mine').next()).toBe(two.random('mine').next());
  });

  test('time stops at the end of a run, and until() stops where its condition holds', async () => {
    const simulation = new Simulation(1);
    let fired = 0;
    for (const atMs of [10, 20, 30]) simulation.clock.setTimer(atMs, () => fired++);
    expect(await simulation.until(() => fired === 2, 1000)).toBe(true);
    expect(simulation.clock.monotonicMs()).toBe(20);
    await simulation.run(5);
    expect([fired, simulation.clock.monotonicMs()]).toEqual([2, 25]);
    expect(await simulation.until(() => fired === 4, 1000)).toBe(false);
  });

  test('drive() lets time pass for a promise, and says when it never settles', async () => {
    const simulation = new Simulation(1);
    await simulation.drive(simulation.clock.sleep(5000));
    expect(simulation.clock.monotonicMs()).toBe(5000);
    await expect(simulation.drive(new Promise(() => undefined))).rejects.toThrow(NotReachedError);
    await expect(simulation.drive(Promise.reject(new Error('its own')))).rejects.toThrow('its own');
  });

  test('a real file, or a real timer, fails the run', async () => {
    const simulation = new Simulation(1);
    const reading = readFile(import.meta.filename);
    await expect(simulation.run(10)).rejects.toThrow(RealWaitError);
    await reading;
    await simulation.run(10);
    const timer = setTimeout(() => undefined, 10_000);
    await expect(simulation.run(10)).rejects.toThrow(/Timeout/);
    clearTimeout(timer);
  });

  test('the trace keeps the newest entries and finds those about something', async () => {
    const simulation = program('a');
    await simulation.run(10_000);
    simulation.trace.record('node-b', 'tick', 'other');
    expect(simulation.trace.last(3)).toHaveLength(3);
    expect(simulation.trace.last(5, ['node-b']).map(traceLine)).toEqual(['t=10.000 node-b tick other']);
  });
});

test('the hash tells where texts end', () => {
  const digest = (...texts: string[]) => {
    const hash = new RunningHash();
    for (const text of texts) hash.add(text);
    return hash.digest();
  };
  expect(digest('ab', 'c')).not.toBe(digest('a', 'bc'));
  expect(digest('ab', 'c')).not.toBe(digest('abc'));
  expect(digest('a')).toBe(digest('a'));
});
