// Goal: workers reconcile what the queue holds, and failures come back at the right time. Method: a controller under simulated
// time with a reconcile that follows a script.
import { KubeError, SimClock, silentLog } from '@vfleet/core';
import { describe, expect, test } from 'vitest';
import type { ControllerOptions, ReconcileResult } from '../../src/index.ts';
import { Controller } from '../../src/index.ts';

function controller(reconcile: (key: string, attempt: number, signal: AbortSignal) => Promise<ReconcileResult> | ReconcileResult, more: Partial<ControllerOptions> = {}) {
  const clock = new SimClock();
  const attempts: { readonly key: string; readonly atMs: number }[] = [];
  const outcomes: string[] = [];
  const lines: string[] = [];
  const record = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const log = { ...silentLog, debug: record('debug'), warn: record('warn'), error: record('error') };
  const one = new Controller({ clock, log }, {
    name: 'test',
    reconcile: async (key, signal) => {
      attempts.push({ key, atMs: clock.monotonicMs() });
      return reconcile(key, attempts.filter((attempt) => attempt.key === key).length, signal);
    },
    observer: { finished: (_, key, outcome, tookMs) => outcomes.push(`${key} ${outcome} ${tookMs}`) },
    ...more,
  });
  one.start();
  return { clock, one, attempts, outcomes, lines };
}

describe('outcomes', () => {
  test('a failure is tried again with growing delays until it succeeds; then the delay is small again', async () => {
    const { clock, one, attempts, outcomes, lines } = controller((_, attempt) => {
      if (attempt <= 3 || attempt === 5) throw new KubeError('InternalError', 500, 'oops');
    });
    one.queue.add('a');
    await clock.run();
    one.queue.add('a');
    await clock.run();
    expect(attempts.map(({ atMs }) => atMs)).toEqual([0, 5, 15, 35, 35, 40]);
    expect(outcomes).toEqual(['a failed 0', 'a failed 0', 'a failed 0', 'a done 0', 'a failed 0', 'a done 0']);
    expect(lines.every((line) => line.startsWith('warn'))).toBe(true);
  });

  test('Retry-After is kept, and a conflict is no warning', async () => {
    const { clock, one, attempts, outcomes, lines } = controller((_, attempt) => {
      if (attempt === 1) throw new KubeError('TooManyRequests', 429, 'slow down', { retryAfterSeconds: 3 });
      if (attempt === 2) throw new KubeError('Conflict', 409, 'newer');
    });
    one.queue.add('a');
    await clock.run();
    expect(attempts.map(({ atMs }) => atMs)).toEqual([0, 3000, 3010]);
    expect(outcomes.map((line) => line.split(' ')[1])).toEqual(['failed', 'conflict', 'done']);
    expect(lines.map((line) => line.split(':')[0])).toEqual(['warn', 'debug']);
  });

  test('requeueAfterMs and requeue ask to come back', async () => {
    const { clock, one, attempts } = controller((_, attempt) => (attempt === 1 ? { requeueAfterMs: 100 } : attempt === 2 ? { requeue: 'rateLimited' } : undefined));
    one.queue.add('a');
    await clock.run();
    expect(attempts.map(({ atMs }) => atMs)).toEqual([0, 100, 105]);
  });

  test('a bug is logged and does not stop other keys; or it is handed to onBug', async () => {
    const buggy = (key: string, attempt: number) => {
      if (key === 'bad' && attempt === 1) throw new TypeError('undefined is not a function');
    };
    const { clock, one, attempts, lines } = controller(buggy);
    one.queue.add('bad');
    one.queue.add('good');
    await clock.run();
    expect(attempts.map(({ key }) => key)).toEqual(['bad', 'good', 'bad']);
    expect(lines).toEqual(['error: reconciling hit a bug; the key is tried again']);
    const bugs: unknown[] = [];
    const strict = controller(buggy, { onBug: (error, key) => bugs.push([error, key]) });
    strict.one.queue.add('bad');
    await strict.clock.run();
    expect(bugs).toEqual([[new TypeError('undefined is not a function'), 'bad']]);
    expect(strict.attempts).toHaveLength(1);
  });
});

describe('workers', () => {
  test('as many keys as there are workers at once, one key never twice', async () => {
    let running = 0;
    let most = 0;
    const perKey = new Map<string, number>();
    const { clock, one, attempts } = controller(async (key) => {
      most = Math.max(most, ++running);
      perKey.set(key, (perKey.get(key) ?? 0) + 1);
      expect(perKey.get(key)).toBe(1);
      await clock.sleep(10);
      perKey.set(key, 0);
      running--;
    }, { workers: 3 });
    for (let index = 0; index < 7; index++) one.queue.add(`k${index}`);
    await clock.run(5);
    one.queue.add('k0');
    await clock.run();
    expect([most, attempts.length, clock.monotonicMs()]).toEqual([3, 8, 30]);
  });

  test('stop aborts what is under way and waits for it; drain finishes what is ready', async () => {
    const sleeping = (_: string, __: number, signal: AbortSignal) => clockOf().sleep(1000, signal);
    let clockOf = () => new SimClock();
    const first = controller(sleeping);
    clockOf = () => first.clock;
    first.one.queue.add('a');
    first.one.queue.add('b');
    await first.clock.run(5);
    await first.one.stop();
    expect([first.attempts.length, first.clock.pending]).toEqual([1, 0]);
    const second = controller(sleeping);
    clockOf = () => second.clock;
    second.one.queue.add('a');
    second.one.queue.add('b');
    await second.clock.run(5);
    const drained = second.one.drain();
    second.one.queue.add('c');
    await second.clock.run();
    await drained;
    expect(second.attempts.map(({ key }) => key)).toEqual(['a', 'b']);
  });
});
