// Goal: of the processes of a node one at a time writes to the hardware, the last that came, and one is left whatever dies. Method: drawn
// histories of processes that come, end and are killed, over one lock and one place, in virtual time.
import { SimClock, silentLog } from '@vfleet/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Turn } from '../src/verbs/node/turn.ts';
import type { Work } from '../src/verbs/node/turn.ts';

/** One node: whose socket is in the place, who has the lock, and who writes. */
class Node {
  readonly clock = new SimClock();
  place: Process | undefined;
  holder: Process | undefined;
  readonly writers = new Set<Process>();
  most = 0;
}

class Process {
  readonly turn: Turn;
  readonly told: boolean[] = [];
  alive = true;
  readonly #node: Node;

  /** `stepMs`: how long what is under way takes to end. */
  constructor(node: Node, stepMs: number) {
    this.#node = node;
    const newWork = (): Work => {
      let begun = false;
      return {
        takePlace: async () => void (node.place = this),
        isInPlace: async () => node.place === this,
        begin: () => {
          begun = true;
          node.writers.add(this);
          node.most = Math.max(node.most, node.writers.size);
        },
        end: async () => {
          if (begun) await node.clock.sleep(stepMs);
          node.writers.delete(this);
          if (node.place === this) node.place = undefined;
        },
      };
    };
    const withLock = async <Value>(_path: string, work: () => Promise<Value>): Promise<Value> => {
      while (node.holder?.alive === true && node.holder !== this) await node.clock.sleep(10);
      // A process that was killed meanwhile does nothing more.
      if (!this.alive) return new Promise(() => undefined);
      node.holder = this;
      try {
        return await work();
      } finally {
        if (node.holder === this) node.holder = undefined;
      }
    };
    const clock = { ...bound(node.clock), sleep: (ms: number) => node.clock.sleep(ms).then(() => (this.alive ? undefined : new Promise<void>(() => undefined))) };
    this.turn = new Turn({ clock, files: { withLock }, log: silentLog, isAnswered: async () => node.place?.alive === true, newWork, changed: (has) => this.told.push(has) }, '/lock');
  }

  kill(): void {
    this.alive = false;
    this.#node.writers.delete(this);
  }
}

function bound(clock: SimClock) {
  return { now: () => clock.now(), monotonicMs: () => clock.monotonicMs(), sleep: (ms: number) => clock.sleep(ms), setTimer: (ms: number, work: () => void) => clock.setTimer(ms, work) };
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('come' as const), stepMs: fc.integer({ min: 0, max: 3_000 }) }),
  fc.record({ kind: fc.constantFrom('end' as const, 'kill' as const), which: fc.nat(5) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 5_000 }) }),
);

test('never two, and one in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const node = new Node();
      const processes: Process[] = [];
      for (const one of steps) {
        if (one.kind === 'wait') await node.clock.run(one.ms);
        else if (one.kind === 'come') {
          const process = new Process(node, one.stepMs);
          processes.push(process);
          void process.turn.start();
        } else {
          const process = processes[one.which % Math.max(1, processes.length)];
          if (process?.alive !== true) continue;
          if (one.kind === 'kill') process.kill();
          else void process.turn.stop().then(() => process.kill());
        }
        await node.clock.run(1);
        expect(node.most).toBeLessThanOrEqual(1);
      }
      await node.clock.run(60_000);
      expect(node.most).toBeLessThanOrEqual(1);
      const living = processes.filter(({ alive }) => alive);
      expect(node.writers.size).toBe(Math.min(1, living.length));
      expect([...node.writers].every((process) => process === node.place)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('the last that came has the turn, when what was under way has ended', async () => {
  const node = new Node();
  const [first, second] = [new Process(node, 5_000), new Process(node, 0)];
  await first.turn.start();
  await node.clock.run(10_000);
  expect([...node.writers]).toEqual([first]);
  await second.turn.start();
  await node.clock.run(3_000);
  expect([[...node.writers], first.told, node.place]).toEqual([[first], [false], second]);
  await node.clock.run(10_000);
  expect([...node.writers]).toEqual([second]);
  second.kill();
  await node.clock.run(10_000);
  expect([[...node.writers], first.told, node.place]).toEqual([[first], [false, true], first]);
});
