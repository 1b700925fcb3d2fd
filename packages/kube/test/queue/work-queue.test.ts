// Goal: the queue keeps client-go's promises. Method: each promise alone, then a property that compares random use with a
// model of two sets and demands that nothing added is lost, nothing is worked on twice at once, and order is kept.
import { SimClock, drainMicrotasks } from '@vfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fifo } from '../../src/queue/fifo.ts';
import { TokenBucket, WorkQueue } from '../../src/index.ts';

function queue(options = {}) {
  const clock = new SimClock();
  return { clock, queue: new WorkQueue<string>(clock, options) };
}

/** What a worker would get now, if anything. */
async function taken(one: WorkQueue<string>): Promise<string | undefined> {
  return one.length === 0 ? undefined : one.get();
}

describe('adding and taking', () => {
  test('a key waits once, keys come in order, a worker that waits is served', async () => {
    const { queue: one } = queue();
    const waiting = one.get();
    for (const key of ['a', 'b', 'a', 'c', 'b']) one.add(key);
    expect(await waiting).toBe('a');
    expect([await one.get(), await one.get(), one.length]).toEqual(['b', 'c', 0]);
  });

  test('a key added while it is worked on comes again after done, once', async () => {
    const { queue: one } = queue();
    one.add('a');
    await one.get();
    one.add('a');
    one.add('a');
    expect(one.length).toBe(0);
    one.done('a');
    expect(one.length).toBe(1);
    expect(await one.get()).toBe('a');
    one.done('a');
    one.done('a');
    expect([one.length, one.processing]).toEqual([0, 0]);
  });

  test('more keys than the capacity is a mistake that is reported', () => {
    const { queue: one } = queue({ capacity: 3 });
    one.add('a');
    one.addAfter('b', 10);
    one.add('c');
    one.add('a');
    expect(() => one.add('d')).toThrow('more than 3 distinct keys');
    expect(() => one.addAfter('d', 1)).toThrow('more than 3 distinct keys');
  });
});

describe('delays', () => {
  test('the earliest of several delays counts, and one timer serves all', async () => {
    const { clock, queue: one } = queue();
    one.addAfter('late', 100);
    one.addAfter('soon', 50);
    one.addAfter('late', 20);
    one.addAfter('soon', 80);
    one.addAfter('now', 0);
    expect([one.length, one.delayed, clock.pending]).toEqual([1, 2, 1]);
    await clock.run(20);
    expect([await taken(one), await taken(one), await taken(one)]).toEqual(['now', 'late', undefined]);
    await clock.run(30);
    expect(await taken(one)).toBe('soon');
    await clock.run();
    expect([one.length, one.delayed, clock.pending]).toEqual([0, 0, 0]);
  });

  test('rate-limited adds of a key wait exponentially longer until it is forgotten', () => {
    const { queue: one } = queue({ backoff: { initialMs: 5, maxMs: 100 } });
    expect(Array.from({ length: 7 }, () => one.addRateLimited('a'))).toEqual([5, 10, 20, 40, 80, 100, 100]);
    expect([one.addRateLimited('b'), one.failures('a')]).toEqual([5, 7]);
    one.forget('a');
    expect([one.failures('a'), one.addRateLimited('a'), one.addRateLimited('a', 70)]).toEqual([0, 5, 70]);
  });

  test('rate-limited adds of all keys share a bucket', async () => {
    const { clock, queue: one } = queue({ bucket: { perSecond: 10, burst: 3 } });
    const delays = Array.from({ length: 6 }, (_, index) => one.addRateLimited(`k${index}`));
    expect(delays.map(Math.round)).toEqual([5, 5, 5, 100, 200, 300]);
    await clock.run(10_000);
    expect(one.addRateLimited('later')).toBe(5);
    const bucket = new TokenBucket(clock, { perSecond: 1, burst: 1 });
    expect([bucket.takeMs(), bucket.takeMs()]).toEqual([0, 1000]);
  });
});

describe('shutting down', () => {
  test('shutDown drops what waits and lets waiting workers go', async () => {
    const { clock, queue: one } = queue();
    one.add('a');
    await one.get();
    one.add('b');
    one.addAfter('c', 10);
    one.shutDown();
    one.add('d');
    one.addAfter('d', 1);
    expect([await one.get(), clock.pending, one.delayed, one.isShutDown]).toEqual([undefined, 0, 0, true]);
    const idle = queue().queue;
    const waiting = [idle.get(), idle.get()];
    idle.shutDown();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  });

  test('drain finishes what is ready and being worked on, also what became dirty meanwhile', async () => {
    const { queue: one } = queue();
    for (const key of ['a', 'b']) one.add(key);
    await one.get();
    one.add('a');
    let drained = false;
    void one.drain().then(() => (drained = true));
    one.add('x');
    one.done('a');
    expect([await one.get(), await one.get()]).toEqual(['b', 'a']);
    const last = one.get();
    one.done('b');
    await drainMicrotasks();
    expect(drained).toBe(false);
    one.done('a');
    await drainMicrotasks();
    expect([drained, await last]).toEqual([true, undefined]);
    await one.drain();
  });
});

const command = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key: fc.constantFrom('a', 'b', 'c', 'd') }),
  fc.record({ kind: fc.constant('addAfter' as const), key: fc.constantFrom('a', 'b', 'c', 'd'), delayMs: fc.nat(20) }),
  fc.record({ kind: fc.constantFrom('take' as const, 'done' as const, 'tick' as const) }),
);

test('nothing is lost, nothing is worked on twice at once, order is kept', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
      const { clock, queue: one } = queue();
      const ready: string[] = [];
      const working = new Set<string>();
      const again = new Set<string>();
      const later = new Map<string, number>();
      /** What was taken, and what should have been. */
      const order: (readonly [string | undefined, string | undefined])[] = [];
      const added = (key: string) => {
        if (working.has(key)) again.add(key);
        else if (!ready.includes(key)) ready.push(key);
      };
      for (const next of commands) {
        if (next.kind === 'add' || (next.kind === 'addAfter' && next.delayMs === 0)) {
          one.add(next.key);
          added(next.key);
        } else if (next.kind === 'addAfter') {
          one.addAfter(next.key, next.delayMs);
          later.set(next.key, Math.min(later.get(next.key) ?? Number.POSITIVE_INFINITY, clock.monotonicMs() + next.delayMs));
        } else if (next.kind === 'take') {
          const key = await taken(one);
          order.push([key, ready.shift()]);
          if (key !== undefined) working.add(key);
        } else if (next.kind === 'done') {
          for (const key of [...working].slice(0, 1)) {
            one.done(key);
            working.delete(key);
            if (again.delete(key)) ready.push(key);
          }
        } else {
          // One millisecond at a time; delays that end together are ordered by when they were asked for, which the model does not know.
          await clock.run(1);
          const due = [...later].filter(([, atMs]) => atMs <= clock.monotonicMs()).map(([key]) => key);
          for (const key of due) later.delete(key);
          if (due.length > 1) return;
          for (const key of due) added(key);
        }
        expect([one.length, one.processing, one.delayed]).toEqual([ready.length, working.size, later.size]);
        expect(order.every(([took, expected]) => took === expected)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test('a long line leaves in order and is released', () => {
  const line = new Fifo<number>();
  const out: number[] = [];
  for (let index = 0; index < 10_000; index++) {
    line.push(index);
    if (index % 4 === 3) out.push(line.shift());
  }
  while (line.size > 0) out.push(line.shift());
  expect(out).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
});
