// Goal: what an observer of a queue is told adds up to what the queue did. Method: random adds, takes and failures under simulated time,
// and the sums compared with a plain account of the same.
import { SimClock } from '@vfleet/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Controller, WorkQueue } from '../../src/index.ts';
import { silentLog } from '@vfleet/core';

test('depth, adds, waits and retries are those of the queue, whatever is done to it', async () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), key: fc.constantFrom('a', 'b', 'c') }), fc.record({ kind: fc.constant('take' as const) }), fc.record({ kind: fc.constant('done' as const) }),
    fc.record({ kind: fc.constant('retry' as const), key: fc.constantFrom('a', 'b', 'c') }), fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 50 }) }),
  );
  await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
    const clock = new SimClock();
    const told = { depth: 0, added: 0, waitedMs: [] as number[], retried: 0 };
    const queue = new WorkQueue<string>(clock, {
      observer: { depth: (length) => void (told.depth = length), added: () => void told.added++, taken: (waitedMs) => void told.waitedMs.push(waitedMs), retried: () => void told.retried++ },
    });
    const held: string[] = [];
    let retries = 0;
    for (const one of actions) {
      if (one.kind === 'add') queue.add(one.key);
      else if (one.kind === 'retry') {
        queue.addRateLimited(one.key);
        retries++;
      } else if (one.kind === 'wait') await clock.run(one.ms);
      else if (one.kind === 'done') {
        const key = held.shift();
        if (key !== undefined) queue.done(key);
      } else if (queue.length > 0) held.push((await queue.get())!);
      expect(told.depth).toBe(queue.length);
    }
    expect(told.retried).toBe(retries);
    expect(told.added).toBe(told.waitedMs.length + queue.length);
    expect(told.waitedMs.every((waitedMs) => waitedMs >= 0 && waitedMs <= clock.monotonicMs())).toBe(true);
    queue.shutDown();
    expect(told.depth).toBe(0);
  }));
});

test('a key waits from the moment that a worker could take it, not from its delay', async () => {
  const clock = new SimClock();
  const waits: number[] = [];
  const queue = new WorkQueue<string>(clock, { observer: { depth() {}, added() {}, retried() {}, taken: (waitedMs) => void waits.push(waitedMs) } });
  queue.addAfter('late', 1_000);
  await clock.run(1_250);
  await queue.get();
  expect(waits).toEqual([250]);
});

test('a controller asks for the observer of its queue by its name', async () => {
  const clock = new SimClock();
  const asked: string[] = [];
  let added = 0;
  const controller = new Controller({ clock, log: silentLog }, {
    name: 'drain', reconcile: async () => {},
    observer: { queue: (name) => (asked.push(name), { depth() {}, added: () => void added++, taken() {}, retried() {} }) },
  });
  controller.queue.add('a');
  controller.queue.add('a');
  expect({ asked, added }).toEqual({ asked: ['drain'], added: 1 });
  await controller.stop();
});
