// Goal: simulated time fires timers by (time, order of setting), never goes back, and lets promise chains finish before it moves on.
// Method: random timer sets against a stable sort, then each promise of the interface once.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SimClock, parseRfc3339, rfc3339, rfc3339Micro } from '../../src/index.ts';

describe('timers', () => {
  test('fire by time, then by order of setting; cancelled ones never', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ delayMs: fc.integer({ min: -5, max: 50 }), cancelled: fc.boolean() })), async (timers) => {
        const clock = new SimClock();
        const fired: number[] = [];
        const at: number[] = [];
        const handles = timers.map(({ delayMs }, index) => clock.setTimer(delayMs, () => {
          fired.push(index);
          at.push(clock.monotonicMs());
        }));
        timers.forEach(({ cancelled }, index) => {
          if (!cancelled) return;
          handles[index]!.cancel();
          handles[index]!.cancel();
        });
        const expected = timers.map((timer, index) => ({ ...timer, index })).filter(({ cancelled }) => !cancelled).toSorted((a, b) => Math.max(0, a.delayMs) - Math.max(0, b.delayMs) || a.index - b.index);
        expect(clock.pending).toBe(expected.length);
        await clock.run();
        expect(fired).toEqual(expected.map(({ index }) => index));
        expect(at).toEqual(expected.map(({ delayMs }) => Math.max(0, delayMs)));
        expect(clock.pending).toBe(0);
        handles.forEach((handle) => handle.cancel());
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test('what a timer causes runs before the next timer, also through several promises', async () => {
    const clock = new SimClock();
    const order: string[] = [];
    clock.setTimer(1, () => void Promise.resolve().then(async () => {
      await Promise.resolve();
      order.push('chain of the first');
    }));
    clock.setTimer(1, () => order.push('second'));
    await clock.run();
    expect(order).toEqual(['chain of the first', 'second']);
  });

  test('a timer set by a timer for now still fires, and time stands', async () => {
    const clock = new SimClock();
    let at = -1;
    clock.setTimer(5, () => clock.setTimer(0, () => (at = clock.monotonicMs())));
    await clock.run();
    expect(at).toBe(5);
  });
});

describe('driving', () => {
  test('run(for) stops in time and moves time to the end, with later timers left', async () => {
    const clock = new SimClock(1000);
    let fired = 0;
    clock.setTimer(10, () => fired++);
    clock.setTimer(11, () => fired++);
    await clock.run(10);
    expect([fired, clock.monotonicMs(), clock.now(), clock.nextAtMs()]).toEqual([1, 10, 1010, 11]);
    await clock.run(100);
    expect([fired, clock.monotonicMs(), clock.nextAtMs()]).toEqual([2, 110, undefined]);
    expect(clock.step()).toBe(false);
  });

  test('settle moves time until a promise settles, either way, and says when it cannot', async () => {
    const clock = new SimClock();
    const late = clock.sleep(5_000).then(() => 'late');
    expect(await clock.settle(late)).toBe('late');
    expect(clock.monotonicMs()).toBe(5_000);
    await expect(clock.settle(clock.sleep(10).then(() => Promise.reject(new Error('refused'))))).rejects.toThrow('refused');
    await expect(clock.settle(clock.sleep(1_000), 999)).rejects.toThrow('did not hold within 999 ms');
    await expect(new SimClock().settle(new Promise(() => {}))).rejects.toThrow('no timer is left');
  });

  test('runUntil stops as soon as it holds, and says what did not', async () => {
    const clock = new SimClock();
    let count = 0;
    const tick = () => {
      count++;
      clock.setTimer(10, tick);
    };
    tick();
    await clock.runUntil(() => count === 4, 1000);
    expect(clock.monotonicMs()).toBe(30);
    await expect(clock.runUntil(() => false, 50, 'the end of the world')).rejects.toThrow('the end of the world did not hold within 50 ms');
    await expect(new SimClock().runUntil(() => false, 50, 'anything')).rejects.toThrow('no timer is left');
  });

  test('the wall clock can be stepped, the monotonic one cannot', () => {
    const clock = new SimClock(5000);
    clock.stepWallClock(-3000);
    expect([clock.now(), clock.monotonicMs()]).toEqual([2000, 0]);
  });
});

describe('sleep', () => {
  test('resolves in time; an abort rejects at once with its reason and leaves no timer', async () => {
    const clock = new SimClock();
    const controller = new AbortController();
    const reason = new Error('stop');
    const outcomes: unknown[] = [];
    void clock.sleep(10).then(() => outcomes.push(clock.monotonicMs()));
    void clock.sleep(1000, controller.signal).catch((error: unknown) => outcomes.push(error));
    await clock.run(20);
    controller.abort(reason);
    await clock.run(0);
    expect(outcomes).toEqual([10, reason]);
    expect(clock.pending).toBe(0);
    await expect(clock.sleep(1, controller.signal)).rejects.toBe(reason);
  });
});

describe('RFC 3339', () => {
  test('writes and reads what Kubernetes writes', () => {
    expect(rfc3339(1_767_225_600_999)).toBe('2026-01-01T00:00:00Z');
    expect(rfc3339Micro(1_767_225_600_042)).toBe('2026-01-01T00:00:00.042000Z');
    expect(parseRfc3339('2026-01-01T01:00:00.5+01:00')).toBe(1_767_225_600_500);
    for (const bad of ['', '2026-01-01', '2026-01-01 00:00:00Z', '2026-13-01T00:00:00Z', '1']) expect(parseRfc3339(bad)).toBeUndefined();
  });

  test('round trip', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
      expect(parseRfc3339(rfc3339(seconds * 1000))).toBe(seconds * 1000);
    }));
  });
});
