// Goal: under load heartbeats go first, nothing else is starved or kept in endless lines, and every turn is given back. Method: works
// that record when they run, and drawn loads.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { priorityOf, Turns } from '@vfleet/kube-sim/edge/limits/turns.ts';

const turnOfTheLoop = () => new Promise<void>((resolve) => setImmediate(resolve));

test('what arrives together is carried out by priority, in order', async () => {
  const turns = new Turns({ runningMax: 10, waitingMax: 100 });
  const order: string[] = [];
  const work = (name: string) => async () => void order.push(name);
  for (const name of ['a', 'b', 'c']) turns.enter('ordinary', work(name));
  turns.enter('heartbeat', work('lease'));
  expect(order).toEqual([]);
  await turnOfTheLoop();
  expect(order).toEqual(['lease', 'a', 'b', 'c']);
});

test('slow works hold their places; heartbeats have some more; what waits beyond the line is refused', async () => {
  const turns = new Turns({ runningMax: 4, waitingMax: 3 });
  const gate = Promise.withResolvers<void>();
  const started: string[] = [];
  const slow = (name: string) => async () => {
    started.push(name);
    await gate.promise;
  };
  for (let index = 0; index < 3; index++) expect(turns.enter('ordinary', slow(`o${index}`))).toBe(true);
  expect(turns.enter('ordinary', slow('refused'))).toBe(false);
  await turnOfTheLoop();
  for (let index = 3; index < 6; index++) expect(turns.enter('ordinary', slow(`o${index}`))).toBe(true);
  expect(turns.enter('ordinary', slow('refused'))).toBe(false);
  expect(turns.enter('heartbeat', slow('h0'))).toBe(true);
  await turnOfTheLoop();
  await turnOfTheLoop();
  expect(started).toEqual(['o0', 'o1', 'o2', 'h0']);
  expect(turns.load).toBe(7);
  gate.resolve();
  await turnOfTheLoop();
  await turnOfTheLoop();
  expect(started).toEqual(['o0', 'o1', 'o2', 'h0', 'o3', 'o4', 'o5']);
  expect(turns.load).toBe(0);
});

test('drawn: everything that is let in is carried out once, and no place is lost', async () => {
  const arrival = fc.record({ priority: fc.constantFrom('heartbeat' as const, 'ordinary' as const), waits: fc.nat(3) });
  await fc.assert(fc.asyncProperty(fc.array(fc.array(arrival, { maxLength: 20 }), { maxLength: 6 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 15 }), async (bursts, runningMax, waitingMax) => {
    const turns = new Turns({ runningMax, waitingMax });
    let entered = 0;
    let carriedOut = 0;
    let running = 0;
    for (const burst of bursts) {
      for (const { priority, waits } of burst) {
        const isIn = turns.enter(priority, async () => {
          running++;
          expect(running).toBeLessThanOrEqual(Math.ceil(runningMax * 1.5));
          for (let wait = 0; wait < waits; wait++) await turnOfTheLoop();
          running--;
          carriedOut++;
        });
        if (isIn) entered++;
      }
      await turnOfTheLoop();
    }
    for (let turn = 0; turn < 1000 && turns.load > 0; turn++) await turnOfTheLoop();
    expect([carriedOut, turns.load]).toEqual([entered, 0]);
  }), { numRuns: 50 });
});

test.each([
  ['PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/a', 'heartbeat'],
  ['PATCH', '/api/v1/nodes/a/status', 'heartbeat'],
  ['GET', '/api/v1/nodes', 'ordinary'],
  ['DELETE', '/api/v1/nodes/a', 'ordinary'],
  ['POST', '/api/v1/namespaces/default/pods', 'ordinary'],
])('%s %s is %s', (method, path, priority) => {
  expect(priorityOf(method, path.split('/').slice(1))).toBe(priority);
});
